-- What readers of SQL see of an execution: its row with the current checkpoint of each step, in the order in which the steps
-- were first touched. The view lends no rights: row security of the reader holds.
create view workflow_executions with (security_invoker = true) as
select
  e.id, e.tenant_id, e.workflow_id, e.workflow_version, e.status, e.trigger_type, e.trigger_data, e.priority, e.current_step,
  (select coalesce(json_agg(json_build_object(
            'stepId', c.step_path, 'iteration', c.iteration, 'status', c.status, 'generation', c.generation, 'attempt', c.attempt,
            'at', c.at, 'output', c.output, 'failure', c.failure, 'seq', c.seq) order by c.first_seq), '[]'::json)
     from (select distinct on (s.step_path, s.iteration)
                  s.step_path, s.iteration, s.status, s.generation, s.attempt, s.at, s.output, s.failure, s.seq,
                  min(s.seq) over (partition by s.step_path, s.iteration) as first_seq
             from step_checkpoints s
            where s.tenant_id = e.tenant_id and s.execution_id = e.id and s.step_path <> ''
            order by s.step_path, s.iteration, s.seq desc) c) as steps,
  e.failed_steps, e.failure as error, e.started_by, e.created_at, e.started_at, e.finished_at as completed_at, e.parent_execution_id
from executions e;
grant select on workflow_executions to maestro_app;
