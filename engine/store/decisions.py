"""Decisions of policy as the log outside gets them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from engine.jsonvalue import Json, loads
from engine.store.hot import HotConnection
from engine.store.statements import load

_SQL = load("decisions")
FORGOTTEN_AT_ONCE = 10_000


@dataclass(frozen=True, slots=True)
class DecisionRow:
    """One decision as it is stored.

    Attributes:
        masked: JSON Pointers into `input` of what was hidden in it.
        times: how many equal decisions it stands for.
    """

    tenant: str
    id: UUID
    at: datetime
    requested_by: str
    action: str
    allowed: bool
    mode: str
    policy_revision: str
    path: str
    execution_id: UUID | None
    input: Json
    result: Json
    masked: Json
    trace_id: str | None
    span_id: str | None
    times: int


async def find(connection: HotConnection, decisions: Sequence[tuple[str, UUID]]) -> tuple[DecisionRow, ...]:
    """Those of the decisions (tenant, id) that are there, oldest first.

    Raises:
        Unavailable: the database does not answer.
    """
    tenants, ids = [tenant for tenant, _ in decisions], [decision_id for _, decision_id in decisions]
    rows = await connection.fetch(_SQL["of"], tenants, ids)
    return tuple(
        DecisionRow(
            tenant=row["tenant_id"],
            id=row["decision_id"],
            at=row["at"],
            requested_by=row["requested_by"],
            action=row["action"],
            allowed=row["allowed"],
            mode=row["mode"],
            policy_revision=row["policy_revision"],
            path=row["path"],
            execution_id=row["execution_id"],
            input=loads(row["input"] or "null"),
            result=loads(row["result"] or "null"),
            masked=loads(row["masked"] or "[]"),
            trace_id=row["trace_id"],
            span_id=row["span_id"],
            times=row["times"],
        )
        for row in rows
    )


async def forget(connection: HotConnection) -> None:
    """Remove rows that nothing rests on and whose time is over, some at a time.

    Raises:
        Unavailable: the database does not answer.
    """
    await connection.fetch(_SQL["forget"], FORGOTTEN_AT_ONCE)
