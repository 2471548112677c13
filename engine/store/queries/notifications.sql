-- name: wanted   `settings.notifications` of published versions
SELECT a.n, v.definition -> 'settings' -> 'notifications' AS wanted
  FROM unnest($1::int[], $2::text[], $3::uuid[], $4::text[]) AS a(n, tenant_id, workflow_id, version)
  JOIN workflow_versions v ON v.tenant_id = a.tenant_id AND v.workflow_id = a.workflow_id AND v.version = a.version;

-- name: leave   in the outbox; ids derive from the event, so that a repeat adds nothing
INSERT INTO outbox (tenant_id, id, topic, subject_id, payload, traceparent)
SELECT * FROM unnest($1::text[], $2::uuid[], $3::text[], $4::text[], $5::json[], $6::text[])
ON CONFLICT DO NOTHING;
