"""What is written about a task beside its row: its gapless trail, its comments, and its timers."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import delete, insert, select, tuple_
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.ext.asyncio import AsyncConnection

from engine.jsonvalue import JsonObject
from engine.store.tables.runtime import timers
from engine.store.tables.tasks import human_task_audit, human_task_comments
from engine.store.task_rows import TimerRow

_A = human_task_audit.c
_C = human_task_comments.c
_X = timers.c


@dataclass(frozen=True, slots=True)
class TrailRow:
    """One step of a task: from where to where, by whom and why.

    Attributes:
        seq: from 1, without gaps: a second row of one number is refused by the table.
        from_status: None of the first.
    """

    seq: int
    at: datetime
    actor: str
    on_behalf_of: str | None
    from_status: str | None
    to_status: str
    action: str
    reason: str
    request_id: str
    details: JsonObject | None


@dataclass(frozen=True, slots=True)
class CommentRow:
    """What somebody said about a task."""

    id: UUID
    author: str
    body: str
    created_at: datetime


@dataclass(frozen=True, slots=True)
class DueTask:
    """A task of which at least one timer is due."""

    tenant: str
    task_id: UUID


async def append(connection: AsyncConnection, tenant: str, task_id: UUID, rows: Sequence[TrailRow]) -> None:
    """Continue the trail of a task."""
    await connection.execute(
        insert(human_task_audit),
        [
            {
                "tenant_id": tenant,
                "task_id": task_id,
                "seq": row.seq,
                "at": row.at,
                "actor": row.actor,
                "on_behalf_of": row.on_behalf_of,
                "from_status": row.from_status,
                "to_status": row.to_status,
                "action": row.action,
                "reason": row.reason,
                "request_id": row.request_id,
                "details": row.details,
            }
            for row in rows
        ],
    )


async def find_trails(
    connection: AsyncConnection, tenant: str, task_ids: Sequence[UUID]
) -> Mapping[UUID, tuple[TrailRow, ...]]:
    """Trails of several tasks, oldest first, in one query."""
    statement = (
        select(human_task_audit).where(_A.tenant_id == tenant, _A.task_id.in_(task_ids)).order_by(_A.task_id, _A.seq)
    )
    gathered: dict[UUID, list[TrailRow]] = {task_id: [] for task_id in task_ids}
    for row in await connection.execute(statement):
        gathered[row.task_id].append(
            TrailRow(
                seq=row.seq,
                at=row.at,
                actor=row.actor,
                on_behalf_of=row.on_behalf_of,
                from_status=row.from_status,
                to_status=row.to_status,
                action=row.action,
                reason=row.reason,
                request_id=row.request_id,
                details=row.details,
            )
        )
    return {task_id: tuple(rows) for task_id, rows in gathered.items()}


async def add_comment(connection: AsyncConnection, tenant: str, task_id: UUID, comment: CommentRow) -> None:
    """Keep a comment."""
    await connection.execute(
        insert(human_task_comments).values(
            tenant_id=tenant,
            task_id=task_id,
            id=comment.id,
            author=comment.author,
            body=comment.body,
            created_at=comment.created_at,
        )
    )


async def find_comments(
    connection: AsyncConnection, tenant: str, task_ids: Sequence[UUID]
) -> Mapping[UUID, tuple[CommentRow, ...]]:
    """Comments of several tasks, oldest first, in one query."""
    statement = (
        select(_C.task_id, _C.id, _C.author, _C.body, _C.created_at)
        .where(_C.tenant_id == tenant, _C.task_id.in_(task_ids))
        .order_by(_C.task_id, _C.id)
    )
    gathered: dict[UUID, list[CommentRow]] = {task_id: [] for task_id in task_ids}
    for row in await connection.execute(statement):
        gathered[row.task_id].append(CommentRow(row.id, row.author, row.body, row.created_at))
    return {task_id: tuple(rows) for task_id, rows in gathered.items()}


async def set_timers(connection: AsyncConnection, tenant: str, task_id: UUID, rows: Sequence[TimerRow]) -> None:
    """Set timers of a task; one of the same kind and slot is replaced."""
    for row in rows:
        statement = upsert(timers).values(
            tenant_id=tenant,
            subject_id=task_id,
            kind=row.kind,
            step_path="",
            iteration=row.slot,
            generation=row.generation,
            due_at=row.due_at,
        )
        await connection.execute(
            statement.on_conflict_do_update(
                index_elements=[_X.tenant_id, _X.subject_id, _X.kind, _X.step_path, _X.iteration],
                set_={"generation": row.generation, "due_at": row.due_at},
            )
        )


async def forget_timers(
    connection: AsyncConnection, tenant: str, task_id: UUID, kinds: Sequence[str] | None = None
) -> None:
    """Remove timers of a task: of some kinds, or all."""
    statement = delete(timers).where(_X.tenant_id == tenant, _X.subject_id == task_id)
    await connection.execute(statement if kinds is None else statement.where(_X.kind.in_(kinds)))


async def find_due(connection: AsyncConnection, kinds: Sequence[str], now: datetime, limit: int) -> tuple[DueTask, ...]:
    """Tasks of all tenants of which timers are due, the longest overdue first; for the loops' role."""
    statement = (
        select(_X.tenant_id, _X.subject_id).where(_X.due_at <= now, _X.kind.in_(kinds)).order_by(_X.due_at).limit(limit)
    )
    rows = await connection.execute(statement)
    return tuple(dict.fromkeys(DueTask(row.tenant_id, row.subject_id) for row in rows))


async def take_due(
    connection: AsyncConnection, tenant: str, task_id: UUID, kinds: Sequence[str], now: datetime
) -> tuple[TimerRow, ...]:
    """Remove the due timers of a task, whose row the caller has locked; in the order in which they came due."""
    key = (_X.kind, _X.iteration)
    waiting = (
        select(*key)
        .where(_X.tenant_id == tenant, _X.subject_id == task_id, _X.kind.in_(kinds), _X.due_at <= now)
        .with_for_update()
    )
    statement = (
        delete(timers)
        .where(_X.tenant_id == tenant, _X.subject_id == task_id, tuple_(*key).in_(waiting))
        .returning(_X.kind, _X.due_at, _X.iteration, _X.generation)
    )
    found = [TimerRow(r.kind, r.due_at, r.iteration, r.generation) for r in await connection.execute(statement)]
    return tuple(sorted(found, key=lambda timer: (timer.due_at, timer.kind, timer.slot)))
