"""Dead letters as their readers see them, and their way back. Workers bury elsewhere (`burials`, `durable_effects`)."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Row, Select, func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from engine.jsonvalue import Json
from engine.store.tables.delivery import dead_letters
from engine.store.tables.runtime import executions, outbox
from engine.store.visibility import Hidden, belongs_to_visible
from engine.store.windows import Count, Found, Window, count, look

_D = dead_letters.c
_E = executions.c


@dataclass(frozen=True, slots=True)
class DeadLetterRow:
    """A dead letter as it is stored, without its payload and its history."""

    tenant: str
    id: UUID
    kind: str
    subject: str
    execution_id: UUID | None
    step_path: str | None
    cause_code: str
    cause_message: str
    deliveries: int
    status: str
    created_at: datetime
    redriven_at: datetime | None
    redriven_by: str | None


@dataclass(frozen=True, slots=True)
class DeadLetterContent:
    """What a dead letter holds.

    Attributes:
        payload: of the message, or the trigger data of the execution.
        history: transitions of the execution until it was given up; empty for messages.
    """

    payload: Json
    history: Json


@dataclass(frozen=True, slots=True)
class DeadLetterConditions:
    """Which dead letters a list has; None does not filter."""

    status: str | None = None
    kind: str | None = None
    execution_id: UUID | None = None
    hidden: Hidden | None = None


async def find(connection: AsyncConnection, tenant: str, letter_id: UUID) -> DeadLetterRow | None:
    """One dead letter, or None."""
    row = (await connection.execute(_all(tenant).where(_D.id == letter_id))).one_or_none()
    return None if row is None else _read(row)


async def find_window(
    connection: AsyncConnection, tenant: str, wanted: DeadLetterConditions, window: Window
) -> tuple[tuple[DeadLetterRow, ...], Found]:
    """Dead letters of one window, newest first."""
    found = await look(connection, _filtered(tenant, wanted), _D.id, window)
    return tuple(_read(row) for row in found.rows), found


async def count_all(connection: AsyncConnection, tenant: str, wanted: DeadLetterConditions) -> Count:
    """How many dead letters the list has."""
    return await count(connection, _filtered(tenant, wanted))


async def find_contents(
    connection: AsyncConnection, tenant: str, letter_ids: Sequence[UUID], hidden: Hidden | None = None
) -> dict[UUID, DeadLetterContent]:
    """What these dead letters hold, in one query; nothing for those that are not there, or are hidden."""
    wanted = (_D.tenant_id == tenant, _D.id.in_(letter_ids), *_is_shown(tenant, hidden))
    statement = select(_D.id, _D.payload, _D.history).where(*wanted)
    return {row.id: DeadLetterContent(row.payload, row.history) for row in await connection.execute(statement)}


async def close(connection: AsyncConnection, tenant: str, letter_id: UUID, actor: str) -> DeadLetterRow | None:
    """Mark an open dead letter as redriven; None: it is not open any more, and nothing was changed."""
    statement = (
        update(dead_letters)
        .where(_D.tenant_id == tenant, _D.id == letter_id, _D.status == "open")
        .values(status="redriven", redriven_at=func.now(), redriven_by=actor)
        .returning(*_COLUMNS)
    )
    row = (await connection.execute(statement)).one_or_none()
    return None if row is None else _read(row)


async def send_again(connection: AsyncConnection, letter: DeadLetterRow, parcel_id: UUID) -> None:
    """Put a buried parcel back into the outbox, under an id of its own; its letter is named `topic:subject`."""
    topic, _, subject = letter.subject.partition(":")
    content = await find_contents(connection, letter.tenant, [letter.id])
    values = {"tenant_id": letter.tenant, "id": parcel_id, "topic": topic, "subject_id": subject}
    await connection.execute(insert(outbox).values(**values, payload=content[letter.id].payload))


_COLUMNS = (
    _D.tenant_id,
    _D.id,
    _D.kind,
    _D.subject_id,
    _D.execution_id,
    _D.step_path,
    _D.cause_code,
    _D.cause_message,
    _D.deliveries,
    _D.status,
    _D.created_at,
    _D.redriven_at,
    _D.redriven_by,
)


def _all(tenant: str) -> Select[Any]:
    return select(*_COLUMNS).where(_D.tenant_id == tenant)


def _is_shown(tenant: str, hidden: Hidden | None) -> tuple[ColumnElement[bool], ...]:
    of_execution = select(_E.workflow_id).where(_E.tenant_id == tenant, _E.id == _D.execution_id)
    return belongs_to_visible(hidden, tenant, of_execution.correlate(dead_letters).scalar_subquery())


def _filtered(tenant: str, wanted: DeadLetterConditions) -> Select[Any]:
    statement = _all(tenant).where(*_is_shown(tenant, wanted.hidden))
    if wanted.status is not None:
        statement = statement.where(_D.status == wanted.status)
    if wanted.kind is not None:
        statement = statement.where(_D.kind == wanted.kind)
    if wanted.execution_id is not None:
        statement = statement.where(_D.execution_id == wanted.execution_id)
    return statement


def _read(row: Row[Any]) -> DeadLetterRow:
    return DeadLetterRow(*(value for value in row))
