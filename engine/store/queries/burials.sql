-- name: bury_messages   a message that comes a second time before it was acknowledged is buried once
INSERT INTO dead_letters (tenant_id, id, kind, subject_id, execution_id, cause_code, cause_message, deliveries, payload, history)
SELECT b.tenant_id, b.id, 'message', b.subject, b.execution_id, b.cause_code, b.cause_message, b.deliveries, b.payload, '[]'::json
  FROM unnest($1::text[], $2::uuid[], $3::text[], $4::uuid[], $5::text[], $6::text[], $7::int[], $8::json[])
       AS b(tenant_id, id, subject, execution_id, cause_code, cause_message, deliveries, payload)
 WHERE NOT EXISTS (SELECT FROM dead_letters d
                    WHERE d.tenant_id = b.tenant_id AND d.kind = 'message' AND d.subject_id = b.subject);

-- name: bury_parcels   what can never arrive is kept instead, and the outbox goes on without it
WITH gone AS (
    DELETE FROM outbox o USING unnest($1::text[], $2::uuid[], $3::uuid[], $4::text[], $5::text[]) AS x(tenant_id, id, letter_id, code, message)
     WHERE o.tenant_id = x.tenant_id AND o.id = x.id
    RETURNING o.tenant_id, x.letter_id, o.topic, o.subject_id, o.payload, o.attempts, x.code, x.message
)
INSERT INTO dead_letters (tenant_id, id, kind, subject_id, cause_code, cause_message, deliveries, payload, history)
SELECT g.tenant_id, g.letter_id, 'outbox', g.topic || ':' || g.subject_id, g.code, g.message, g.attempts + 1, g.payload, '[]'::json
  FROM gone g
RETURNING id;
