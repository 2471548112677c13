"""Tables of who did what and why it was allowed: audit, its hash chain, policy decisions, idempotency keys, secrets."""

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    DateTime,
    ForeignKeyConstraint,
    Index,
    Integer,
    LargeBinary,
    Table,
    Text,
    UniqueConstraint,
    Uuid,
    func,
    text,
)
from sqlalchemy.dialects.postgresql import JSON, JSONB

from engine.store.tables.metadata import metadata

audit_entries = Table(
    "audit_entries",
    metadata,
    Column("tenant_id", Text, primary_key=True),
    Column("id", Uuid, primary_key=True),
    Column("at", DateTime(timezone=True), nullable=False, server_default=func.now()),
    Column("actor", Text, nullable=False),
    Column("on_behalf_of", Text),
    Column("action", Text, nullable=False),
    Column("resource_type", Text, nullable=False),
    Column("resource_id", Text, nullable=False),
    Column("before_hash", Text),
    Column("after_hash", Text),
    Column("decision_id", Uuid),
    Column("request_id", Text, nullable=False, server_default=""),
    Column("source", Text, nullable=False, server_default=""),
    Column("details", JSON),
    Column("txid", BigInteger, nullable=False, server_default=text("((pg_current_xact_id())::text)::bigint")),
    Index("ix_audit_entries_resource", "tenant_id", "resource_type", "resource_id", "id"),
    Index("ix_audit_entries_txid", "txid", "id"),
)

audit_positions = Table(
    "audit_positions",
    metadata,
    Column("tenant_id", Text, primary_key=True),
    Column("txid", BigInteger, nullable=False),
    Column("entry_id", Uuid, nullable=False),
)

audit_chain = Table(
    "audit_chain",
    metadata,
    Column("tenant_id", Text, primary_key=True),
    Column("seq", BigInteger, primary_key=True),
    Column("entry_id", Uuid, nullable=False),
    Column("entry_hash", Text, nullable=False),
    Column("previous_hash", Text, nullable=False),
    Column("hash", Text, nullable=False),
    Column("chained_at", DateTime(timezone=True), nullable=False, server_default=func.now()),
    UniqueConstraint("tenant_id", "entry_id"),
    ForeignKeyConstraint(["tenant_id", "entry_id"], ["audit_entries.tenant_id", "audit_entries.id"]),
)

policy_decisions = Table(
    "policy_decisions",
    metadata,
    Column("tenant_id", Text, primary_key=True),
    Column("decision_id", Uuid, primary_key=True),
    Column("at", DateTime(timezone=True), nullable=False, server_default=func.now()),
    Column("requested_by", Text, nullable=False),
    Column("action", Text, nullable=False),
    Column("resource_type", Text, nullable=False),
    Column("resource_id", Text),
    Column("execution_id", Uuid),
    Column("allowed", Boolean, nullable=False),
    Column("mode", Text, nullable=False, server_default="enforce"),
    Column("policy_revision", Text, nullable=False),
    Column("path", Text, nullable=False),
    Column("input", JSON),
    Column("result", JSON),
    Column("masked", JSONB),
    Column("trace_id", Text),
    Column("span_id", Text),
    Column("times", Integer, nullable=False, server_default="1"),
    Column("last_at", DateTime(timezone=True)),
    Column("kept_until", DateTime(timezone=True)),
    CheckConstraint("mode in ('enforce', 'report')", name="mode_known"),
    Index("ix_policy_decisions_execution", "tenant_id", "execution_id"),
    Index("ix_policy_decisions_kept", "kept_until", postgresql_where=text("kept_until is not null")),
)

idempotency_keys = Table(
    "idempotency_keys",
    metadata,
    Column("tenant_id", Text, primary_key=True),
    Column("principal", Text, primary_key=True),
    Column("route", Text, primary_key=True),
    Column("key", Text, primary_key=True),
    Column("fingerprint", LargeBinary, nullable=False),
    Column("subject_id", Uuid, nullable=False),
    Column("created_at", DateTime(timezone=True), nullable=False, server_default=func.now()),
    Column("expires_at", DateTime(timezone=True), nullable=False),
    Index("ix_idempotency_keys_expires", "expires_at"),
)

connections = Table(
    "connections",
    metadata,
    Column("tenant_id", Text, primary_key=True),
    Column("name", Text, primary_key=True),
    Column("kind", Text, nullable=False),
    Column("settings", JSONB, nullable=False, server_default=text("'{}'::jsonb")),
    Column("secret_names", JSONB, nullable=False, server_default=text("'[]'::jsonb")),
    Column("key_id", Text),
    Column("nonce", LargeBinary),
    Column("ciphertext", LargeBinary),
    Column("revision", Integer, nullable=False, server_default="1"),
    Column("created_by", Text, nullable=False),
    Column("updated_by", Text, nullable=False),
    Column("created_at", DateTime(timezone=True), nullable=False, server_default=func.now()),
    Column("updated_at", DateTime(timezone=True), nullable=False, server_default=func.now()),
)
