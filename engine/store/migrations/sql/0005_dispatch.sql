-- How queued executions are taken: by class, tenant and priority, and within the limits of their workflows; and how
-- months of which nothing is unfinished go.

-- Executions of this workflow's version that may run at once, from its settings; NULL: no limit.
ALTER TABLE executions ADD COLUMN slot_limit INTEGER;

-- Flows of the queue: each class, tenant and priority has its own end to take from.
DROP INDEX ix_executions_queued;

CREATE INDEX ix_executions_dispatch ON executions (qos_class, tenant_id, priority, available_at) WHERE status = 'queued';

-- What waits for a slot of its workflow.
CREATE INDEX ix_executions_limited ON executions (tenant_id, workflow_id, priority, id)
  WHERE slot_limit is not null and status = 'queued';

-- A slot is leased to an execution until that ends: one whose execution has ended, or is gone, is free again, whoever
-- has forgotten to give it back.
CREATE TABLE workflow_slots (
  tenant_id TEXT NOT NULL,
  workflow_id UUID NOT NULL,
  slot INTEGER NOT NULL,
  execution_id UUID NOT NULL,
  taken_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
  CONSTRAINT pk_workflow_slots PRIMARY KEY (tenant_id, workflow_id, slot),
  CONSTRAINT uq_workflow_slots_tenant_id_execution_id UNIQUE (tenant_id, execution_id)
);

ALTER TABLE workflow_slots ENABLE ROW LEVEL SECURITY;

ALTER TABLE workflow_slots FORCE ROW LEVEL SECURITY;

CREATE POLICY tenant_rows ON workflow_slots TO maestro_app
  USING (tenant_id = any (nullif(current_setting('maestro.tenants', true), '')::text[]));

CREATE POLICY loop_rows ON workflow_slots TO maestro_loop USING (true);

GRANT SELECT ON workflow_slots TO maestro_app;

GRANT SELECT, INSERT, DELETE ON workflow_slots TO maestro_loop;

ALTER TABLE workflow_slots SET (fillfactor = 70, autovacuum_vacuum_threshold = 200);

-- Drop the months that ended before `before` and in which no execution is unfinished; gives the names of the partitions
-- that went. One that somebody is reading is left for the next time: nobody waits long for this.
CREATE FUNCTION maestro_drop_partitions(before timestamptz) RETURNS SETOF text
  LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
DECLARE
  wanted text;
  month text;
  unfinished boolean;
BEGIN
  PERFORM pg_advisory_xact_lock(hashtext('maestro_make_partitions'));
  PERFORM set_config('lock_timeout', '2s', true);
  FOR wanted IN
    SELECT c.relname FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
     WHERE i.inhparent = 'executions'::regclass AND c.relname ~ '^executions_p[0-9]{6}$'
     ORDER BY c.relname
  LOOP
    month := right(wanted, 6);
    CONTINUE WHEN (to_timestamp(month || '01 UTC', 'YYYYMMDD TZ') AT TIME ZONE 'UTC' + interval '1 month')
                    AT TIME ZONE 'UTC' > before;
    BEGIN
      -- Row security is forced on the owner, as whom this runs: without this it would see no row, and drop them all.
      EXECUTE format('alter table %I no force row level security', wanted);
      EXECUTE format('select exists (select from %I where status not in (''completed'', ''failed'', ''cancelled''))', wanted)
         INTO unfinished;
      IF unfinished THEN
        EXECUTE format('alter table %I force row level security', wanted);
        CONTINUE;
      END IF;
      EXECUTE format('drop table %I', wanted);
      RETURN NEXT wanted;
      wanted := 'step_checkpoints_p' || month;
      IF to_regclass(quote_ident(wanted)) IS NOT NULL THEN
        EXECUTE format('drop table %I', wanted);
        RETURN NEXT wanted;
      END IF;
    EXCEPTION WHEN lock_not_available THEN NULL;
    END;
  END LOOP;
END $$;

REVOKE ALL ON FUNCTION maestro_drop_partitions(timestamptz) FROM public;

GRANT EXECUTE ON FUNCTION maestro_drop_partitions(timestamptz) TO maestro_loop;
