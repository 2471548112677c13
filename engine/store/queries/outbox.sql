-- name: take   never by `id > last`: rows become visible in the order of their commits, not of their ids
WITH waiting AS (
    SELECT o.tenant_id, o.id FROM outbox o
     WHERE o.topic = $1 AND o.available_at <= now()
     ORDER BY o.available_at LIMIT $2
       FOR UPDATE SKIP LOCKED
)
UPDATE outbox o SET available_at = now() + make_interval(secs => $3)
  FROM waiting w WHERE o.tenant_id = w.tenant_id AND o.id = w.id
RETURNING o.tenant_id, o.id, o.topic, o.subject_id, o.payload::text AS payload, o.traceparent, o.created_at, o.attempts;

-- name: settle
DELETE FROM outbox o USING unnest($1::text[], $2::uuid[]) AS x(tenant_id, id)
 WHERE o.tenant_id = x.tenant_id AND o.id = x.id;

-- name: postpone
UPDATE outbox o
   SET attempts = o.attempts + 1, available_at = now() + make_interval(secs => $3), last_error = $4
  FROM unnest($1::text[], $2::uuid[]) AS x(tenant_id, id)
 WHERE o.tenant_id = x.tenant_id AND o.id = x.id;
