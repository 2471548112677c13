"""What workflows want said of their executions, and leaving it in the outbox. For the loops' role."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

from engine.jsonvalue import Json, JsonObject, dumps, loads
from engine.store.hot import HotConnection
from engine.store.outbox import NOTIFICATION
from engine.store.statements import load

_SQL = load("notifications")


@dataclass(frozen=True, slots=True)
class Notification:
    """One action to be run for one event."""

    tenant: str
    id: UUID
    execution_id: str
    payload: JsonObject
    traceparent: str | None


async def wanted(connection: HotConnection, versions: Sequence[tuple[str, UUID, str]]) -> Mapping[int, Json]:
    """`settings.notifications` of (tenant, workflow, version), by position; nothing for versions that are not there."""
    if not versions:
        return {}
    tenants, workflows, numbers = (list(column) for column in zip(*versions, strict=True))
    rows = await connection.fetch(_SQL["wanted"], list(range(len(versions))), tenants, workflows, numbers)
    return {row["n"]: None if row["wanted"] is None else loads(row["wanted"]) for row in rows}


async def leave(connection: HotConnection, notifications: Sequence[Notification]) -> None:
    """Put them into the outbox."""
    if notifications:
        rows = [
            (one.tenant, one.id, NOTIFICATION, one.execution_id, dumps(one.payload), one.traceparent)
            for one in notifications
        ]
        await connection.fetch(_SQL["leave"], *(list(column) for column in zip(*rows, strict=True)))
