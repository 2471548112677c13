-- Whether people opened tasks for an execution: whoever ends it then closes them in the same transaction.
alter table executions add column has_tasks boolean not null default false;

update executions e set has_tasks = true
 where e.status not in ('completed', 'failed', 'cancelled')
   and exists (select from human_tasks t
                where t.tenant_id = e.tenant_id and t.execution_id = e.id and t.step_path is null and t.closed_at is null);
