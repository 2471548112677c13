"""The table of evidence: what the ledger answered about finished executions, stored once."""

from sqlalchemy import JSON, BigInteger, CheckConstraint, Column, DateTime, SmallInteger, Table, Text, Uuid, func

from engine.store.tables.metadata import metadata

execution_evidence = Table(
    "execution_evidence",
    metadata,
    Column("tenant_id", Text, primary_key=True),
    Column("execution_id", Uuid, primary_key=True),
    Column("last_seq", BigInteger, nullable=False),
    Column("format", SmallInteger, nullable=False, server_default="1"),
    Column("log_index", BigInteger, nullable=False),
    Column("leaf_hash", Text, nullable=False),
    Column("envelope", Text, nullable=False),
    Column("proof", Text, nullable=False),
    Column("keys", JSON, nullable=False),
    Column("policy_decisions", Text, nullable=False, server_default=""),
    Column("human_tasks", Text, nullable=False, server_default=""),
    Column("sealed_at", DateTime(timezone=True), nullable=False, server_default=func.now()),
    CheckConstraint("last_seq > 0 and log_index >= 0", name="numbers_fit"),
)
