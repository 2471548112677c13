create index ix_executions_finished_at on executions (finished_at) where finished_at is not null;

create table workflow_metrics_progress (
  tenant_id text default '*' not null,
  aggregated_until timestamp with time zone not null,
  constraint pk_workflow_metrics_progress primary key (tenant_id)
);

alter table workflow_metrics_progress enable row level security;

alter table workflow_metrics_progress force row level security;

create policy tenant_rows on workflow_metrics_progress to maestro_app
  using (tenant_id = any (nullif(current_setting('maestro.tenants', true), '')::text[]));

-- One row for all tenants, which says nothing of any: readers add what came after it.
create policy everybody on workflow_metrics_progress to maestro_app using (true);

create policy loop_rows on workflow_metrics_progress to maestro_loop using (true);

grant select on workflow_metrics_progress to maestro_app;

grant select, update on workflow_metrics_progress to maestro_loop;

-- Where executions are there already, they are summed from the first of them on.
insert into workflow_metrics_progress (aggregated_until)
select coalesce((select min(created_at) from executions) - interval '1 second', now());

create function maestro_add_counts(one jsonb, other jsonb) returns jsonb language sql immutable parallel safe as $$
  select coalesce(jsonb_object_agg(key, n), '{}'::jsonb)
    from (select key, sum(value::bigint) as n
            from (select * from jsonb_each_text(one) union all select * from jsonb_each_text(other)) counts
           group by key) added
$$;
