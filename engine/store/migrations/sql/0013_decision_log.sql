-- The decision log as OPA writes one (openpolicyagent.org/docs/management-decision-logs), for readers of SQL. What it shows
-- of every decision alike is not stored with each. `masked` points into the row, whose `input` was hidden in these places.
create view policy_decision_log with (security_invoker = true) as
select d.tenant_id, d.decision_id, d.trace_id, d.span_id,
       jsonb_build_object('maestro', jsonb_build_object('revision', d.policy_revision)) as bundles,
       d.path, d.input, d.result, d.requested_by, d.at as "timestamp",
       case when d.times > 1 then jsonb_build_object('counter_equal_decisions', d.times) else '{}'::jsonb end as metrics,
       '[]'::jsonb as erased,
       coalesce((select jsonb_agg('/input' || pointer) from jsonb_array_elements_text(d.masked) as m (pointer)), '[]'::jsonb)
         as masked,
       d.mode, d.execution_id
  from policy_decisions d;
grant select on policy_decision_log to maestro_app;
