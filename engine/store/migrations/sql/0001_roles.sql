-- Two roles without rights of their own. Requests work as maestro_app, within the tenants that each transaction names;
-- loops (claim, sweep, timers, relay, retention) work as maestro_loop, in all tenants but on few tables.
-- Roles belong to the whole server: another database may have made them already, or be making them right now.
do $$
declare wanted text;
begin
  foreach wanted in array array['maestro_app', 'maestro_loop'] loop
    if not exists (select from pg_roles where rolname = wanted) then
      begin
        execute format('create role %I nologin nosuperuser nobypassrls noinherit', wanted);
      exception when duplicate_object or unique_violation then null;
      end;
    end if;
    if not pg_has_role(current_user, wanted, 'member') or not (select rolsuper from pg_roles where rolname = current_user) then
      execute format('grant %I to %I', wanted, current_user);
    end if;
  end loop;
end $$;
