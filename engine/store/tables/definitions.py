"""Tables of what is composed: drafts, published versions, templates.

A row of `workflow_versions` never changes, for any role: the database itself refuses (see the migrations). What is
learnt about a version later stands beside it, in `version_provenance`.
"""

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    DateTime,
    ForeignKeyConstraint,
    Index,
    Integer,
    Table,
    Text,
    UniqueConstraint,
    Uuid,
    func,
    text,
)
from sqlalchemy.dialects.postgresql import JSON, JSONB

from engine.store.tables.metadata import metadata

workflow_definitions = Table(
    "workflow_definitions",
    metadata,
    Column("tenant_id", Text, primary_key=True),
    Column("id", Uuid, primary_key=True),
    Column("name", Text, nullable=False),
    Column("description", Text, nullable=False, server_default=""),
    Column("definition", JSON, nullable=False),
    Column("draft_hash", Text, nullable=False),
    Column("status", Text, nullable=False, server_default="draft"),
    Column("is_active", Boolean, nullable=False, server_default=text("true")),
    Column("revision", Integer, nullable=False, server_default="1"),
    Column("latest_version", Text),
    Column("latest_content_hash", Text),
    Column("labels", JSONB, nullable=False, server_default=text("'[]'::jsonb")),
    Column("classification", Text),
    Column("environment", Text),
    Column("created_by", Text, nullable=False),
    Column("updated_by", Text, nullable=False),
    Column("editors", JSONB, nullable=False, server_default=text("'[]'::jsonb")),
    Column("created_at", DateTime(timezone=True), nullable=False, server_default=func.now()),
    Column("updated_at", DateTime(timezone=True), nullable=False, server_default=func.now()),
    Column("archived_at", DateTime(timezone=True)),
    CheckConstraint("status in ('draft', 'published', 'archived')", name="status_known"),
    CheckConstraint("(archived_at is not null) = (status = 'archived')", name="archived_at_set_when_archived"),
    CheckConstraint("(latest_version is null) = (latest_content_hash is null)", name="latest_is_whole"),
)

workflow_versions = Table(
    "workflow_versions",
    metadata,
    Column("tenant_id", Text, primary_key=True),
    Column("workflow_id", Uuid, primary_key=True),
    Column("version", Text, primary_key=True),
    Column("sequence", Integer, nullable=False),
    Column("content_hash", Text, nullable=False),
    Column("definition", JSON, nullable=False),
    Column("manifest", Text, nullable=False),
    Column("previous_version", Text),
    Column("previous_content_hash", Text),
    Column("change_summary", Text, nullable=False, server_default=""),
    Column("published_by", Text, nullable=False),
    Column("published_at", DateTime(timezone=True), nullable=False),
    Column("policy_revision", Text, nullable=False),
    Column("decision_id", Uuid, nullable=False),
    ForeignKeyConstraint(["tenant_id", "workflow_id"], ["workflow_definitions.tenant_id", "workflow_definitions.id"]),
    UniqueConstraint("tenant_id", "workflow_id", "sequence"),
    Index("ix_workflow_versions_content_hash", "tenant_id", "content_hash"),
)

version_provenance = Table(
    "version_provenance",
    metadata,
    Column("tenant_id", Text, primary_key=True),
    Column("workflow_id", Uuid, primary_key=True),
    Column("version", Text, primary_key=True),
    Column("status", Text, nullable=False, server_default="pending"),
    Column("log_index", BigInteger),
    Column("leaf_hash", Text),
    Column("proof", Text),
    Column("registered_at", DateTime(timezone=True)),
    ForeignKeyConstraint(
        ["tenant_id", "workflow_id", "version"],
        ["workflow_versions.tenant_id", "workflow_versions.workflow_id", "workflow_versions.version"],
    ),
    CheckConstraint("status in ('pending', 'registered')", name="status_known"),
    CheckConstraint("(log_index is not null) = (status = 'registered')", name="index_set_when_registered"),
)

workflow_templates = Table(
    "workflow_templates",
    metadata,
    Column("tenant_id", Text, primary_key=True),
    Column("id", Text, primary_key=True),
    Column("name", Text, nullable=False),
    Column("description", Text, nullable=False, server_default=""),
    Column("category", Text, nullable=False),
    Column("definition", JSON, nullable=False),
    Column("is_built_in", Boolean, nullable=False, server_default=text("false")),
    Column("usage_count", BigInteger, nullable=False, server_default="0"),
    Column("created_at", DateTime(timezone=True), nullable=False, server_default=func.now()),
    Column("updated_at", DateTime(timezone=True), nullable=False, server_default=func.now()),
    Index("ix_workflow_templates_category", "tenant_id", "category"),
)
