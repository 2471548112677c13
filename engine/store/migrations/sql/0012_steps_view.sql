-- The steps that readers of SQL see have the members that `GET /api/executions/{id}` gives them, and besides the path, the
-- attempt, the generation and the place in the history. Steps without a checkpoint are not listed: they are pending.
create or replace function maestro_instant(moment timestamptz) returns text language sql stable parallel safe
return to_char(moment at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"');

grant execute on function maestro_instant(timestamptz) to maestro_app;

create or replace view workflow_executions with (security_invoker = true) as
select
  e.id, e.tenant_id, e.workflow_id, e.workflow_version, e.status, e.trigger_type, e.trigger_data, e.priority, e.current_step,
  (select coalesce(json_agg(json_build_object(
            'stepId', c.names[array_upper(c.names, 1)], 'parentStepId', c.names[array_upper(c.names, 1) - 1],
            'iteration', nullif(c.iteration, ''), 'status', c.status,
            'startedAt', maestro_instant(coalesce(c.began_at, c.ended_at)), 'completedAt', maestro_instant(c.ended_at),
            'input', c.inputs[1], 'output', c.output, 'error', c.failure, 'retryCount', greatest(c.attempt - 1, 0),
            'duration', (extract(epoch from c.ended_at - coalesce(c.began_at, c.ended_at)) * 1000)::bigint,
            'path', c.step_path, 'attempt', c.attempt, 'generation', c.generation, 'at', maestro_instant(c.at), 'seq', c.seq
          ) order by c.first_seq), '[]'::json)
     from (select distinct on (s.step_path, s.iteration)
                  s.step_path, s.iteration, s.status, s.generation, s.attempt, s.at, s.output, s.failure, s.seq,
                  string_to_array(s.step_path, '/') as names,
                  case when s.status in ('completed', 'failed', 'skipped', 'cancelled') then s.at end as ended_at,
                  min(s.at) filter (where s.status in ('running', 'waiting')) over one_generation as began_at,
                  array_agg(s.input) filter (where s.input is not null) over one_generation as inputs,
                  min(s.seq) over (partition by s.step_path, s.iteration) as first_seq
             from step_checkpoints s
            where s.tenant_id = e.tenant_id and s.execution_id = e.id and s.step_path <> ''
           window one_generation as (partition by s.step_path, s.iteration, s.generation)
            order by s.step_path, s.iteration, s.seq desc) c) as steps,
  e.failed_steps, e.failure as error, e.started_by, e.created_at, e.started_at, e.finished_at as completed_at, e.parent_execution_id
from executions e;
