"""Tables of the durable runtime: executions, checkpoints, inbox, timers, workers.

`workflow_executions` is a view over `executions` and `step_checkpoints` (see the migrations): readers of SQL see one
row per execution with its current per-step checkpoints in `steps`.

Payloads are `json`, not `jsonb`: their bytes stay as they were stored, so that digests over them are stable.
"""

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    DateTime,
    Index,
    Integer,
    SmallInteger,
    Table,
    Text,
    UniqueConstraint,
    Uuid,
    func,
    text,
)
from sqlalchemy.dialects.postgresql import JSON, JSONB

from engine.store.tables.metadata import metadata

FINAL = "('completed', 'failed', 'cancelled')"

executions = Table(
    "executions",
    metadata,
    Column("tenant_id", Text, primary_key=True),
    Column("id", Uuid, primary_key=True),
    Column("workflow_id", Uuid, nullable=False),
    Column("workflow_version", Text, nullable=False),
    Column("content_hash", Text, nullable=False),
    Column("status", Text, nullable=False, server_default="queued"),
    Column("trigger_type", Text, nullable=False, server_default="manual"),
    Column("trigger_data", JSON, nullable=False),
    Column("priority", SmallInteger, nullable=False, server_default="2"),
    Column("qos_class", Text, nullable=False, server_default="default"),
    Column("started_by", Text, nullable=False),
    Column("created_at", DateTime(timezone=True), nullable=False, server_default=func.now()),
    Column("available_at", DateTime(timezone=True), nullable=False, server_default=func.now()),
    Column("started_at", DateTime(timezone=True)),
    Column("finished_at", DateTime(timezone=True)),
    Column("current_step", Text),
    Column("failure", JSONB),
    Column("failed_steps", JSONB),
    Column("last_seq", BigInteger, nullable=False, server_default="0"),
    Column("lease_epoch", BigInteger, nullable=False, server_default="0"),
    Column("lease_owner", Uuid),
    Column("deliveries", Integer, nullable=False, server_default="0"),
    Column("parent_execution_id", Uuid),
    Column("parent_step_path", Text),
    Column("parent_iteration", Text),
    Column("parent_generation", Integer),
    Column("depth", SmallInteger, nullable=False, server_default="0"),
    Column("traceparent", Text),
    Column("slot_limit", Integer),
    Column("has_tasks", Boolean, nullable=False, server_default=text("false")),
    CheckConstraint(
        "status in ('queued', 'running', 'paused', 'completed', 'failed', 'cancelled')", name="status_known"
    ),
    CheckConstraint(f"(finished_at is not null) = (status in {FINAL})", name="finished_at_set_when_final"),
    CheckConstraint(f"lease_owner is null or status not in {FINAL}", name="final_is_not_leased"),
    Index("ix_executions_workflow", "tenant_id", "workflow_id", "id"),
    Index("ix_executions_status", "tenant_id", "status", "id"),
    Index(
        "ix_executions_dispatch",
        "qos_class",
        "tenant_id",
        "priority",
        "available_at",
        postgresql_where=text("status = 'queued'"),
    ),
    Index(
        "ix_executions_limited",
        "tenant_id",
        "workflow_id",
        "priority",
        "id",
        postgresql_where=text("slot_limit is not null and status = 'queued'"),
    ),
    Index("ix_executions_leased", "lease_owner", postgresql_where=text("lease_owner is not null")),
    Index(
        "ix_executions_unfinished",
        "tenant_id",
        "workflow_id",
        "workflow_version",
        postgresql_where=text(f"status not in {FINAL}"),
    ),
    Index(
        "ix_executions_parent",
        "tenant_id",
        "parent_execution_id",
        postgresql_where=text("parent_execution_id is not null"),
    ),
    Index("ix_executions_finished_at", "finished_at", postgresql_where=text("finished_at is not null")),
    postgresql_partition_by="RANGE (id)",
)

workflow_slots = Table(
    "workflow_slots",
    metadata,
    Column("tenant_id", Text, primary_key=True),
    Column("workflow_id", Uuid, primary_key=True),
    Column("slot", Integer, primary_key=True),
    Column("execution_id", Uuid, nullable=False),
    Column("taken_at", DateTime(timezone=True), nullable=False, server_default=func.now()),
    UniqueConstraint("tenant_id", "execution_id"),
)

step_checkpoints = Table(
    "step_checkpoints",
    metadata,
    Column("tenant_id", Text, primary_key=True),
    Column("execution_id", Uuid, primary_key=True),
    Column("seq", BigInteger, primary_key=True),
    Column("step_path", Text, nullable=False),
    Column("iteration", Text, nullable=False, server_default=""),
    Column("generation", Integer, nullable=False, server_default="0"),
    Column("attempt", Integer, nullable=False, server_default="0"),
    Column("status", Text, nullable=False),
    Column("at", DateTime(timezone=True), nullable=False),
    Column("input", JSON),
    Column("output", JSON),
    Column("failure", JSON),
    Column("detail", JSON),
    Column("lease_epoch", BigInteger, nullable=False),
    postgresql_partition_by="RANGE (execution_id)",
)

execution_inbox = Table(
    "execution_inbox",
    metadata,
    Column("tenant_id", Text, primary_key=True),
    Column("execution_id", Uuid, primary_key=True),
    Column("id", Uuid, primary_key=True),
    Column("kind", Text, nullable=False),
    Column("payload", JSON, nullable=False),
    Column("created_at", DateTime(timezone=True), nullable=False, server_default=func.now()),
    Index("ix_execution_inbox_created_at", "created_at"),
)

timers = Table(
    "timers",
    metadata,
    Column("tenant_id", Text, primary_key=True),
    Column("subject_id", Uuid, primary_key=True),
    Column("kind", Text, primary_key=True),
    Column("step_path", Text, primary_key=True, server_default=""),
    Column("iteration", Text, primary_key=True, server_default=""),
    Column("generation", Integer, nullable=False, server_default="0"),
    Column("attempt", Integer, nullable=False, server_default="0"),
    Column("due_at", DateTime(timezone=True), nullable=False),
    Column("payload", JSON),
    Index("ix_timers_due_at", "due_at"),
)

event_waits = Table(
    "event_waits",
    metadata,
    Column("tenant_id", Text, primary_key=True),
    Column("execution_id", Uuid, primary_key=True),
    Column("step_path", Text, primary_key=True),
    Column("iteration", Text, primary_key=True, server_default=""),
    Column("generation", Integer, nullable=False, server_default="0"),
    Column("event_type", Text, nullable=False),
    Column("correlation", JSONB, nullable=False),
    Index("ix_event_waits_event_type", "tenant_id", "event_type"),
)

workers = Table(
    "workers",
    metadata,
    Column("tenant_id", Text, primary_key=True, server_default="*"),
    Column("id", Uuid, primary_key=True),
    Column("name", Text, nullable=False),
    Column("started_at", DateTime(timezone=True), nullable=False, server_default=func.now()),
    Column("heartbeat_at", DateTime(timezone=True), nullable=False, server_default=func.now()),
    Column("lease_until", DateTime(timezone=True), nullable=False),
    Column("stopped_at", DateTime(timezone=True)),
)

outbox = Table(
    "outbox",
    metadata,
    Column("tenant_id", Text, primary_key=True),
    Column("id", Uuid, primary_key=True),
    Column("topic", Text, nullable=False),
    Column("subject_id", Text, nullable=False),
    Column("payload", JSON, nullable=False),
    Column("traceparent", Text),
    Column("created_at", DateTime(timezone=True), nullable=False, server_default=func.now()),
    Column("available_at", DateTime(timezone=True), nullable=False, server_default=func.now()),
    Column("attempts", Integer, nullable=False, server_default="0"),
    Column("last_error", Text),
    Index("ix_outbox_topic_available_at", "topic", "available_at"),
)
