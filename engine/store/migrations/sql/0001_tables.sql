-- Tables and indexes as they were declared when this migration was written; never edited afterwards.

CREATE TABLE audit_entries (
  tenant_id TEXT NOT NULL,
  id UUID NOT NULL,
  at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
  actor TEXT NOT NULL,
  on_behalf_of TEXT,
  action TEXT NOT NULL,
  resource_type TEXT NOT NULL,
  resource_id TEXT NOT NULL,
  before_hash TEXT,
  after_hash TEXT,
  decision_id UUID,
  request_id TEXT DEFAULT '' NOT NULL,
  source TEXT DEFAULT '' NOT NULL,
  details JSON,
  CONSTRAINT pk_audit_entries PRIMARY KEY (tenant_id, id)
);

CREATE INDEX ix_audit_entries_resource ON audit_entries (tenant_id, resource_type, resource_id, id);

CREATE TABLE callbacks (
  tenant_id TEXT NOT NULL,
  id UUID NOT NULL,
  url TEXT NOT NULL,
  event_types TEXT[] NOT NULL,
  workflow_id UUID,
  status TEXT DEFAULT 'active' NOT NULL,
  disabled_reason TEXT DEFAULT '' NOT NULL,
  key_id TEXT NOT NULL,
  nonce BYTEA NOT NULL,
  ciphertext BYTEA NOT NULL,
  created_by TEXT NOT NULL,
  created_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
  CONSTRAINT pk_callbacks PRIMARY KEY (tenant_id, id),
  CONSTRAINT ck_callbacks_status_known CHECK (status in ('active', 'disabled'))
);

CREATE TABLE connections (
  tenant_id TEXT NOT NULL,
  name TEXT NOT NULL,
  kind TEXT NOT NULL,
  settings JSONB DEFAULT '{}'::jsonb NOT NULL,
  secret_names JSONB DEFAULT '[]'::jsonb NOT NULL,
  key_id TEXT,
  nonce BYTEA,
  ciphertext BYTEA,
  revision INTEGER DEFAULT '1' NOT NULL,
  created_by TEXT NOT NULL,
  updated_by TEXT NOT NULL,
  created_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
  updated_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
  CONSTRAINT pk_connections PRIMARY KEY (tenant_id, name)
);

CREATE TABLE dead_letters (
  tenant_id TEXT NOT NULL,
  id UUID NOT NULL,
  kind TEXT NOT NULL,
  subject_id TEXT NOT NULL,
  execution_id UUID,
  step_path TEXT,
  cause_code TEXT NOT NULL,
  cause_message TEXT NOT NULL,
  deliveries INTEGER DEFAULT '0' NOT NULL,
  payload JSON,
  history JSON NOT NULL,
  status TEXT DEFAULT 'open' NOT NULL,
  created_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
  redriven_at TIMESTAMP WITH TIME ZONE,
  redriven_by TEXT,
  CONSTRAINT pk_dead_letters PRIMARY KEY (tenant_id, id),
  CONSTRAINT ck_dead_letters_kind_known CHECK (kind in ('execution', 'message', 'outbox', 'callback')),
  CONSTRAINT ck_dead_letters_status_known CHECK (status in ('open', 'redriven'))
);

CREATE INDEX ix_dead_letters_execution ON dead_letters (tenant_id, execution_id);

CREATE INDEX ix_dead_letters_status ON dead_letters (tenant_id, status, id);

CREATE TABLE event_waits (
  tenant_id TEXT NOT NULL,
  execution_id UUID NOT NULL,
  step_path TEXT NOT NULL,
  iteration TEXT DEFAULT '' NOT NULL,
  generation INTEGER DEFAULT '0' NOT NULL,
  event_type TEXT NOT NULL,
  correlation JSONB NOT NULL,
  CONSTRAINT pk_event_waits PRIMARY KEY (tenant_id, execution_id, step_path, iteration)
);

CREATE INDEX ix_event_waits_event_type ON event_waits (tenant_id, event_type);

CREATE TABLE execution_inbox (
  tenant_id TEXT NOT NULL,
  execution_id UUID NOT NULL,
  id UUID NOT NULL,
  kind TEXT NOT NULL,
  payload JSON NOT NULL,
  created_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
  CONSTRAINT pk_execution_inbox PRIMARY KEY (tenant_id, execution_id, id)
);

CREATE INDEX ix_execution_inbox_created_at ON execution_inbox (created_at);

CREATE TABLE executions (
  tenant_id TEXT NOT NULL,
  id UUID NOT NULL,
  workflow_id UUID NOT NULL,
  workflow_version TEXT NOT NULL,
  content_hash TEXT NOT NULL,
  status TEXT DEFAULT 'queued' NOT NULL,
  trigger_type TEXT DEFAULT 'manual' NOT NULL,
  trigger_data JSON NOT NULL,
  priority SMALLINT DEFAULT '2' NOT NULL,
  qos_class TEXT DEFAULT 'default' NOT NULL,
  started_by TEXT NOT NULL,
  created_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
  available_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
  started_at TIMESTAMP WITH TIME ZONE,
  finished_at TIMESTAMP WITH TIME ZONE,
  current_step TEXT,
  failure JSONB,
  failed_steps JSONB,
  last_seq BIGINT DEFAULT '0' NOT NULL,
  lease_epoch BIGINT DEFAULT '0' NOT NULL,
  lease_owner UUID,
  deliveries INTEGER DEFAULT '0' NOT NULL,
  parent_execution_id UUID,
  parent_step_path TEXT,
  parent_iteration TEXT,
  parent_generation INTEGER,
  depth SMALLINT DEFAULT '0' NOT NULL,
  traceparent TEXT,
  CONSTRAINT pk_executions PRIMARY KEY (tenant_id, id),
  CONSTRAINT ck_executions_status_known CHECK (status in ('queued', 'running', 'paused', 'completed', 'failed', 'cancelled')),
  CONSTRAINT ck_executions_finished_at_set_when_final CHECK ((finished_at is not null) = (status in ('completed', 'failed', 'cancelled'))),
  CONSTRAINT ck_executions_final_is_not_leased CHECK (lease_owner is null or status not in ('completed', 'failed', 'cancelled'))
)
 PARTITION BY RANGE (id);

CREATE INDEX ix_executions_leased ON executions (lease_owner) WHERE lease_owner is not null;

CREATE INDEX ix_executions_parent ON executions (tenant_id, parent_execution_id) WHERE parent_execution_id is not null;

CREATE INDEX ix_executions_queued ON executions (available_at) WHERE status = 'queued';

CREATE INDEX ix_executions_status ON executions (tenant_id, status, id);

CREATE INDEX ix_executions_unfinished ON executions (tenant_id, workflow_id, workflow_version) WHERE status not in ('completed', 'failed', 'cancelled');

CREATE INDEX ix_executions_workflow ON executions (tenant_id, workflow_id, id);

CREATE TABLE human_tasks (
  tenant_id TEXT NOT NULL,
  id UUID NOT NULL,
  execution_id UUID,
  workflow_id UUID,
  step_path TEXT,
  iteration TEXT DEFAULT '' NOT NULL,
  generation INTEGER DEFAULT '0' NOT NULL,
  title TEXT NOT NULL,
  description TEXT DEFAULT '' NOT NULL,
  assignees TEXT[] DEFAULT '{}'::text[] NOT NULL,
  candidate_groups TEXT[] DEFAULT '{}'::text[] NOT NULL,
  excluded TEXT[] DEFAULT '{}'::text[] NOT NULL,
  owner TEXT,
  status TEXT DEFAULT 'created' NOT NULL,
  suspended_from TEXT,
  priority SMALLINT DEFAULT '2' NOT NULL,
  form_config JSON NOT NULL,
  form_data JSON,
  context JSON,
  sla JSONB DEFAULT '{}'::jsonb NOT NULL,
  escalation JSONB DEFAULT '[]'::jsonb NOT NULL,
  escalation_level INTEGER DEFAULT '0' NOT NULL,
  sla_breached BOOLEAN DEFAULT false NOT NULL,
  skippable BOOLEAN DEFAULT false NOT NULL,
  approvals JSONB,
  votes JSONB DEFAULT '[]'::jsonb NOT NULL,
  start_by TIMESTAMP WITH TIME ZONE,
  due_at TIMESTAMP WITH TIME ZONE,
  revision INTEGER DEFAULT '1' NOT NULL,
  audit_seq INTEGER DEFAULT '0' NOT NULL,
  created_by TEXT NOT NULL,
  submitted_by TEXT,
  submitted_at TIMESTAMP WITH TIME ZONE,
  created_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
  activated_at TIMESTAMP WITH TIME ZONE,
  updated_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
  closed_at TIMESTAMP WITH TIME ZONE,
  CONSTRAINT pk_human_tasks PRIMARY KEY (tenant_id, id),
  CONSTRAINT ck_human_tasks_status_known CHECK (status in ('created', 'pending', 'assigned', 'in_progress', 'suspended', 'completed', 'failed', 'cancelled', 'skipped', 'obsolete')),
  CONSTRAINT ck_human_tasks_closed_at_set_when_closed CHECK ((closed_at is null) = (status in ('created', 'pending', 'assigned', 'in_progress', 'suspended'))),
  CONSTRAINT ck_human_tasks_suspended_from_when_suspended CHECK ((suspended_from is not null) = (status = 'suspended')),
  CONSTRAINT ck_human_tasks_held_has_owner CHECK (owner is not null or status not in ('assigned', 'in_progress'))
);

CREATE INDEX ix_human_tasks_assignees ON human_tasks USING gin (assignees);

CREATE INDEX ix_human_tasks_candidate_groups ON human_tasks USING gin (candidate_groups);

CREATE INDEX ix_human_tasks_due ON human_tasks (tenant_id, due_at) WHERE status in ('created', 'pending', 'assigned', 'in_progress', 'suspended');

CREATE INDEX ix_human_tasks_execution ON human_tasks (tenant_id, execution_id, step_path, iteration);

CREATE INDEX ix_human_tasks_owner ON human_tasks (tenant_id, owner, id);

CREATE INDEX ix_human_tasks_status ON human_tasks (tenant_id, status, id);

CREATE INDEX ix_human_tasks_workflow ON human_tasks (tenant_id, workflow_id, id);

CREATE TABLE idempotency_keys (
  tenant_id TEXT NOT NULL,
  principal TEXT NOT NULL,
  route TEXT NOT NULL,
  key TEXT NOT NULL,
  fingerprint BYTEA NOT NULL,
  subject_id UUID NOT NULL,
  created_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
  expires_at TIMESTAMP WITH TIME ZONE NOT NULL,
  CONSTRAINT pk_idempotency_keys PRIMARY KEY (tenant_id, principal, route, key)
);

CREATE INDEX ix_idempotency_keys_expires ON idempotency_keys (expires_at);

CREATE TABLE outbox (
  tenant_id TEXT NOT NULL,
  id UUID NOT NULL,
  topic TEXT NOT NULL,
  subject_id TEXT NOT NULL,
  payload JSON NOT NULL,
  traceparent TEXT,
  created_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
  available_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
  attempts INTEGER DEFAULT '0' NOT NULL,
  last_error TEXT,
  CONSTRAINT pk_outbox PRIMARY KEY (tenant_id, id)
);

CREATE INDEX ix_outbox_topic_available_at ON outbox (topic, available_at);

CREATE TABLE policy_decisions (
  tenant_id TEXT NOT NULL,
  decision_id UUID NOT NULL,
  at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
  requested_by TEXT NOT NULL,
  action TEXT NOT NULL,
  resource_type TEXT NOT NULL,
  resource_id TEXT,
  execution_id UUID,
  allowed BOOLEAN NOT NULL,
  mode TEXT DEFAULT 'enforce' NOT NULL,
  policy_revision TEXT NOT NULL,
  path TEXT NOT NULL,
  input JSON,
  result JSON,
  bundles JSONB,
  metrics JSONB,
  erased JSONB,
  masked JSONB,
  trace_id TEXT,
  span_id TEXT,
  CONSTRAINT pk_policy_decisions PRIMARY KEY (tenant_id, decision_id),
  CONSTRAINT ck_policy_decisions_mode_known CHECK (mode in ('enforce', 'report'))
);

CREATE INDEX ix_policy_decisions_execution ON policy_decisions (tenant_id, execution_id);

CREATE TABLE schedule_ticks (
  tenant_id TEXT NOT NULL,
  schedule_id UUID NOT NULL,
  tick_at TIMESTAMP WITH TIME ZONE NOT NULL,
  until_tick_at TIMESTAMP WITH TIME ZONE,
  count BIGINT DEFAULT '1' NOT NULL,
  status TEXT NOT NULL,
  fired_at TIMESTAMP WITH TIME ZONE,
  drift_ms BIGINT,
  execution_id UUID,
  reason TEXT DEFAULT '' NOT NULL,
  is_backfill BOOLEAN DEFAULT false NOT NULL,
  created_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
  CONSTRAINT pk_schedule_ticks PRIMARY KEY (tenant_id, schedule_id, tick_at),
  CONSTRAINT ck_schedule_ticks_status_known CHECK (status in ('pending', 'buffered', 'fired', 'skipped', 'missed', 'caught_up', 'late'))
);

CREATE INDEX ix_schedule_ticks_execution ON schedule_ticks (tenant_id, execution_id);

CREATE TABLE scheduled_workflows (
  tenant_id TEXT NOT NULL,
  id UUID NOT NULL,
  workflow_id UUID NOT NULL,
  trigger_id TEXT NOT NULL,
  version TEXT NOT NULL,
  cron TEXT NOT NULL,
  timezone TEXT DEFAULT 'UTC' NOT NULL,
  catch_up TEXT DEFAULT 'latest' NOT NULL,
  catch_up_window_s INTEGER DEFAULT '3600' NOT NULL,
  overlap TEXT DEFAULT 'skip' NOT NULL,
  jitter_ms INTEGER DEFAULT '0' NOT NULL,
  drift_window_s INTEGER DEFAULT '5' NOT NULL,
  payload JSON,
  status TEXT DEFAULT 'active' NOT NULL,
  cursor_at TIMESTAMP WITH TIME ZONE NOT NULL,
  next_tick_at TIMESTAMP WITH TIME ZONE,
  paused_at TIMESTAMP WITH TIME ZONE,
  created_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
  updated_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
  CONSTRAINT pk_scheduled_workflows PRIMARY KEY (tenant_id, id),
  CONSTRAINT uq_scheduled_workflows_tenant_id_workflow_id_trigger_id UNIQUE (tenant_id, workflow_id, trigger_id),
  CONSTRAINT ck_scheduled_workflows_catch_up_known CHECK (catch_up in ('skip', 'latest', 'all')),
  CONSTRAINT ck_scheduled_workflows_overlap_known CHECK (overlap in ('allow', 'skip', 'buffer', 'cancel_other')),
  CONSTRAINT ck_scheduled_workflows_status_known CHECK (status in ('active', 'paused'))
);

CREATE INDEX ix_scheduled_workflows_next_tick ON scheduled_workflows (next_tick_at) WHERE status = 'active';

CREATE TABLE step_checkpoints (
  tenant_id TEXT NOT NULL,
  execution_id UUID NOT NULL,
  seq BIGINT NOT NULL,
  step_path TEXT NOT NULL,
  iteration TEXT DEFAULT '' NOT NULL,
  generation INTEGER DEFAULT '0' NOT NULL,
  attempt INTEGER DEFAULT '0' NOT NULL,
  status TEXT NOT NULL,
  at TIMESTAMP WITH TIME ZONE NOT NULL,
  input JSON,
  output JSON,
  failure JSON,
  detail JSON,
  lease_epoch BIGINT NOT NULL,
  CONSTRAINT pk_step_checkpoints PRIMARY KEY (tenant_id, execution_id, seq)
)
 PARTITION BY RANGE (execution_id);

CREATE TABLE timers (
  tenant_id TEXT NOT NULL,
  subject_id UUID NOT NULL,
  kind TEXT NOT NULL,
  step_path TEXT DEFAULT '' NOT NULL,
  iteration TEXT DEFAULT '' NOT NULL,
  generation INTEGER DEFAULT '0' NOT NULL,
  attempt INTEGER DEFAULT '0' NOT NULL,
  due_at TIMESTAMP WITH TIME ZONE NOT NULL,
  payload JSON,
  CONSTRAINT pk_timers PRIMARY KEY (tenant_id, subject_id, kind, step_path, iteration)
);

CREATE INDEX ix_timers_due_at ON timers (due_at);

CREATE TABLE webhook_deliveries (
  tenant_id TEXT NOT NULL,
  id UUID NOT NULL,
  webhook_id UUID,
  workflow_id UUID NOT NULL,
  message_id TEXT,
  source TEXT DEFAULT '' NOT NULL,
  headers JSONB NOT NULL,
  body TEXT,
  body_sha256 TEXT NOT NULL,
  outcome TEXT NOT NULL,
  detail TEXT DEFAULT '' NOT NULL,
  execution_id UUID,
  replay_of UUID,
  received_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
  CONSTRAINT pk_webhook_deliveries PRIMARY KEY (tenant_id, id)
);

CREATE INDEX ix_webhook_deliveries_received ON webhook_deliveries (received_at);

CREATE INDEX ix_webhook_deliveries_workflow ON webhook_deliveries (tenant_id, workflow_id, id);

CREATE TABLE webhook_replays (
  tenant_id TEXT NOT NULL,
  webhook_id UUID NOT NULL,
  message_id TEXT NOT NULL,
  body_sha256 TEXT NOT NULL,
  execution_id UUID NOT NULL,
  received_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
  expires_at TIMESTAMP WITH TIME ZONE NOT NULL,
  CONSTRAINT pk_webhook_replays PRIMARY KEY (tenant_id, webhook_id, message_id)
);

CREATE INDEX ix_webhook_replays_expires ON webhook_replays (expires_at);

CREATE TABLE workers (
  tenant_id TEXT DEFAULT '*' NOT NULL,
  id UUID NOT NULL,
  name TEXT NOT NULL,
  started_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
  heartbeat_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
  lease_until TIMESTAMP WITH TIME ZONE NOT NULL,
  stopped_at TIMESTAMP WITH TIME ZONE,
  CONSTRAINT pk_workers PRIMARY KEY (tenant_id, id)
);

CREATE TABLE workflow_definitions (
  tenant_id TEXT NOT NULL,
  id UUID NOT NULL,
  name TEXT NOT NULL,
  description TEXT DEFAULT '' NOT NULL,
  definition JSON NOT NULL,
  draft_hash TEXT NOT NULL,
  status TEXT DEFAULT 'draft' NOT NULL,
  is_active BOOLEAN DEFAULT true NOT NULL,
  revision INTEGER DEFAULT '1' NOT NULL,
  latest_version TEXT,
  latest_content_hash TEXT,
  labels JSONB DEFAULT '[]'::jsonb NOT NULL,
  classification TEXT,
  environment TEXT,
  created_by TEXT NOT NULL,
  updated_by TEXT NOT NULL,
  created_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
  updated_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
  archived_at TIMESTAMP WITH TIME ZONE,
  CONSTRAINT pk_workflow_definitions PRIMARY KEY (tenant_id, id),
  CONSTRAINT ck_workflow_definitions_status_known CHECK (status in ('draft', 'published', 'archived')),
  CONSTRAINT ck_workflow_definitions_archived_at_set_when_archived CHECK ((archived_at is not null) = (status = 'archived')),
  CONSTRAINT ck_workflow_definitions_latest_is_whole CHECK ((latest_version is null) = (latest_content_hash is null))
);

CREATE TABLE workflow_execution_logs (
  tenant_id TEXT NOT NULL,
  execution_id UUID NOT NULL,
  id UUID NOT NULL,
  at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
  level TEXT DEFAULT 'info' NOT NULL,
  step_path TEXT,
  iteration TEXT DEFAULT '' NOT NULL,
  attempt INTEGER,
  message TEXT NOT NULL,
  fields JSON,
  CONSTRAINT pk_workflow_execution_logs PRIMARY KEY (tenant_id, execution_id, id),
  CONSTRAINT ck_workflow_execution_logs_level_known CHECK (level in ('debug', 'info', 'warning', 'error'))
);

CREATE TABLE workflow_metrics (
  tenant_id TEXT NOT NULL,
  workflow_id UUID NOT NULL,
  granularity TEXT NOT NULL,
  period_start TIMESTAMP WITH TIME ZONE NOT NULL,
  started BIGINT DEFAULT '0' NOT NULL,
  completed BIGINT DEFAULT '0' NOT NULL,
  failed BIGINT DEFAULT '0' NOT NULL,
  cancelled BIGINT DEFAULT '0' NOT NULL,
  duration_sum_ms BIGINT DEFAULT '0' NOT NULL,
  duration_buckets JSONB DEFAULT '{}'::jsonb NOT NULL,
  CONSTRAINT pk_workflow_metrics PRIMARY KEY (tenant_id, workflow_id, granularity, period_start),
  CONSTRAINT ck_workflow_metrics_granularity_known CHECK (granularity in ('hour', 'day'))
);

CREATE TABLE workflow_templates (
  tenant_id TEXT NOT NULL,
  id TEXT NOT NULL,
  name TEXT NOT NULL,
  description TEXT DEFAULT '' NOT NULL,
  category TEXT NOT NULL,
  definition JSON NOT NULL,
  is_built_in BOOLEAN DEFAULT false NOT NULL,
  usage_count BIGINT DEFAULT '0' NOT NULL,
  created_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
  updated_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
  CONSTRAINT pk_workflow_templates PRIMARY KEY (tenant_id, id)
);

CREATE INDEX ix_workflow_templates_category ON workflow_templates (tenant_id, category);

CREATE TABLE workflow_triggers (
  tenant_id TEXT NOT NULL,
  workflow_id UUID NOT NULL,
  trigger_id TEXT NOT NULL,
  version TEXT NOT NULL,
  type TEXT NOT NULL,
  event_type TEXT,
  config JSONB NOT NULL,
  is_enabled BOOLEAN DEFAULT true NOT NULL,
  updated_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
  CONSTRAINT pk_workflow_triggers PRIMARY KEY (tenant_id, workflow_id, trigger_id),
  CONSTRAINT ck_workflow_triggers_type_known CHECK (type in ('manual', 'event', 'schedule', 'webhook', 'condition'))
);

CREATE INDEX ix_workflow_triggers_event_type ON workflow_triggers (tenant_id, event_type) WHERE type in ('event', 'condition') and is_enabled;

CREATE TABLE workflow_webhooks (
  tenant_id TEXT NOT NULL,
  id UUID NOT NULL,
  workflow_id UUID NOT NULL,
  trigger_id TEXT NOT NULL,
  version TEXT NOT NULL,
  path TEXT NOT NULL,
  signature TEXT DEFAULT 'standard' NOT NULL,
  is_enabled BOOLEAN DEFAULT true NOT NULL,
  created_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
  updated_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
  CONSTRAINT pk_workflow_webhooks PRIMARY KEY (tenant_id, id),
  CONSTRAINT uq_workflow_webhooks_workflow_id_path UNIQUE (workflow_id, path),
  CONSTRAINT ck_workflow_webhooks_signature_known CHECK (signature in ('standard', 'github'))
);

CREATE TABLE audit_chain (
  tenant_id TEXT NOT NULL,
  seq BIGINT NOT NULL,
  entry_id UUID NOT NULL,
  entry_hash TEXT NOT NULL,
  previous_hash TEXT NOT NULL,
  hash TEXT NOT NULL,
  chained_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
  CONSTRAINT pk_audit_chain PRIMARY KEY (tenant_id, seq),
  CONSTRAINT uq_audit_chain_tenant_id_entry_id UNIQUE (tenant_id, entry_id),
  CONSTRAINT fk_audit_chain_tenant_id_entry_id FOREIGN KEY(tenant_id, entry_id) REFERENCES audit_entries (tenant_id, id)
);

CREATE TABLE callback_deliveries (
  tenant_id TEXT NOT NULL,
  id UUID NOT NULL,
  callback_id UUID NOT NULL,
  event_type TEXT NOT NULL,
  payload TEXT NOT NULL,
  status TEXT DEFAULT 'pending' NOT NULL,
  attempts SMALLINT DEFAULT '0' NOT NULL,
  next_attempt_at TIMESTAMP WITH TIME ZONE DEFAULT now(),
  last_status INTEGER,
  last_error TEXT,
  created_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
  delivered_at TIMESTAMP WITH TIME ZONE,
  CONSTRAINT pk_callback_deliveries PRIMARY KEY (tenant_id, id),
  CONSTRAINT fk_callback_deliveries_tenant_id_callback_id FOREIGN KEY(tenant_id, callback_id) REFERENCES callbacks (tenant_id, id) ON DELETE CASCADE,
  CONSTRAINT ck_callback_deliveries_status_known CHECK (status in ('pending', 'delivered', 'failed'))
);

CREATE INDEX ix_callback_deliveries_callback ON callback_deliveries (tenant_id, callback_id, id);

CREATE INDEX ix_callback_deliveries_due ON callback_deliveries (next_attempt_at) WHERE status = 'pending';

CREATE TABLE human_task_audit (
  tenant_id TEXT NOT NULL,
  task_id UUID NOT NULL,
  seq INTEGER NOT NULL,
  at TIMESTAMP WITH TIME ZONE NOT NULL,
  actor TEXT NOT NULL,
  on_behalf_of TEXT,
  from_status TEXT,
  to_status TEXT NOT NULL,
  action TEXT NOT NULL,
  reason TEXT DEFAULT '' NOT NULL,
  request_id TEXT DEFAULT '' NOT NULL,
  details JSON,
  CONSTRAINT pk_human_task_audit PRIMARY KEY (tenant_id, task_id, seq),
  CONSTRAINT fk_human_task_audit_tenant_id_task_id FOREIGN KEY(tenant_id, task_id) REFERENCES human_tasks (tenant_id, id)
);

CREATE TABLE human_task_comments (
  tenant_id TEXT NOT NULL,
  task_id UUID NOT NULL,
  id UUID NOT NULL,
  author TEXT NOT NULL,
  body TEXT NOT NULL,
  created_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
  CONSTRAINT pk_human_task_comments PRIMARY KEY (tenant_id, task_id, id),
  CONSTRAINT fk_human_task_comments_tenant_id_task_id FOREIGN KEY(tenant_id, task_id) REFERENCES human_tasks (tenant_id, id)
);

CREATE TABLE webhook_secrets (
  tenant_id TEXT NOT NULL,
  id UUID NOT NULL,
  workflow_id UUID NOT NULL,
  status TEXT DEFAULT 'active' NOT NULL,
  key_id TEXT NOT NULL,
  nonce BYTEA NOT NULL,
  ciphertext BYTEA NOT NULL,
  created_by TEXT NOT NULL,
  created_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
  expires_at TIMESTAMP WITH TIME ZONE,
  revoked_at TIMESTAMP WITH TIME ZONE,
  CONSTRAINT pk_webhook_secrets PRIMARY KEY (tenant_id, id),
  CONSTRAINT fk_webhook_secrets_tenant_id_workflow_id FOREIGN KEY(tenant_id, workflow_id) REFERENCES workflow_definitions (tenant_id, id),
  CONSTRAINT ck_webhook_secrets_status_known CHECK (status in ('active', 'retiring', 'revoked'))
);

CREATE INDEX ix_webhook_secrets_workflow ON webhook_secrets (workflow_id, status);

CREATE TABLE workflow_versions (
  tenant_id TEXT NOT NULL,
  workflow_id UUID NOT NULL,
  version TEXT NOT NULL,
  sequence INTEGER NOT NULL,
  content_hash TEXT NOT NULL,
  definition JSON NOT NULL,
  manifest TEXT NOT NULL,
  previous_version TEXT,
  previous_content_hash TEXT,
  change_summary TEXT DEFAULT '' NOT NULL,
  published_by TEXT NOT NULL,
  published_at TIMESTAMP WITH TIME ZONE NOT NULL,
  policy_revision TEXT NOT NULL,
  decision_id UUID NOT NULL,
  CONSTRAINT pk_workflow_versions PRIMARY KEY (tenant_id, workflow_id, version),
  CONSTRAINT fk_workflow_versions_tenant_id_workflow_id FOREIGN KEY(tenant_id, workflow_id) REFERENCES workflow_definitions (tenant_id, id),
  CONSTRAINT uq_workflow_versions_tenant_id_workflow_id_sequence UNIQUE (tenant_id, workflow_id, sequence)
);

CREATE INDEX ix_workflow_versions_content_hash ON workflow_versions (tenant_id, content_hash);

CREATE TABLE version_provenance (
  tenant_id TEXT NOT NULL,
  workflow_id UUID NOT NULL,
  version TEXT NOT NULL,
  status TEXT DEFAULT 'pending' NOT NULL,
  log_index BIGINT,
  leaf_hash TEXT,
  proof TEXT,
  registered_at TIMESTAMP WITH TIME ZONE,
  CONSTRAINT pk_version_provenance PRIMARY KEY (tenant_id, workflow_id, version),
  CONSTRAINT fk_version_provenance_tenant_id_workflow_id_version FOREIGN KEY(tenant_id, workflow_id, version) REFERENCES workflow_versions (tenant_id, workflow_id, version),
  CONSTRAINT ck_version_provenance_status_known CHECK (status in ('pending', 'registered')),
  CONSTRAINT ck_version_provenance_index_set_when_registered CHECK ((log_index is not null) = (status = 'registered'))
);
