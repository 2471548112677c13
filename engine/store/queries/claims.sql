-- name: claim   one row per execution found; verdict: claimed, held (another worker that lives owns it), final, idle
-- (nothing to do), limited (its workflow limits how many run at once, and it has no slot yet: see `take_slots`),
-- suspect (claimed `$5` times without progress: at most `$4` are taken, and one with a single claim left only alone).
-- An execution that is missing from the answer was locked by somebody else at this moment, or does not exist.
-- The asker asks only for what it does not know to hold: what is its own all the same is a claim whose answer was lost, and
-- is claimed anew.
-- A final one is claimed only for a retry: it is running again from here on, and the fold of the retry says so.
WITH me AS (
    SELECT w.id FROM workers w WHERE w.tenant_id = '*' AND w.id = $3 AND w.lease_until > now()
), free AS (
    SELECT e.tenant_id, e.id, e.status, e.lease_owner, e.deliveries, e.deliveries >= $5 AS is_suspect,
           CASE
               WHEN o.id IS NOT NULL THEN 'held'
               WHEN e.status IN ('completed', 'failed', 'cancelled')
                    AND NOT EXISTS (SELECT FROM execution_inbox i
                                     WHERE i.tenant_id = e.tenant_id AND i.execution_id = e.id
                                       AND i.kind = 'RetryAsked') THEN 'final'
               WHEN e.slot_limit IS NOT NULL AND e.status NOT IN ('running', 'paused')
                    AND NOT EXISTS (SELECT FROM workflow_slots s WHERE s.tenant_id = e.tenant_id AND s.execution_id = e.id)
                    AND NOT EXISTS (SELECT FROM execution_inbox i
                                     WHERE i.tenant_id = e.tenant_id AND i.execution_id = e.id AND i.kind = 'CancelAsked')
                    THEN 'limited'
               WHEN e.status IN ('queued', 'completed', 'failed', 'cancelled') OR e.lease_owner IS NOT NULL THEN 'claimed'
               WHEN EXISTS (SELECT FROM execution_inbox i
                             WHERE i.tenant_id = e.tenant_id AND i.execution_id = e.id) THEN 'claimed'
               ELSE 'idle'
           END AS verdict
      FROM unnest($1::text[], $2::uuid[]) AS a(tenant_id, id)
      JOIN executions e ON e.tenant_id = a.tenant_id AND e.id = a.id
      LEFT JOIN workers o ON o.tenant_id = '*' AND o.id = e.lease_owner AND o.id <> $3 AND o.lease_until > now()
       FOR UPDATE OF e SKIP LOCKED
), found AS (
    SELECT f.tenant_id, f.id, f.status, f.lease_owner,
           CASE WHEN f.verdict = 'claimed' AND f.is_suspect
                 AND row_number() OVER likes > CASE WHEN max(f.deliveries) OVER (PARTITION BY f.verdict, f.is_suspect) < $6
                                                    THEN $4 ELSE least($4, 1) END
                THEN 'suspect' ELSE f.verdict END AS verdict
      FROM free f
    WINDOW likes AS (PARTITION BY f.verdict, f.is_suspect ORDER BY f.deliveries DESC)
), taken AS (
    UPDATE executions e
       SET lease_owner = me.id,
           lease_epoch = e.lease_epoch + 1,
           deliveries = e.deliveries + 1,
           status = CASE WHEN e.status = 'paused' THEN 'paused' ELSE 'running' END,
           started_at = coalesce(e.started_at, now()),
           finished_at = NULL
      FROM found f, me
     WHERE f.verdict = 'claimed' AND e.tenant_id = f.tenant_id AND e.id = f.id
    RETURNING e.tenant_id, e.id, f.lease_owner, e.lease_epoch, e.workflow_id, e.workflow_version, e.content_hash,
              f.status, e.trigger_type, e.trigger_data::text AS trigger_data, e.priority, e.qos_class, e.started_by,
              e.created_at, e.started_at, e.last_seq, e.deliveries, e.parent_execution_id, e.parent_step_path,
              e.parent_iteration, e.parent_generation, e.depth, e.traceparent, e.slot_limit,
              EXISTS (SELECT FROM execution_inbox i
                       WHERE i.tenant_id = e.tenant_id AND i.execution_id = e.id) AS has_mail
)
SELECT 'claimed' AS verdict, t.* FROM taken t
UNION ALL
SELECT f.verdict, f.tenant_id, f.id, f.lease_owner, 0, NULL, NULL, NULL, f.status, NULL, NULL, 0, NULL, NULL,
       NULL, NULL, 0, 0, NULL, NULL, NULL, 0, 0, NULL, NULL, false
  FROM found f WHERE f.verdict <> 'claimed';

-- name: still_held   which of these leases are still the asker's, under the same epoch
SELECT e.id
  FROM unnest($1::text[], $2::uuid[], $3::bigint[]) AS a(tenant_id, id, epoch)
  JOIN executions e ON e.tenant_id = a.tenant_id AND e.id = a.id
 WHERE e.lease_epoch = a.epoch AND (e.lease_owner = $4) IS TRUE;

-- name: definitions   of published versions; they never change
SELECT v.tenant_id, v.workflow_id, v.version, v.definition::text AS definition
  FROM unnest($1::text[], $2::uuid[], $3::text[]) AS a(tenant_id, workflow_id, version)
  JOIN workflow_versions v ON v.tenant_id = a.tenant_id AND v.workflow_id = a.workflow_id AND v.version = a.version;
