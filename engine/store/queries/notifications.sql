-- name: wanted   of the versions that executions run: their name, and `settings.notifications`
SELECT a.n, v.definition ->> 'name' AS name, v.definition -> 'settings' -> 'notifications' AS wanted
  FROM unnest($1::int[], $2::text[], $3::uuid[]) AS a(n, tenant_id, execution_id)
  JOIN executions e ON e.tenant_id = a.tenant_id AND e.id = a.execution_id
  JOIN workflow_versions v ON v.tenant_id = e.tenant_id AND v.workflow_id = e.workflow_id AND v.version = e.workflow_version
 WHERE v.definition -> 'settings' -> 'notifications' IS NOT NULL;

-- name: leave   in the outbox; ids derive from the event, so that a repeat adds nothing
INSERT INTO outbox (tenant_id, id, topic, subject_id, payload, traceparent)
SELECT * FROM unnest($1::text[], $2::uuid[], $3::text[], $4::text[], $5::json[], $6::text[])
ON CONFLICT DO NOTHING;
