-- name: finished   facts of executions that have ended; a trigger that is large by the digest of its stored text
SELECT e.tenant_id, e.id, e.workflow_id, e.workflow_version, e.content_hash, e.status, e.trigger_type,
       CASE WHEN octet_length(e.trigger_data::text) <= $3 THEN e.trigger_data::text END AS trigger_data,
       CASE WHEN octet_length(e.trigger_data::text) > $3
            THEN encode(sha256(convert_to(e.trigger_data::text, 'UTF8')), 'hex') || ' ' || octet_length(e.trigger_data::text)
       END AS trigger_large,
       e.priority, e.started_by, e.created_at, e.started_at, e.finished_at, e.failure::text AS failure,
       e.failed_steps::text AS failed_steps, e.last_seq, e.parent_execution_id
  FROM unnest($1::text[], $2::uuid[]) AS a(tenant_id, id)
  JOIN executions e ON e.tenant_id = a.tenant_id AND e.id = a.id
 WHERE (e.status IN ('completed', 'failed', 'cancelled')) IS TRUE;

-- name: versions
SELECT v.tenant_id, v.workflow_id, v.version, v.content_hash, v.definition::text AS definition, v.manifest, v.policy_revision,
       p.proof
  FROM unnest($1::text[], $2::uuid[], $3::text[]) AS a(tenant_id, workflow_id, version)
  JOIN workflow_versions v ON v.tenant_id = a.tenant_id AND v.workflow_id = a.workflow_id AND v.version = a.version
  JOIN version_provenance p ON p.tenant_id = v.tenant_id AND p.workflow_id = v.workflow_id AND p.version = v.version;

-- name: checkpoints   from `after` on, payloads over a limit by the digest of their stored text
SELECT c.execution_id, c.seq, c.step_path, c.iteration, c.generation, c.attempt, c.status, c.at,
       CASE WHEN octet_length(c.input::text) <= $6 THEN c.input::text END AS input,
       CASE WHEN octet_length(c.input::text) > $6
            THEN encode(sha256(convert_to(c.input::text, 'UTF8')), 'hex') || ' ' || octet_length(c.input::text) END AS input_large,
       CASE WHEN octet_length(c.output::text) <= $6 THEN c.output::text END AS output,
       CASE WHEN octet_length(c.output::text) > $6
            THEN encode(sha256(convert_to(c.output::text, 'UTF8')), 'hex') || ' ' || octet_length(c.output::text) END AS output_large,
       c.failure::text AS failure, c.detail::text AS detail
  FROM unnest($1::text[], $2::uuid[], $3::bigint[], $4::bigint[]) AS a(tenant_id, id, after_seq, last_seq)
  JOIN step_checkpoints c ON c.tenant_id = a.tenant_id AND c.execution_id = a.id AND c.seq > a.after_seq AND c.seq <= a.last_seq
 ORDER BY c.execution_id, c.seq
 LIMIT $5;

-- name: decisions
SELECT d.execution_id, d.decision_id, d.at, d.action, d.requested_by, d.resource_type, d.resource_id, d.allowed, d.mode,
       d.policy_revision, d.path, d.input::text AS input, d.result::text AS result
  FROM unnest($1::text[], $2::uuid[]) AS a(tenant_id, id)
  JOIN policy_decisions d ON d.tenant_id = a.tenant_id AND d.execution_id = a.id
 ORDER BY d.execution_id, d.at, d.decision_id;

-- name: tasks
SELECT t.execution_id, t.id, t.step_path, t.iteration, t.generation, t.title, t.status, t.owner, t.assignees,
       t.candidate_groups, t.priority, t.escalation_level, t.sla_breached, t.created_by, t.created_at, t.submitted_by,
       t.submitted_at, t.closed_at, t.form_data::text AS form_data,
       (SELECT json_agg(json_build_object('seq', u.seq, 'at', u.at, 'actor', u.actor, 'onBehalfOf', u.on_behalf_of,
                                          'from', u.from_status, 'to', u.to_status, 'action', u.action, 'reason', u.reason,
                                          'requestId', u.request_id) ORDER BY u.seq)::text
          FROM human_task_audit u WHERE u.tenant_id = t.tenant_id AND u.task_id = t.id) AS audit_trail
  FROM unnest($1::text[], $2::uuid[]) AS a(tenant_id, id)
  JOIN human_tasks t ON t.tenant_id = a.tenant_id AND t.execution_id = a.id
 ORDER BY t.execution_id, t.created_at, t.id;

-- name: keep   the evidence of a later ending takes the place of an earlier one's, never the other way round
INSERT INTO execution_evidence (tenant_id, execution_id, last_seq, log_index, leaf_hash, envelope, proof, keys,
                                policy_decisions, human_tasks)
SELECT * FROM unnest($1::text[], $2::uuid[], $3::bigint[], $4::bigint[], $5::text[], $6::text[], $7::text[], $8::json[],
                     $9::text[], $10::text[])
    ON CONFLICT (tenant_id, execution_id) DO UPDATE
   SET last_seq = excluded.last_seq, log_index = excluded.log_index, leaf_hash = excluded.leaf_hash,
       envelope = excluded.envelope, proof = excluded.proof, keys = excluded.keys,
       policy_decisions = excluded.policy_decisions, human_tasks = excluded.human_tasks, sealed_at = now()
 WHERE execution_evidence.last_seq < excluded.last_seq;

-- name: sealed
SELECT s.last_seq, s.format, s.log_index, s.leaf_hash, s.envelope, s.proof, s.keys::text AS keys, s.policy_decisions, s.human_tasks
  FROM execution_evidence s WHERE s.tenant_id = $1 AND s.execution_id = $2;

-- name: registered   a version that is registered stays as it is: the first proof is the one that is shown for ever
UPDATE version_provenance p
   SET status = 'registered', log_index = x.log_index, leaf_hash = x.leaf_hash, proof = x.proof, registered_at = now()
  FROM unnest($1::text[], $2::uuid[], $3::text[], $4::bigint[], $5::text[], $6::text[])
       AS x(tenant_id, workflow_id, version, log_index, leaf_hash, proof)
 WHERE p.tenant_id = x.tenant_id AND p.workflow_id = x.workflow_id AND p.version = x.version AND p.status = 'pending';

-- name: states   whether the newest ending of an execution is sealed, and its version registered
SELECT e.id, (e.status IN ('completed', 'failed', 'cancelled') AND s.last_seq = e.last_seq AND p.status = 'registered') IS TRUE AS ready
  FROM unnest($1::text[], $2::uuid[]) AS a(tenant_id, id)
  JOIN executions e ON e.tenant_id = a.tenant_id AND e.id = a.id
  LEFT JOIN execution_evidence s ON s.tenant_id = e.tenant_id AND s.execution_id = e.id
  LEFT JOIN version_provenance p ON p.tenant_id = e.tenant_id AND p.workflow_id = e.workflow_id AND p.version = e.workflow_version;
