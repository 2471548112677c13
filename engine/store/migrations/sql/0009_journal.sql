-- Rows of the decision log that stand for equal decisions, and those that may go: nothing that was changed rests on them.
alter table policy_decisions add column times integer not null default 1, add column last_at timestamptz, add column kept_until timestamptz;

create index ix_policy_decisions_kept on policy_decisions (kept_until) where kept_until is not null;

-- The loops may remove such rows once their time is over, and no others.
create policy loop_forgets on policy_decisions as restrictive for delete to maestro_loop using (kept_until < now());

grant delete on policy_decisions to maestro_loop;
