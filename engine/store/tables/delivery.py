"""Tables of what leaves or failed to: dead letters, callbacks, logs and metrics of executions."""

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    DateTime,
    ForeignKeyConstraint,
    Index,
    Integer,
    LargeBinary,
    SmallInteger,
    Table,
    Text,
    Uuid,
    func,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSON, JSONB

from engine.store.tables.metadata import metadata

dead_letters = Table(
    "dead_letters",
    metadata,
    Column("tenant_id", Text, primary_key=True),
    Column("id", Uuid, primary_key=True),
    Column("kind", Text, nullable=False),
    Column("subject_id", Text, nullable=False),
    Column("execution_id", Uuid),
    Column("step_path", Text),
    Column("cause_code", Text, nullable=False),
    Column("cause_message", Text, nullable=False),
    Column("deliveries", Integer, nullable=False, server_default="0"),
    Column("payload", JSON),
    Column("history", JSON, nullable=False),
    Column("status", Text, nullable=False, server_default="open"),
    Column("created_at", DateTime(timezone=True), nullable=False, server_default=func.now()),
    Column("redriven_at", DateTime(timezone=True)),
    Column("redriven_by", Text),
    CheckConstraint("kind in ('execution', 'message', 'outbox', 'callback')", name="kind_known"),
    CheckConstraint("status in ('open', 'redriven')", name="status_known"),
    Index("ix_dead_letters_status", "tenant_id", "status", "id"),
    Index("ix_dead_letters_execution", "tenant_id", "execution_id"),
)

callbacks = Table(
    "callbacks",
    metadata,
    Column("tenant_id", Text, primary_key=True),
    Column("id", Uuid, primary_key=True),
    Column("url", Text, nullable=False),
    Column("event_types", ARRAY(Text), nullable=False),
    Column("workflow_id", Uuid),
    Column("status", Text, nullable=False, server_default="active"),
    Column("disabled_reason", Text, nullable=False, server_default=""),
    Column("key_id", Text, nullable=False),
    Column("nonce", LargeBinary, nullable=False),
    Column("ciphertext", LargeBinary, nullable=False),
    Column("created_by", Text, nullable=False),
    Column("created_at", DateTime(timezone=True), nullable=False, server_default=func.now()),
    CheckConstraint("status in ('active', 'disabled')", name="status_known"),
)

callback_deliveries = Table(
    "callback_deliveries",
    metadata,
    Column("tenant_id", Text, primary_key=True),
    Column("id", Uuid, primary_key=True),
    Column("callback_id", Uuid, nullable=False),
    Column("event_type", Text, nullable=False),
    Column("payload", Text, nullable=False),
    Column("status", Text, nullable=False, server_default="pending"),
    Column("attempts", SmallInteger, nullable=False, server_default="0"),
    Column("next_attempt_at", DateTime(timezone=True), server_default=func.now()),
    Column("last_status", Integer),
    Column("last_error", Text),
    Column("created_at", DateTime(timezone=True), nullable=False, server_default=func.now()),
    Column("delivered_at", DateTime(timezone=True)),
    ForeignKeyConstraint(["tenant_id", "callback_id"], ["callbacks.tenant_id", "callbacks.id"], ondelete="CASCADE"),
    CheckConstraint("status in ('pending', 'delivered', 'failed')", name="status_known"),
    Index("ix_callback_deliveries_due", "next_attempt_at", postgresql_where=text("status = 'pending'")),
    Index("ix_callback_deliveries_callback", "tenant_id", "callback_id", "id"),
)

workflow_execution_logs = Table(
    "workflow_execution_logs",
    metadata,
    Column("tenant_id", Text, primary_key=True),
    Column("execution_id", Uuid, primary_key=True),
    Column("id", Uuid, primary_key=True),
    Column("at", DateTime(timezone=True), nullable=False, server_default=func.now()),
    Column("level", Text, nullable=False, server_default="info"),
    Column("step_path", Text),
    Column("iteration", Text, nullable=False, server_default=""),
    Column("attempt", Integer),
    Column("message", Text, nullable=False),
    Column("fields", JSON),
    CheckConstraint("level in ('debug', 'info', 'warning', 'error')", name="level_known"),
)

workflow_metrics = Table(
    "workflow_metrics",
    metadata,
    Column("tenant_id", Text, primary_key=True),
    Column("workflow_id", Uuid, primary_key=True),
    Column("granularity", Text, primary_key=True),
    Column("period_start", DateTime(timezone=True), primary_key=True),
    Column("started", BigInteger, nullable=False, server_default="0"),
    Column("completed", BigInteger, nullable=False, server_default="0"),
    Column("failed", BigInteger, nullable=False, server_default="0"),
    Column("cancelled", BigInteger, nullable=False, server_default="0"),
    Column("duration_sum_ms", BigInteger, nullable=False, server_default="0"),
    Column("duration_buckets", JSONB, nullable=False, server_default=text("'{}'::jsonb")),
    CheckConstraint("granularity in ('hour', 'day')", name="granularity_known"),
)

workflow_metrics_progress = Table(
    "workflow_metrics_progress",
    metadata,
    Column("tenant_id", Text, primary_key=True, server_default="*"),
    Column("aggregated_until", DateTime(timezone=True), nullable=False),
)
