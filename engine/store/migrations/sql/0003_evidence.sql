-- What the ledger answered about finished executions. Written by the relay, read by exports, superseded only by the
-- evidence of a later ending of the same execution.
CREATE TABLE execution_evidence (
  tenant_id TEXT NOT NULL,
  execution_id UUID NOT NULL,
  last_seq BIGINT NOT NULL,
  format SMALLINT DEFAULT '1' NOT NULL,
  log_index BIGINT NOT NULL,
  leaf_hash TEXT NOT NULL,
  envelope TEXT NOT NULL,
  proof TEXT NOT NULL,
  keys JSON NOT NULL,
  policy_decisions TEXT DEFAULT '' NOT NULL,
  human_tasks TEXT DEFAULT '' NOT NULL,
  sealed_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
  CONSTRAINT pk_execution_evidence PRIMARY KEY (tenant_id, execution_id),
  CONSTRAINT ck_execution_evidence_numbers_fit CHECK (last_seq > 0 and log_index >= 0)
);

-- Signatures and hashes do not compress: rows stay in one piece as long as they fit a page.
alter table execution_evidence set (toast_tuple_target = 8160, autovacuum_analyze_threshold = 200);

alter table execution_evidence enable row level security;
alter table execution_evidence force row level security;
create policy tenant_rows on execution_evidence to maestro_app
  using (tenant_id = any (nullif(current_setting('maestro.tenants', true), '')::text[]));
create policy loop_rows on execution_evidence to maestro_loop using (true);
create policy loop_rows on human_task_audit to maestro_loop using (true);
grant select on execution_evidence to maestro_app;
grant select, insert, update on execution_evidence to maestro_loop;
grant select on human_task_audit to maestro_loop;
