-- Attempts of wide fan-outs that other workers may make for the holder of an execution. A row stands under the holder's
-- epoch: once that has moved on it means nothing, and the new holder decides the attempt as after any crash.
CREATE TABLE lent_attempts (
  tenant_id TEXT NOT NULL,
  execution_id UUID NOT NULL,
  step_path TEXT NOT NULL,
  iteration TEXT NOT NULL,
  generation INTEGER NOT NULL,
  attempt INTEGER NOT NULL,
  lease_epoch BIGINT NOT NULL,
  lender UUID NOT NULL,
  action_type TEXT NOT NULL,
  payload JSON NOT NULL,
  taken_by UUID,
  offered_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
  CONSTRAINT pk_lent_attempts PRIMARY KEY (tenant_id, execution_id, step_path, iteration)
);

CREATE INDEX ix_lent_attempts_lender ON lent_attempts (lender);

CREATE INDEX ix_lent_attempts_taken_by ON lent_attempts (taken_by);

ALTER TABLE lent_attempts ENABLE ROW LEVEL SECURITY;

ALTER TABLE lent_attempts FORCE ROW LEVEL SECURITY;

CREATE POLICY tenant_rows ON lent_attempts TO maestro_app
  USING (tenant_id = any (nullif(current_setting('maestro.tenants', true), '')::text[]));

CREATE POLICY loop_rows ON lent_attempts TO maestro_loop USING (true);

GRANT SELECT ON lent_attempts TO maestro_app;

GRANT SELECT, INSERT, UPDATE, DELETE ON lent_attempts TO maestro_loop;

ALTER TABLE lent_attempts SET (fillfactor = 70, autovacuum_vacuum_threshold = 200);
