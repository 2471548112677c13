-- Who has edited the draft since it was last published. Of older drafts only the last editor is known.
alter table workflow_definitions add column editors jsonb default '[]'::jsonb not null;
update workflow_definitions set editors = jsonb_build_array(updated_by)
 where latest_content_hash is distinct from draft_hash;

-- The transaction that wrote the row. Below the oldest transaction under way nothing can appear any more: that is how
-- far the sequencer may chain, without a lock that writers would wait for.
alter table audit_entries add column txid bigint default ((pg_current_xact_id())::text)::bigint not null;
create index ix_audit_entries_txid on audit_entries (txid, id);

-- How far the sequencer has come; one row, for all tenants.
create table audit_positions (
  tenant_id TEXT NOT NULL,
  txid BIGINT NOT NULL,
  entry_id UUID NOT NULL,
  CONSTRAINT pk_audit_positions PRIMARY KEY (tenant_id)
);
alter table audit_positions enable row level security;
alter table audit_positions force row level security;
create policy tenant_rows on audit_positions to maestro_app
  using (tenant_id = any (nullif(current_setting('maestro.tenants', true), '')::text[]));
create policy loop_rows on audit_positions to maestro_loop using (true);
grant select, insert, update on audit_positions to maestro_loop;
