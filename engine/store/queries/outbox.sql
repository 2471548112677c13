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

-- name: take_in_order   the oldest of a topic and no others: while those are hidden, by another relay or by a failure, nothing is
-- taken, so that nothing overtakes. The lock keeps two relays from looking at the same moment.
WITH alone AS MATERIALIZED (
    SELECT pg_try_advisory_xact_lock(hashtext('outbox:' || $1)) AS got
), oldest AS (
    SELECT o.tenant_id, o.id, o.available_at FROM outbox o
     WHERE o.topic = $1 AND (SELECT a.got FROM alone a)
     ORDER BY o.created_at, o.id LIMIT $2
), waiting AS (
    SELECT o.tenant_id, o.id FROM oldest o WHERE NOT EXISTS (SELECT FROM oldest h WHERE h.available_at > now())
)
UPDATE outbox o SET available_at = now() + make_interval(secs => $3)
  FROM waiting w WHERE o.tenant_id = w.tenant_id AND o.id = w.id AND o.available_at <= now()
RETURNING o.tenant_id, o.id, o.topic, o.subject_id, o.payload::text AS payload, o.traceparent, o.created_at, o.attempts;
