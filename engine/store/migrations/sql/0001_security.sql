-- Row security, forced for the owner too: the second lock behind the services.
do $$
declare wanted text;
begin
  for wanted in
    select c.relname from pg_class c
     where c.relnamespace = current_schema()::regnamespace and c.relkind in ('r', 'p') and not c.relispartition
       and c.relname <> 'alembic_version'
  loop
    execute format('alter table %I enable row level security', wanted);
    execute format('alter table %I force row level security', wanted);
    execute format(
      'create policy tenant_rows on %I to maestro_app using (tenant_id = any (nullif(current_setting(''maestro.tenants'', true), '''')::text[]))',
      wanted);
  end loop;
end $$;

-- What a request may do. Nothing that is history may be changed or removed by it.
grant select, insert, update on
  workflow_definitions, version_provenance, workflow_templates, human_tasks, webhook_secrets, workflow_metrics, executions
  to maestro_app;
grant select, insert on
  workflow_versions, human_task_audit, human_task_comments, audit_entries, audit_chain, policy_decisions, step_checkpoints,
  workflow_execution_logs, webhook_deliveries
  to maestro_app;
grant select, insert, update, delete on
  workflow_triggers, scheduled_workflows, schedule_ticks, workflow_webhooks, webhook_replays, idempotency_keys, connections,
  callbacks, callback_deliveries, dead_letters, execution_inbox, timers, event_waits, outbox
  to maestro_app;

-- What a loop needs, in all tenants.
do $$
declare wanted text;
begin
  foreach wanted in array array[
    'executions', 'step_checkpoints', 'execution_inbox', 'timers', 'outbox', 'workers', 'dead_letters', 'idempotency_keys', 'version_provenance',
    'workflow_definitions', 'workflow_versions', 'workflow_triggers', 'scheduled_workflows', 'schedule_ticks', 'workflow_webhooks', 'webhook_secrets',
    'webhook_replays', 'webhook_deliveries', 'callbacks', 'callback_deliveries', 'audit_entries', 'audit_chain', 'policy_decisions',
    'workflow_metrics', 'workflow_execution_logs', 'human_tasks', 'event_waits']
  loop
    execute format('create policy loop_rows on %I to maestro_loop using (true)', wanted);
  end loop;
end $$;
grant select, insert, update, delete on workers, timers, outbox, execution_inbox, schedule_ticks, callback_deliveries, dead_letters to maestro_loop;
grant select, update on executions, version_provenance, scheduled_workflows, callbacks to maestro_loop;
grant select, delete on idempotency_keys, webhook_replays, webhook_deliveries, workflow_execution_logs to maestro_loop;
grant select on
  step_checkpoints, workflow_definitions, workflow_versions, workflow_triggers, workflow_webhooks, webhook_secrets, audit_entries, human_tasks,
  policy_decisions, event_waits
  to maestro_loop;
grant select, insert on audit_chain to maestro_loop;
grant select, insert, update on workflow_metrics to maestro_loop;

-- History: refused for every role, the owner and superusers included.
create function maestro_refuse_change() returns trigger language plpgsql as $$
begin
  raise exception '% rows are never changed or removed', tg_table_name using errcode = 'restrict_violation';
end $$;

do $$
declare wanted text;
begin
  foreach wanted in array array['workflow_versions', 'audit_entries', 'audit_chain', 'human_task_audit'] loop
    execute format(
      'create trigger never_changed before update or delete on %I for each row execute function maestro_refuse_change()', wanted);
    execute format(
      'create trigger never_emptied before truncate on %I for each statement execute function maestro_refuse_change()', wanted);
    execute format('alter table %I enable always trigger never_changed', wanted);
    execute format('alter table %I enable always trigger never_emptied', wanted);
  end loop;
end $$;
