-- name: peers   workers that live, besides the asker
SELECT w.id FROM workers w
 WHERE w.tenant_id = '*' AND w.id <> $1 AND w.lease_until > now() AND w.stopped_at IS NULL
 ORDER BY w.id LIMIT 64;

-- name: offer   only of executions that the lender holds under that epoch; what an earlier epoch left there is replaced
INSERT INTO lent_attempts (tenant_id, execution_id, step_path, iteration, generation, attempt, lease_epoch, lender,
                           action_type, payload)
SELECT x.tenant_id, x.execution_id, x.step_path, x.iteration, x.generation, x.attempt, x.epoch, $9, x.action_type, x.payload
  FROM unnest($1::text[], $2::uuid[], $3::text[], $4::text[], $5::int[], $6::int[], $7::bigint[], $8::text[], $10::json[])
       AS x(tenant_id, execution_id, step_path, iteration, generation, attempt, epoch, action_type, payload)
  JOIN executions e ON e.tenant_id = x.tenant_id AND e.id = x.execution_id
 WHERE e.lease_epoch = x.epoch AND (e.lease_owner = $9) IS TRUE
ON CONFLICT (tenant_id, execution_id, step_path, iteration) DO UPDATE
   SET generation = excluded.generation, attempt = excluded.attempt, lease_epoch = excluded.lease_epoch,
       lender = excluded.lender, action_type = excluded.action_type, payload = excluded.payload, taken_by = NULL,
       offered_at = now()
 WHERE lent_attempts.lease_epoch <= excluded.lease_epoch;

-- name: take   of these executions, what nobody has taken and whose holder still holds; nothing for a worker without a lease
WITH chosen AS (
    SELECT l.tenant_id, l.execution_id, l.step_path, l.iteration, e.traceparent
      FROM unnest($1::text[], $2::uuid[]) AS a(tenant_id, id)
      JOIN lent_attempts l ON l.tenant_id = a.tenant_id AND l.execution_id = a.id
      JOIN executions e ON e.tenant_id = l.tenant_id AND e.id = l.execution_id
      JOIN workers w ON w.tenant_id = '*' AND w.id = $3 AND w.lease_until > now()
     WHERE l.taken_by IS NULL AND l.lender <> $3 AND l.action_type = ANY ($4::text[])
       AND e.lease_epoch = l.lease_epoch AND (e.lease_owner = l.lender) IS TRUE
     LIMIT $5
       FOR UPDATE OF l SKIP LOCKED
)
UPDATE lent_attempts l SET taken_by = $3
  FROM chosen c
 WHERE l.tenant_id = c.tenant_id AND l.execution_id = c.execution_id AND l.step_path = c.step_path AND l.iteration = c.iteration
RETURNING l.tenant_id, l.execution_id, l.step_path, l.iteration, l.generation, l.attempt, l.lease_epoch, l.lender,
          l.action_type, l.payload::text AS payload, c.traceparent;

-- name: give_back   what this worker has taken and does not know of: the answer was lost on the way
UPDATE lent_attempts l SET taken_by = NULL
 WHERE l.taken_by = $1
   AND NOT EXISTS (SELECT FROM unnest($2::uuid[], $3::text[], $4::text[]) AS k(execution_id, step_path, iteration)
                    WHERE k.execution_id = l.execution_id AND k.step_path = l.step_path AND k.iteration = l.iteration)
RETURNING l.execution_id;

-- name: take_back   of one's own offers: those whose taker is dead, those that nobody has taken for `$3` seconds, and up
-- to `$2` of the younger ones
WITH free AS (
    SELECT l.tenant_id, l.execution_id, l.step_path, l.iteration
      FROM lent_attempts l
     WHERE l.lender = $1 AND l.taken_by IS NULL AND l.offered_at >= now() - make_interval(secs => $3)
     LIMIT $2 FOR UPDATE SKIP LOCKED
), unwanted AS (
    SELECT l.tenant_id, l.execution_id, l.step_path, l.iteration
      FROM lent_attempts l
     WHERE l.lender = $1 AND l.taken_by IS NULL AND l.offered_at < now() - make_interval(secs => $3)
       FOR UPDATE SKIP LOCKED
), orphaned AS (
    SELECT l.tenant_id, l.execution_id, l.step_path, l.iteration
      FROM lent_attempts l
      LEFT JOIN workers w ON w.tenant_id = '*' AND w.id = l.taken_by AND w.lease_until > now()
     WHERE l.lender = $1 AND l.taken_by IS NOT NULL AND w.id IS NULL
       FOR UPDATE OF l SKIP LOCKED
)
DELETE FROM lent_attempts l
 USING (SELECT * FROM free UNION ALL SELECT * FROM unwanted UNION ALL SELECT * FROM orphaned) c
 WHERE l.tenant_id = c.tenant_id AND l.execution_id = c.execution_id AND l.step_path = c.step_path AND l.iteration = c.iteration
RETURNING l.tenant_id, l.execution_id, l.step_path, l.iteration, l.generation, l.attempt, l.lease_epoch;

-- name: withdraw   one's own offers whose outcome no longer counts
DELETE FROM lent_attempts l
 USING unnest($1::text[], $2::uuid[], $3::text[], $4::text[], $5::bigint[]) AS x(tenant_id, execution_id, step_path, iteration, epoch)
 WHERE l.tenant_id = x.tenant_id AND l.execution_id = x.execution_id AND l.step_path = x.step_path
   AND l.iteration = x.iteration AND l.lease_epoch = x.epoch AND l.lender = $6;

-- name: settle   outcomes into the inboxes of their executions, where the attempt is still the borrower's and the epoch the
-- holder's; of the others nothing is written. One row per outcome that counts, with whom to tell.
WITH x AS (
    SELECT * FROM unnest($1::text[], $2::uuid[], $3::text[], $4::text[], $5::bigint[], $6::uuid[], $7::text[], $8::json[])
           AS x(tenant_id, execution_id, step_path, iteration, epoch, mail_id, kind, payload)
), settled AS (
    DELETE FROM lent_attempts l
     USING x, executions e
     WHERE l.tenant_id = x.tenant_id AND l.execution_id = x.execution_id AND l.step_path = x.step_path
       AND l.iteration = x.iteration AND l.lease_epoch = x.epoch AND l.taken_by = $9
       AND e.tenant_id = x.tenant_id AND e.id = x.execution_id AND e.lease_epoch = x.epoch
       AND (e.lease_owner = l.lender) IS TRUE
    RETURNING l.tenant_id, l.execution_id, l.lender, x.mail_id, x.kind, x.payload
), posted AS (
    INSERT INTO execution_inbox (tenant_id, execution_id, id, kind, payload)
    SELECT s.tenant_id, s.execution_id, s.mail_id, s.kind, s.payload FROM settled s
)
SELECT DISTINCT s.tenant_id, s.execution_id, s.lender FROM settled s;

-- name: borrowed   what the worker has taken and still may bring an outcome for
SELECT l.execution_id, l.step_path, l.iteration, l.lease_epoch
  FROM lent_attempts l
  JOIN executions e ON e.tenant_id = l.tenant_id AND e.id = l.execution_id
 WHERE l.taken_by = $1 AND e.lease_epoch = l.lease_epoch AND (e.lease_owner = l.lender) IS TRUE;

-- name: forget   what holders left that hold no longer
DELETE FROM lent_attempts l
 WHERE NOT EXISTS (SELECT FROM executions e
                    WHERE e.tenant_id = l.tenant_id AND e.id = l.execution_id AND e.lease_epoch = l.lease_epoch
                      AND (e.lease_owner = l.lender) IS TRUE)
RETURNING l.execution_id;
