-- Executions and their checkpoints stand in monthly partitions of the UUIDv7, made ahead; what fits none goes to the default one.

-- The first possible UUIDv7 of an instant.
create function maestro_uuid_floor(at timestamptz) returns uuid language sql immutable strict parallel safe as $$
  select (overlay(overlay(lpad(to_hex(floor(extract(epoch from at) * 1000)::bigint), 12, '0') || '00000000000000000000'
          placing '-' from 9 for 0) placing '-' from 14 for 0))::uuid
$$;

-- Storage of a partition: room for updates in place, and statistics that follow a fresh table's first load (a plan made
-- for an almost empty table would scan it whole).
create function maestro_tune_partition(partition_name text, hot boolean) returns void language plpgsql as $$
begin
  execute format(
    'alter table %I set (fillfactor = %s, autovacuum_analyze_threshold = 200, autovacuum_analyze_scale_factor = 0.05,'
    ' autovacuum_vacuum_threshold = 1000, autovacuum_vacuum_scale_factor = 0.05, autovacuum_vacuum_insert_scale_factor = 0.2)',
    partition_name, case when hot then 70 else 100 end);
  execute format('alter table %I enable row level security', partition_name);
  execute format('alter table %I force row level security', partition_name);
end $$;

-- Make the partitions from this month to `months_ahead` months on; gives the names of those made. A month of which rows
-- already stand in the default partition is left there. Runs with the owner's rights: roles without them call it.
create function maestro_make_partitions(months_ahead integer, today timestamptz default now()) returns setof text
  language plpgsql security definer set search_path from current as $$
declare
  parent text;
  first timestamptz;
  wanted text;
begin
  perform pg_advisory_xact_lock(hashtext('maestro_make_partitions'));
  foreach parent in array array['executions', 'step_checkpoints'] loop
    for ahead in 0 .. months_ahead loop
      first := (date_trunc('month', today at time zone 'UTC') + make_interval(months => ahead)) at time zone 'UTC';
      wanted := parent || to_char(first at time zone 'UTC', '"_p"YYYYMM');
      if to_regclass(quote_ident(wanted)) is null then
        begin
          execute format('create table %I partition of %I for values from (%L) to (%L)', wanted, parent,
            maestro_uuid_floor(first),
            maestro_uuid_floor((first at time zone 'UTC' + interval '1 month') at time zone 'UTC'));
          perform maestro_tune_partition(wanted, parent = 'executions');
          return next wanted;
        exception when check_violation then null;
        end;
      end if;
    end loop;
  end loop;
end $$;

create table executions_default partition of executions default;
create table step_checkpoints_default partition of step_checkpoints default;
select maestro_tune_partition('executions_default', true);
select maestro_tune_partition('step_checkpoints_default', false);
select maestro_make_partitions(3);
revoke all on function maestro_make_partitions(integer, timestamptz), maestro_tune_partition(text, boolean) from public;
grant execute on function maestro_make_partitions(integer, timestamptz) to maestro_loop;

-- The other tables that grow fast from nothing, or whose rows come and go.
alter table execution_inbox set (fillfactor = 80, autovacuum_analyze_threshold = 200, autovacuum_vacuum_threshold = 500, autovacuum_vacuum_scale_factor = 0.05);
alter table timers set (fillfactor = 80, autovacuum_analyze_threshold = 200, autovacuum_vacuum_threshold = 500, autovacuum_vacuum_scale_factor = 0.05);
alter table outbox set (fillfactor = 80, autovacuum_analyze_threshold = 200, autovacuum_vacuum_threshold = 500, autovacuum_vacuum_scale_factor = 0.05);
alter table workers set (fillfactor = 50, autovacuum_vacuum_threshold = 100);
alter table idempotency_keys set (autovacuum_analyze_threshold = 200);
alter table human_tasks set (fillfactor = 85, autovacuum_analyze_threshold = 200);
