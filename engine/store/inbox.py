"""The inbox of an execution: what others want of it, kept until its holder has acted on it.

Whoever writes here rings the bell after commit; a sweep finds what was not rung.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import and_, exists, func, insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from engine.jsonvalue import loads
from engine.runtime.events import Event, Inboxed, kind_of
from engine.store.event_codec import UnreadableEventError, decode, encode
from engine.store.hot import HotConnection
from engine.store.statements import load
from engine.store.tables.runtime import execution_inbox, workers

_SQL = load("inbox")


@dataclass(frozen=True, slots=True)
class Posting:
    """One event for one execution.

    Attributes:
        id: of the row; a deterministic one makes posting idempotent where the caller needs it.
    """

    tenant: str
    execution_id: UUID
    id: UUID
    event: Event


@dataclass(frozen=True, slots=True)
class Unreadable:
    """An inbox row that this version cannot read; it goes to the dead letters."""

    id: UUID
    kind: str
    payload: str
    cause: str


@dataclass(frozen=True, slots=True)
class Mail:
    """What waits for one execution, oldest first."""

    readable: tuple[Inboxed, ...]
    unreadable: tuple[Unreadable, ...] = ()


async def post(connection: AsyncConnection, postings: Iterable[Posting]) -> None:
    """Write events into inboxes within the caller's transaction; the caller rings after commit."""
    rows = [
        {
            "tenant_id": posting.tenant,
            "execution_id": posting.execution_id,
            "id": posting.id,
            "kind": kind_of(posting.event),
            "payload": encode(posting.event),
        }
        for posting in postings
    ]
    if rows:
        await connection.execute(insert(execution_inbox), rows)


async def is_about_to_be_read(connection: AsyncConnection, tenant: str, execution_id: UUID, event_id: UUID) -> bool:
    """Whether an event still waits in its inbox and a worker lives that will look. For the loops' role."""
    inbox, worker = execution_inbox.c, workers.c
    waits = and_(inbox.tenant_id == tenant, inbox.execution_id == execution_id, inbox.id == event_id)
    lives = and_(worker.stopped_at.is_(None), worker.lease_until > func.now())
    statement = select(exists().where(waits) & exists().where(lives))
    return bool(await connection.scalar(statement))


async def collect(connection: HotConnection, tenants: list[str], execution_ids: list[UUID]) -> dict[UUID, Mail]:
    """Mail of the executions that have any."""
    readable: dict[UUID, list[Inboxed]] = {}
    unreadable: dict[UUID, list[Unreadable]] = {}
    for row in await connection.fetch(_SQL["load_inbox"], tenants, execution_ids):
        execution_id: UUID = row["execution_id"]
        try:
            event = decode(row["kind"], loads(row["payload"]))
        except (UnreadableEventError, ValueError) as error:
            bad = Unreadable(row["id"], row["kind"], row["payload"], str(error))
            unreadable.setdefault(execution_id, []).append(bad)
            continue
        readable.setdefault(execution_id, []).append(Inboxed(row["id"], row["created_at"], event))
    return {
        found: Mail(tuple(readable.get(found, ())), tuple(unreadable.get(found, ())))
        for found in readable.keys() | unreadable.keys()
    }


async def discard_of_final(connection: HotConnection, tenants: list[str], execution_ids: list[UUID]) -> int:
    """Remove mail that came too late: its execution is final and nobody asked for a retry. Returns how many rows."""
    rows = await connection.fetch(_SQL["discard_of_final"], tenants, execution_ids)
    return len(rows)
