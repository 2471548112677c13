"""Attempts that other workers make for the holder of an execution."""

from sqlalchemy import BigInteger, Column, DateTime, Index, Integer, Table, Text, Uuid, func
from sqlalchemy.dialects.postgresql import JSON

from engine.store.tables.metadata import metadata

lent_attempts = Table(
    "lent_attempts",
    metadata,
    Column("tenant_id", Text, primary_key=True),
    Column("execution_id", Uuid, primary_key=True),
    Column("step_path", Text, primary_key=True),
    Column("iteration", Text, primary_key=True),
    Column("generation", Integer, nullable=False),
    Column("attempt", Integer, nullable=False),
    Column("lease_epoch", BigInteger, nullable=False),
    Column("lender", Uuid, nullable=False),
    Column("action_type", Text, nullable=False),
    Column("payload", JSON, nullable=False),
    Column("taken_by", Uuid),
    Column("offered_at", DateTime(timezone=True), nullable=False, server_default=func.now()),
    Index("ix_lent_attempts_lender", "lender"),
    Index("ix_lent_attempts_taken_by", "taken_by"),
)
