-- name: accept   One row per execution asked for. `alive` false: the workflow has changed since its facts were read, nothing was
-- written, look again. `accepted` false beside it: its idempotency key is taken by an earlier call. Rows come in one order
-- everywhere (by key), so that two groups that share keys wait for each other instead of locking each other out.
WITH asked AS (
    SELECT *
      FROM unnest($1::text[], $2::uuid[], $3::uuid[], $4::text[], $5::text[], $6::text[], $7::json[], $8::smallint[], $9::text[],
                  $10::text[], $11::text[], $12::int[], $13::text[], $14::text[], $15::text[], $16::text[], $17::bytea[],
                  $18::timestamptz[], $33::int[])
           AS a(tenant_id, id, workflow_id, version, content_hash, trigger_type, trigger_data, priority, qos_class,
                started_by, traceparent, revision, status, latest_version, route, key, fingerprint, expires_at, slot_limit)
), alive AS (
    SELECT a.* FROM asked a
      JOIN workflow_definitions d ON d.tenant_id = a.tenant_id AND d.id = a.workflow_id
     WHERE d.revision = a.revision AND d.status = a.status AND d.is_active
       AND d.latest_version IS NOT DISTINCT FROM a.latest_version
), keyed AS (
    INSERT INTO idempotency_keys (tenant_id, principal, route, key, fingerprint, subject_id, expires_at)
    SELECT a.tenant_id, a.started_by, a.route, a.key, a.fingerprint, a.id, a.expires_at
      FROM alive a WHERE a.key IS NOT NULL
     ORDER BY a.tenant_id, a.started_by, a.route, a.key
    ON CONFLICT DO NOTHING
    RETURNING subject_id
), accepted AS (
    INSERT INTO executions (tenant_id, id, workflow_id, workflow_version, content_hash, trigger_type, trigger_data, priority,
                            qos_class, started_by, traceparent, slot_limit)
    SELECT a.tenant_id, a.id, a.workflow_id, a.version, a.content_hash, a.trigger_type, a.trigger_data, a.priority,
           a.qos_class, a.started_by, a.traceparent, a.slot_limit
      FROM alive a WHERE a.key IS NULL OR (a.id IN (SELECT k.subject_id FROM keyed k)) IS TRUE
    RETURNING id, created_at
), audited AS (
    INSERT INTO audit_entries (tenant_id, id, actor, action, resource_type, resource_id, after_hash, decision_id, request_id,
                               source)
    SELECT x.tenant_id, x.id, x.actor, x.action, 'execution', x.execution_id::text, x.after_hash, x.decision_id, x.request_id,
           x.source
      FROM unnest($1::text[], $19::uuid[], $10::text[], $20::text[], $2::uuid[], $21::text[], $22::uuid[], $23::text[],
                  $24::text[])
           AS x(tenant_id, id, actor, action, execution_id, after_hash, decision_id, request_id, source)
     WHERE (x.execution_id IN (SELECT c.id FROM accepted c)) IS TRUE
), decided AS (
    INSERT INTO policy_decisions (tenant_id, decision_id, requested_by, action, resource_type, resource_id, execution_id,
                                  allowed, mode, policy_revision, path, input, result, masked, trace_id, span_id)
    SELECT x.tenant_id, x.decision_id, x.actor, x.action, 'workflow', x.workflow_id::text, x.execution_id, x.allowed, x.mode,
           x.policy_revision, x.path, x.input, x.result, x.masked, x.trace_id, x.span_id
      FROM unnest($1::text[], $22::uuid[], $10::text[], $20::text[], $3::uuid[], $2::uuid[], $25::text[], $26::text[],
                  $27::json[], $28::text[], $29::boolean[], $30::text[], $31::json[], $32::jsonb[], $34::text[])
           AS x(tenant_id, decision_id, actor, action, workflow_id, execution_id, policy_revision, path, input, trace_id,
                allowed, mode, result, masked, span_id)
     WHERE (x.execution_id IN (SELECT c.id FROM accepted c)) IS TRUE
    RETURNING tenant_id, decision_id
), announced AS (
    INSERT INTO outbox (tenant_id, id, topic, subject_id, payload)
    SELECT d.tenant_id, d.decision_id, 'policy.decision', d.decision_id::text, '{}' FROM decided d WHERE $35::boolean
)
SELECT q.id, (v.id IS NOT NULL) AS alive, c.created_at
  FROM asked q LEFT JOIN alive v ON v.id = q.id LEFT JOIN accepted c ON c.id = q.id;

-- name: standing   which of these executions are there, after an answer was lost
SELECT e.id, e.created_at
  FROM unnest($1::text[], $2::uuid[]) AS a(tenant_id, id) JOIN executions e ON e.tenant_id = a.tenant_id AND e.id = a.id;
