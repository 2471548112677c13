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
    """One action to be run for one event.

    Attributes:
        subject_id: the execution of which it tells.
    """

    tenant: str
    id: UUID
    subject_id: str
    payload: JsonObject
    traceparent: str | None


@dataclass(frozen=True, slots=True)
class Hooks:
    """`settings.notifications` of a version, and the name of the workflow."""

    workflow_name: str
    wanted: Json


async def wanted(connection: HotConnection, executions: Sequence[tuple[str, str]]) -> Mapping[int, Hooks]:
    """What the versions that these (tenant, execution) run want said, by position; nothing where they want nothing."""
    if not executions:
        return {}
    tenants, ids = zip(*executions, strict=True)
    rows = await connection.fetch(_SQL["wanted"], list(range(len(executions))), [*tenants], [UUID(one) for one in ids])
    return {row["n"]: Hooks(row["name"] or "", loads(row["wanted"])) for row in rows}


async def leave(connection: HotConnection, notifications: Sequence[Notification]) -> None:
    """Put them into the outbox."""
    if notifications:
        rows = [
            (one.tenant, one.id, NOTIFICATION, one.subject_id, dumps(one.payload), one.traceparent)
            for one in notifications
        ]
        await connection.fetch(_SQL["leave"], *(list(column) for column in zip(*rows, strict=True)))
