-- name: take   Free slots of these workflows go to those of their executions that wait longest, a higher priority counting
-- as a minute of waiting; beside them `$3` (retries, which are not in the queue) may get one. The primary key decides between
-- workers that take at the same moment. One row for each slot that was taken.
WITH workflows AS (
    SELECT DISTINCT a.tenant_id, a.workflow_id FROM unnest($1::text[], $2::uuid[]) AS a(tenant_id, workflow_id)
), candidates AS (
    SELECT e.tenant_id, e.workflow_id, e.id, e.slot_limit, e.created_at + e.priority * interval '1 minute' AS turn
      FROM workflows w CROSS JOIN generate_series(0, 3) AS p(priority) CROSS JOIN LATERAL (
           SELECT x.tenant_id, x.workflow_id, x.id, x.slot_limit, x.created_at, x.priority FROM executions x
            WHERE x.tenant_id = w.tenant_id AND x.workflow_id = w.workflow_id AND x.priority = p.priority
              AND x.slot_limit IS NOT NULL AND x.status = 'queued'
              AND NOT EXISTS (SELECT FROM workflow_slots s WHERE s.tenant_id = x.tenant_id AND s.execution_id = x.id)
            ORDER BY x.id LIMIT $4) e
    UNION
    SELECT e.tenant_id, e.workflow_id, e.id, e.slot_limit, e.created_at
      FROM workflows w JOIN executions e ON e.tenant_id = w.tenant_id AND e.workflow_id = w.workflow_id
     WHERE e.id = ANY ($3::uuid[]) AND e.slot_limit IS NOT NULL AND e.status <> 'queued'
       AND NOT EXISTS (SELECT FROM workflow_slots s WHERE s.tenant_id = e.tenant_id AND s.execution_id = e.id)
), placed AS (
    SELECT c.*, row_number() OVER (PARTITION BY c.tenant_id, c.workflow_id ORDER BY c.turn, c.id) AS place FROM candidates c
), free AS (
    SELECT m.tenant_id, m.workflow_id, g.slot,
           row_number() OVER (PARTITION BY m.tenant_id, m.workflow_id ORDER BY g.slot) AS place
      FROM (SELECT c.tenant_id, c.workflow_id, max(c.slot_limit) AS most FROM candidates c GROUP BY 1, 2) m
     CROSS JOIN LATERAL generate_series(1, m.most) AS g(slot)
     WHERE NOT EXISTS (SELECT FROM workflow_slots s
                        WHERE s.tenant_id = m.tenant_id AND s.workflow_id = m.workflow_id AND s.slot = g.slot)
)
INSERT INTO workflow_slots (tenant_id, workflow_id, slot, execution_id)
SELECT p.tenant_id, p.workflow_id, f.slot, p.id
  FROM placed p JOIN free f ON f.tenant_id = p.tenant_id AND f.workflow_id = p.workflow_id AND f.place = p.place
 WHERE f.slot <= p.slot_limit
ON CONFLICT DO NOTHING
RETURNING tenant_id, execution_id;

-- name: workflows_of
SELECT e.tenant_id, e.workflow_id, e.id
  FROM unnest($1::text[], $2::uuid[]) AS a(tenant_id, id) JOIN executions e ON e.tenant_id = a.tenant_id AND e.id = a.id;

-- name: park   what waits for a slot is out of the way of what does not; a slot that gets free finds it all the same
UPDATE executions e SET available_at = 'infinity'
  FROM unnest($1::text[], $2::uuid[]) AS a(tenant_id, id)
 WHERE e.tenant_id = a.tenant_id AND e.id = a.id AND (e.status = 'queued') IS TRUE AND e.slot_limit IS NOT NULL
   AND NOT EXISTS (SELECT FROM workflow_slots s WHERE s.tenant_id = e.tenant_id AND s.execution_id = e.id)
RETURNING e.id;

-- name: release   of executions that have ended
DELETE FROM workflow_slots s USING unnest($1::text[], $2::uuid[]) AS a(tenant_id, execution_id)
 WHERE s.tenant_id = a.tenant_id AND s.execution_id = a.execution_id
RETURNING s.tenant_id, s.workflow_id;

-- name: heal   slots whose execution has ended, or is gone, and that nobody gave back; one that was taken just now may be
-- for a retry that is about to begin
DELETE FROM workflow_slots s
 WHERE s.taken_at < now() - make_interval(secs => $1)
   AND NOT EXISTS (SELECT FROM executions e WHERE e.tenant_id = s.tenant_id AND e.id = s.execution_id
                    AND e.status NOT IN ('completed', 'failed', 'cancelled'));

-- name: idle   who has a slot and was not taken: the worker that gave it out did not live to do so
SELECT s.tenant_id, s.execution_id FROM workflow_slots s JOIN executions e ON e.tenant_id = s.tenant_id AND e.id = s.execution_id
 WHERE (e.status = 'queued') IS TRUE AND s.taken_at < now() - make_interval(secs => $1);

-- name: waiting   workflows of which something waits for a slot, found by skipping from one to the next
WITH RECURSIVE found AS (
    (SELECT e.tenant_id, e.workflow_id FROM executions e
      WHERE e.slot_limit IS NOT NULL AND e.status = 'queued' ORDER BY e.tenant_id, e.workflow_id LIMIT 1)
    UNION ALL
    SELECT n.tenant_id, n.workflow_id FROM found f CROSS JOIN LATERAL (
           SELECT e.tenant_id, e.workflow_id FROM executions e
            WHERE e.slot_limit IS NOT NULL AND e.status = 'queued'
              AND (e.tenant_id, e.workflow_id) > (f.tenant_id, f.workflow_id)
            ORDER BY e.tenant_id, e.workflow_id LIMIT 1) n
)
SELECT tenant_id, workflow_id FROM found LIMIT 10000;
