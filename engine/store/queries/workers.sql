-- name: register
INSERT INTO workers (tenant_id, id, name, lease_until)
VALUES ('*', $1, $2, now() + make_interval(secs => $3));

-- name: heartbeat   no row: the worker was stopped or forgotten, and must not go on
UPDATE workers SET heartbeat_at = now(), lease_until = now() + make_interval(secs => $2)
 WHERE tenant_id = '*' AND id = $1 AND stopped_at IS NULL
RETURNING clock_timestamp() AS present;

-- name: stop   its executions are free for others from now on; they are rescued as those of a dead worker are, and that
-- it lived to give them back is no sign against them
WITH unharmed AS (
    UPDATE executions SET deliveries = 0 WHERE lease_owner = $1 AND deliveries > 0
)
UPDATE workers SET stopped_at = now(), lease_until = now() WHERE tenant_id = '*' AND id = $1 RETURNING id;

-- name: forget   rows of workers that ended long ago and hold nothing any more
DELETE FROM workers w
 WHERE w.tenant_id = '*' AND w.lease_until < now() - make_interval(secs => $1)
   AND NOT EXISTS (SELECT FROM executions e WHERE e.lease_owner = w.id)
RETURNING w.id;
