-- Every policy that holds the application to its tenants, with the condition of the setting `maestro.new_condition`.
do $$
declare found record;
begin
  for found in
    select p.tablename, p.policyname from pg_policies p
     where p.schemaname = current_schema() and 'maestro_app' = any (p.roles) and p.qual like '%maestro.tenants%'
  loop
    execute format('alter policy %I on %I using (%s)',
                   found.policyname, found.tablename, current_setting('maestro.new_condition'));
  end loop;
end $$;
