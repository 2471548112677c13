-- name: bury_messages   a message that comes a second time before it was acknowledged is buried once
INSERT INTO dead_letters (tenant_id, id, kind, subject_id, execution_id, cause_code, cause_message, deliveries, payload, history)
SELECT b.tenant_id, b.id, 'message', b.subject, b.execution_id, b.cause_code, b.cause_message, b.deliveries, b.payload, '[]'::json
  FROM unnest($1::text[], $2::uuid[], $3::text[], $4::uuid[], $5::text[], $6::text[], $7::int[], $8::json[])
       AS b(tenant_id, id, subject, execution_id, cause_code, cause_message, deliveries, payload)
 WHERE NOT EXISTS (SELECT FROM dead_letters d
                    WHERE d.tenant_id = b.tenant_id AND d.kind = 'message' AND d.subject_id = b.subject);
