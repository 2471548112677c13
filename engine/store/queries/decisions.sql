-- name: of   decisions by their ids, JSON as text
SELECT d.tenant_id, d.decision_id, d.at, d.requested_by, d.action, d.allowed, d.mode, d.policy_revision, d.path, d.execution_id,
       d.input::text AS input, d.result::text AS result, d.masked::text AS masked, d.trace_id, d.span_id,
       d.times
  FROM unnest($1::text[], $2::uuid[]) AS x(tenant_id, decision_id)
  JOIN policy_decisions d ON d.tenant_id = x.tenant_id AND d.decision_id = x.decision_id
 ORDER BY d.at, d.decision_id;

-- name: forget   rows whose time is over, some at a time
DELETE FROM policy_decisions d
 WHERE (d.tenant_id, d.decision_id) IN (
       SELECT x.tenant_id, x.decision_id FROM policy_decisions x WHERE x.kept_until < now() LIMIT $1);
