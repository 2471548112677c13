-- name: fan_out   one delivery for each callback that wants the event; ids derive from both, so that a repeat adds nothing
WITH events AS (
    SELECT * FROM unnest($1::text[], $2::uuid[], $3::text[], $4::uuid[], $5::text[])
                  AS e(tenant_id, event_id, type, workflow_id, payload)
)
INSERT INTO callback_deliveries (tenant_id, id, callback_id, event_type, payload)
SELECT e.tenant_id, md5(e.event_id::text || c.id::text)::uuid, c.id, e.type, e.payload
  FROM events e
  JOIN callbacks c ON c.tenant_id = e.tenant_id
 WHERE c.status = 'active' AND (c.workflow_id IS NULL OR c.workflow_id = e.workflow_id)
   AND (e.type = ANY (c.event_types) OR split_part(e.type, '.', 1) || '.*' = ANY (c.event_types) OR '*' = ANY (c.event_types))
ON CONFLICT DO NOTHING
RETURNING id;

-- name: take   due deliveries, hidden from other workers for `$2` seconds; those of the callbacks `$4` are passed over
WITH due AS (
    SELECT d.tenant_id, d.id FROM callback_deliveries d
     WHERE d.status = 'pending' AND d.next_attempt_at <= coalesce($3, now()) AND d.callback_id <> ALL ($4::uuid[])
     ORDER BY d.next_attempt_at LIMIT $1
       FOR UPDATE SKIP LOCKED
)
UPDATE callback_deliveries d SET next_attempt_at = coalesce($3, now()) + make_interval(secs => $2)
  FROM due, callbacks c
 WHERE d.tenant_id = due.tenant_id AND d.id = due.id AND c.tenant_id = d.tenant_id AND c.id = d.callback_id
RETURNING d.tenant_id, d.id, d.callback_id, d.event_type, d.payload, d.attempts, c.url, c.status, c.key_id, c.nonce, c.ciphertext;

-- name: delivered
UPDATE callback_deliveries d
   SET status = 'delivered', attempts = d.attempts + 1, delivered_at = now(), last_status = $3, last_error = NULL, next_attempt_at = NULL
 WHERE d.tenant_id = $1 AND d.id = $2 AND d.status = 'pending';

-- name: postpone
UPDATE callback_deliveries d
   SET attempts = d.attempts + 1, last_status = $3, last_error = $4,
       next_attempt_at = coalesce($6, now()) + make_interval(secs => $5)
 WHERE d.tenant_id = $1 AND d.id = $2 AND d.status = 'pending';

-- name: snooze   nothing was sent: no attempt is spent
UPDATE callback_deliveries d SET last_error = $3, next_attempt_at = coalesce($5, now()) + make_interval(secs => $4)
 WHERE d.tenant_id = $1 AND d.id = $2 AND d.status = 'pending';

-- name: give_up   the last attempt failed too: it is kept among the dead letters
WITH failed AS (
    UPDATE callback_deliveries d
       SET status = 'failed', attempts = d.attempts + 1, last_status = $3, last_error = $4, next_attempt_at = NULL
     WHERE d.tenant_id = $1 AND d.id = $2 AND d.status = 'pending'
    RETURNING d.*
)
INSERT INTO dead_letters (tenant_id, id, kind, subject_id, cause_code, cause_message, deliveries, payload, history)
SELECT f.tenant_id, $5, 'callback', f.id::text, 'callback.undelivered', coalesce(f.last_error, ''), f.attempts,
       f.payload::json, '[]'::json
  FROM failed f
RETURNING id;

-- name: disable   the receiver wants no more: what waits for it is ended with it
WITH ended AS (
    UPDATE callbacks SET status = 'disabled', disabled_reason = $3 WHERE tenant_id = $1 AND id = $2 AND status = 'active'
    RETURNING tenant_id, id
)
UPDATE callback_deliveries d
   SET status = 'failed', last_error = $3, next_attempt_at = NULL
  FROM ended e
 WHERE d.tenant_id = e.tenant_id AND d.callback_id = e.id AND d.status = 'pending';

-- name: next_due
SELECT extract(epoch FROM min(next_attempt_at) - now())::float8 AS in_s
  FROM callback_deliveries WHERE status = 'pending' AND callback_id <> ALL ($1::uuid[]);
