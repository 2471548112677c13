-- name: consume_mail
DELETE FROM execution_inbox i
 USING unnest($1::text[], $2::uuid[], $3::uuid[]) AS x(tenant_id, execution_id, id)
 WHERE i.tenant_id = x.tenant_id AND i.execution_id = x.execution_id AND i.id = x.id;

-- name: cancel_timers   kind NULL: every kind of that step instance
DELETE FROM timers t
 USING unnest($1::text[], $2::uuid[], $3::text[], $4::text[], $5::text[]) AS x(tenant_id, subject_id, step_path, iteration, kind)
 WHERE t.tenant_id = x.tenant_id AND t.subject_id = x.subject_id AND t.step_path = x.step_path
   AND t.iteration = x.iteration AND (x.kind IS NULL OR t.kind = x.kind);

-- name: set_timers
INSERT INTO timers (tenant_id, subject_id, step_path, iteration, kind, generation, attempt, due_at)
SELECT * FROM unnest($1::text[], $2::uuid[], $3::text[], $4::text[], $5::text[], $6::int[], $7::int[], $8::timestamptz[])
ON CONFLICT (tenant_id, subject_id, kind, step_path, iteration)
   DO UPDATE SET generation = excluded.generation, attempt = excluded.attempt, due_at = excluded.due_at;

-- name: stop_awaiting
DELETE FROM event_waits w
 USING unnest($1::text[], $2::uuid[], $3::text[], $4::text[]) AS x(tenant_id, execution_id, step_path, iteration)
 WHERE w.tenant_id = x.tenant_id AND w.execution_id = x.execution_id
   AND w.step_path = x.step_path AND w.iteration = x.iteration;

-- name: await
INSERT INTO event_waits (tenant_id, execution_id, step_path, iteration, generation, event_type, correlation)
SELECT x.tenant_id, x.execution_id, x.step_path, x.iteration, x.generation, x.event_type, x.correlation::jsonb
  FROM unnest($1::text[], $2::uuid[], $3::text[], $4::text[], $5::int[], $6::text[], $7::text[])
       AS x(tenant_id, execution_id, step_path, iteration, generation, event_type, correlation)
ON CONFLICT (tenant_id, execution_id, step_path, iteration)
   DO UPDATE SET generation = excluded.generation, event_type = excluded.event_type, correlation = excluded.correlation;

-- name: forget_timers   of executions that are final
DELETE FROM timers t USING unnest($1::text[], $2::uuid[]) AS x(tenant_id, id)
 WHERE t.tenant_id = x.tenant_id AND t.subject_id = x.id;

-- name: forget_waits   of executions that are final
DELETE FROM event_waits w USING unnest($1::text[], $2::uuid[]) AS x(tenant_id, id)
 WHERE w.tenant_id = x.tenant_id AND w.execution_id = x.id;

-- name: post
INSERT INTO execution_inbox (tenant_id, execution_id, id, kind, payload)
SELECT * FROM unnest($1::text[], $2::uuid[], $3::uuid[], $4::text[], $5::json[])
ON CONFLICT DO NOTHING;

-- name: start_children   one row per child asked for; version NULL: no such published version, nothing was started.
-- A child that is there already (its id derives from parent, step and generation) is left as it is.
WITH asked AS (
    SELECT *
      FROM unnest($1::text[], $2::uuid[], $3::uuid[], $4::text[], $5::json[], $6::uuid[], $7::text[], $8::text[], $9::int[])
           AS a(tenant_id, child_id, workflow_id, version, trigger_data, parent_id, step_path, iteration, generation)
), chosen AS (
    SELECT a.*, v.version AS chosen_version, v.content_hash, p.priority, p.qos_class, p.started_by, p.traceparent, p.depth
      FROM asked a
      JOIN executions p ON p.tenant_id = a.tenant_id AND p.id = a.parent_id
      LEFT JOIN workflow_definitions d ON d.tenant_id = a.tenant_id AND d.id = a.workflow_id
      LEFT JOIN workflow_versions v ON v.tenant_id = a.tenant_id AND v.workflow_id = a.workflow_id
                                   AND v.version = coalesce(a.version, d.latest_version)
), started AS (
    INSERT INTO executions (tenant_id, id, workflow_id, workflow_version, content_hash, trigger_type, trigger_data, priority,
                            qos_class, started_by, parent_execution_id, parent_step_path, parent_iteration,
                            parent_generation, depth, traceparent)
    SELECT c.tenant_id, c.child_id, c.workflow_id, c.chosen_version, c.content_hash, 'subprocess', c.trigger_data, c.priority,
           c.qos_class, c.started_by, c.parent_id, c.step_path, c.iteration, c.generation, c.depth + 1, c.traceparent
      FROM chosen c
     WHERE c.chosen_version IS NOT NULL AND c.depth < $10
    ON CONFLICT DO NOTHING
)
SELECT c.child_id, c.chosen_version AS version, c.depth >= $10 AS too_deep FROM chosen c;

-- name: open_tasks   activated already: the trail begins with the creation and the activation
WITH asked AS (
    SELECT r.*, a.actor, a.on_behalf_of
      FROM unnest($1::text[], $2::json[], $3::text[], $4::text[]) AS a(tenant, document, actor, on_behalf_of),
           json_populate_record(NULL::human_tasks, a.document) r
), opened AS (
    INSERT INTO human_tasks (tenant_id, id, execution_id, workflow_id, step_path, iteration, generation, title, description,
                             assignees, candidate_groups, excluded, owner, status, priority, form_config, context, sla,
                             escalation, skippable, approvals, start_by, due_at, created_by, created_at, activated_at, audit_seq)
    SELECT a.tenant_id, a.id, a.execution_id, a.workflow_id, a.step_path, a.iteration, a.generation, a.title, a.description,
           a.assignees, a.candidate_groups, a.excluded, a.owner, a.status, a.priority, a.form_config, a.context, a.sla,
           a.escalation, a.skippable, a.approvals, a.start_by, a.due_at, a.created_by, a.created_at, a.activated_at, a.audit_seq
      FROM asked a
)
INSERT INTO human_task_audit (tenant_id, task_id, seq, at, actor, on_behalf_of, from_status, to_status, action)
SELECT a.tenant_id, a.id, s.seq, a.created_at, a.actor, a.on_behalf_of, s.from_status, coalesce(s.to_status, a.status), s.action
  FROM asked a
 CROSS JOIN (VALUES (1, NULL, 'created', 'create'), (2, 'created', NULL, 'activate')) AS s(seq, from_status, to_status, action)
RETURNING tenant_id, task_id;

-- name: close_tasks   the execution no longer needs them; the lock shows the state that somebody may just have moved it to
WITH standing AS (
    SELECT t.tenant_id, t.id, t.status
      FROM unnest($1::text[], $2::uuid[], $3::text[], $4::text[]) AS x(tenant_id, execution_id, step_path, iteration)
      JOIN human_tasks t ON t.tenant_id = x.tenant_id AND t.execution_id = x.execution_id
                        AND t.step_path = x.step_path AND t.iteration = x.iteration
     WHERE t.closed_at IS NULL
     ORDER BY t.id FOR UPDATE OF t
), closed AS (
    UPDATE human_tasks t
       SET status = 'obsolete', suspended_from = NULL, closed_at = now(), updated_at = greatest(now(), t.updated_at),
           revision = t.revision + 1, audit_seq = t.audit_seq + 1
      FROM standing s WHERE t.tenant_id = s.tenant_id AND t.id = s.id
    RETURNING t.tenant_id, t.id, t.audit_seq, s.status AS from_status
), forgotten AS (
    DELETE FROM timers m USING closed c WHERE m.tenant_id = c.tenant_id AND m.subject_id = c.id
)
INSERT INTO human_task_audit (tenant_id, task_id, seq, at, actor, from_status, to_status, action)
SELECT c.tenant_id, c.id, c.audit_seq, now(), 'engine', c.from_status, 'obsolete', 'obsolete' FROM closed c
RETURNING tenant_id, task_id;

-- name: close_tasks_of_final   what is open of executions that are final, tasks that people opened for them included
WITH standing AS (
    SELECT t.tenant_id, t.id, t.status
      FROM unnest($1::text[], $2::uuid[]) AS x(tenant_id, execution_id)
      JOIN human_tasks t ON t.tenant_id = x.tenant_id AND t.execution_id = x.execution_id
     WHERE t.closed_at IS NULL
     ORDER BY t.id FOR UPDATE OF t
), closed AS (
    UPDATE human_tasks t
       SET status = 'obsolete', suspended_from = NULL, closed_at = now(), updated_at = greatest(now(), t.updated_at),
           revision = t.revision + 1, audit_seq = t.audit_seq + 1
      FROM standing s WHERE t.tenant_id = s.tenant_id AND t.id = s.id
    RETURNING t.tenant_id, t.id, t.audit_seq, s.status AS from_status
), forgotten AS (
    DELETE FROM timers m USING closed c WHERE m.tenant_id = c.tenant_id AND m.subject_id = c.id
)
INSERT INTO human_task_audit (tenant_id, task_id, seq, at, actor, from_status, to_status, action)
SELECT c.tenant_id, c.id, c.audit_seq, now(), 'engine', c.from_status, 'obsolete', 'obsolete' FROM closed c
RETURNING tenant_id, task_id;

-- name: tell_of_tasks   the world hears facts, no form data; the same members as from use cases (`task_writer.event_body`)
INSERT INTO outbox (tenant_id, id, topic, subject_id, payload)
SELECT t.tenant_id, a.parcel_id, a.topic, t.id::text,
       json_build_object(
           'type', a.topic,
           'at', to_char(coalesce(t.closed_at, t.created_at) AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"'),
           'taskId', t.id, 'executionId', t.execution_id, 'workflowId', t.workflow_id,
           'stepId', regexp_replace(t.step_path, '^.*/', ''),
           'title', t.title, 'status', t.status, 'owner', t.owner, 'assignees', to_json(t.assignees),
           'candidateGroups', to_json(t.candidate_groups), 'priority', t.priority, 'escalationLevel', t.escalation_level,
           'startBy', to_char(t.start_by AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"'),
           'dueDate', to_char(t.due_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"'),
           'details', CASE WHEN t.closed_at IS NULL THEN '{}'::json ELSE json_build_object('by', 'engine') END)
  FROM unnest($1::text[], $2::uuid[], $3::text[], $4::uuid[]) AS a(tenant_id, id, topic, parcel_id)
  JOIN human_tasks t ON t.tenant_id = a.tenant_id AND t.id = a.id;

-- name: bury_executions   the stream of dead letters hears of it through the outbox
WITH asked AS (
    SELECT *
      FROM unnest($1::text[], $2::uuid[], $3::uuid[], $4::text[], $5::text[], $6::int[], $7::uuid[])
           AS a(tenant_id, id, execution_id, cause_code, cause_message, deliveries, parcel_id)
), announced AS (
    INSERT INTO outbox (tenant_id, id, topic, subject_id, payload)
    SELECT a.tenant_id, a.parcel_id, 'dead_letter', a.execution_id::text,
           json_build_object('deadLetterId', a.id, 'kind', 'execution', 'executionId', a.execution_id,
                             'code', a.cause_code, 'deliveries', a.deliveries)
      FROM asked a
)
INSERT INTO dead_letters (tenant_id, id, kind, subject_id, execution_id, cause_code, cause_message, deliveries, payload, history)
SELECT a.tenant_id, a.id, 'execution', a.execution_id::text, a.execution_id, a.cause_code, a.cause_message, a.deliveries,
       (SELECT e.trigger_data FROM executions e WHERE e.tenant_id = a.tenant_id AND e.id = a.execution_id),
       (SELECT coalesce(json_agg(json_build_object(
                   'seq', c.seq, 'stepId', c.step_path, 'iteration', c.iteration, 'generation', c.generation,
                   'attempt', c.attempt, 'status', c.status, 'at', c.at, 'failure', c.failure) ORDER BY c.seq), '[]'::json)
          FROM step_checkpoints c WHERE c.tenant_id = a.tenant_id AND c.execution_id = a.execution_id)
  FROM asked a;
