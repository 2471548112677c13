"""Human tasks as use cases read and change them. Workers open them and make them obsolete (`durable_effects`)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Row, Select, and_, func, insert, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from engine.jsonvalue import Json, JsonObject
from engine.store.tables.tasks import human_tasks
from engine.store.task_rows import NewTask, columns_of
from engine.store.visibility import Hidden, belongs_to_visible
from engine.store.windows import Count, Found, Window, count, look

_T = human_tasks.c


@dataclass(frozen=True, slots=True)
class TaskRow:
    """A task as it is stored.

    Attributes:
        step_path: None of a task that no step has opened.
        audit_seq: the newest row of its trail.
        revision: counts changes; every change names the one that it was decided on.
    """

    tenant: str
    id: UUID
    execution_id: UUID | None
    workflow_id: UUID | None
    step_path: str | None
    iteration: str
    generation: int
    title: str
    description: str
    assignees: tuple[str, ...]
    candidate_groups: tuple[str, ...]
    excluded: tuple[str, ...]
    owner: str | None
    status: str
    suspended_from: str | None
    priority: int
    form_config: JsonObject
    form_data: JsonObject | None
    sla: JsonObject
    escalation: tuple[Json, ...]
    escalation_level: int
    sla_breached: bool
    skippable: bool
    approvals: JsonObject | None
    votes: tuple[Json, ...]
    start_by: datetime | None
    due_at: datetime | None
    revision: int
    audit_seq: int
    created_by: str
    submitted_by: str | None
    submitted_at: datetime | None
    created_at: datetime
    activated_at: datetime | None
    updated_at: datetime
    closed_at: datetime | None


@dataclass(frozen=True, slots=True)
class Watched:
    """Whose tasks somebody watches: of one of these people, or of one of these groups, or one of these tasks."""

    people: tuple[str, ...]
    groups: tuple[str, ...]
    tasks: tuple[UUID, ...] = ()


@dataclass(frozen=True, slots=True)
class Shown:
    """Tasks that somebody may see: those of workflows that are not hidden, and the reader's own."""

    hidden: Hidden
    reader: Watched


@dataclass(frozen=True, slots=True)
class TaskConditions:
    """Which tasks a list has; None does not filter.

    Attributes:
        assignee: owns it, or is named as one who may claim it.
    """

    status: str | None = None
    assignee: str | None = None
    candidate_group: str | None = None
    execution_id: UUID | None = None
    workflow_id: UUID | None = None
    step_id: str | None = None
    due_before: datetime | None = None
    shown: Shown | None = None


async def find(connection: AsyncConnection, tenant: str, task_id: UUID, *, lock: bool = False) -> TaskRow | None:
    """One task, or None; locked until the transaction ends where it is about to be changed."""
    statement = _all(tenant).where(_T.id == task_id)
    row = (await connection.execute(statement.with_for_update() if lock else statement)).one_or_none()
    return None if row is None else _read(row)


async def find_many(
    connection: AsyncConnection, tenant: str, task_ids: Sequence[UUID], shown: Shown | None = None
) -> tuple[TaskRow, ...]:
    """Those that exist, in no particular order."""
    statement = _all(tenant).where(_T.id.in_(task_ids), *_is_shown(tenant, shown))
    return tuple(_read(row) for row in await connection.execute(statement))


async def find_shown(
    connection: AsyncConnection, tenant: str, task_ids: Sequence[UUID], shown: Shown | None
) -> Sequence[UUID]:
    """Those of the ids that may be seen; all of them where nothing is hidden."""
    if shown is None:
        return task_ids
    statement = select(_T.id).where(_T.tenant_id == tenant, _T.id.in_(task_ids), *_is_shown(tenant, shown))
    return (await connection.execute(statement)).scalars().all()


async def find_of_executions(
    connection: AsyncConnection, tenant: str, execution_ids: Sequence[UUID], limit: int, shown: Shown | None = None
) -> Mapping[UUID, tuple[TaskRow, ...]]:
    """Tasks of several executions, of each the `limit` newest, newest first, in one query."""
    place = func.row_number().over(partition_by=_T.execution_id, order_by=_T.id.desc()).label("place")
    theirs = (_T.tenant_id == tenant, _T.execution_id.in_(execution_ids), *_is_shown(tenant, shown))
    ranked = select(_T.id, place).where(*theirs).subquery()
    chosen = select(ranked.c.id).where(ranked.c.place <= limit)
    statement = _all(tenant).where(_T.id.in_(chosen)).order_by(_T.id.desc())
    gathered: dict[UUID, list[TaskRow]] = {execution_id: [] for execution_id in execution_ids}
    for row in await connection.execute(statement):
        gathered[row.execution_id].append(_read(row))
    return {execution_id: tuple(rows) for execution_id, rows in gathered.items()}


async def find_window(
    connection: AsyncConnection, tenant: str, wanted: TaskConditions, window: Window
) -> tuple[tuple[TaskRow, ...], Found]:
    """Tasks of one window, newest first."""
    found = await look(connection, _filtered(tenant, wanted), _T.id, window)
    return tuple(_read(row) for row in found.rows), found


async def count_all(connection: AsyncConnection, tenant: str, wanted: TaskConditions) -> Count:
    """How many tasks the list has."""
    return await count(connection, _filtered(tenant, wanted))


async def find_changed(
    connection: AsyncConnection,
    tenant: str,
    watched: Watched,
    since: datetime,
    limit: int,
    shown: Shown | None = None,
) -> tuple[TaskRow, ...]:
    """Watched tasks that changed at or after an instant, in the order of their changes."""
    wanted = (_T.updated_at >= since, or_(*_whose(watched)), *_is_shown(tenant, shown))
    statement = _all(tenant).where(*wanted).order_by(_T.updated_at, _T.id).limit(limit)
    return tuple(_read(row) for row in await connection.execute(statement))


async def find_standing(
    connection: AsyncConnection, tenant: str, watched: Watched, since: datetime
) -> Mapping[UUID, int]:
    """The newest step of each watched task that is open, and of each task that changed at or after an instant."""
    is_open = and_(_T.closed_at.is_(None), or_(*_whose(watched)))
    statement = select(_T.id, _T.audit_seq).where(_T.tenant_id == tenant, or_(_T.updated_at >= since, is_open))
    return {row.id: row.audit_seq for row in await connection.execute(statement)}


async def present(connection: AsyncConnection) -> datetime:
    """The database's present: the scale of `updated_at`."""
    found: datetime = (await connection.execute(select(func.now()))).scalar_one()
    return found


async def add(connection: AsyncConnection, tenant: str, task_id: UUID, new: NewTask) -> None:
    """Write a new task; its trail and its timers are the caller's."""
    # JSON columns would take None as JSON's null.
    values = {name: value for name, value in columns_of(tenant, task_id, new).items() if value is not None}
    await connection.execute(insert(human_tasks).values(values))


async def change(connection: AsyncConnection, row: TaskRow, values: Mapping[str, object], steps: int) -> TaskRow | None:
    """Change a task that still is as `row` has it; None: it is not, nothing was written.

    Args:
        connection: the caller's transaction.
        row: what the change was decided on.
        values: columns and what they become.
        steps: how many rows of the trail come with it.
    """
    statement = (
        update(human_tasks)
        .where(_T.tenant_id == row.tenant, _T.id == row.id, _T.revision == row.revision)
        .values(
            **values,
            revision=row.revision + 1,
            audit_seq=row.audit_seq + steps,
            updated_at=func.greatest(func.now(), _T.updated_at),
        )
        .returning(*_COLUMNS)
    )
    found = (await connection.execute(statement)).one_or_none()
    return None if found is None else _read(found)


_COLUMNS: tuple[ColumnElement[Any], ...] = tuple(column for column in _T if column.name != "context")


def _whose(watched: Watched) -> list[ColumnElement[bool]]:
    people, groups = list(watched.people), list(watched.groups)
    return [
        _T.id.in_(watched.tasks),
        _T.owner.in_(people),
        _T.assignees.overlap(people),
        _T.candidate_groups.overlap(groups),
    ]


def _is_shown(tenant: str, shown: Shown | None) -> tuple[ColumnElement[bool], ...]:
    if shown is None:
        return ()
    return (or_(*belongs_to_visible(shown.hidden, tenant, _T.workflow_id), *_whose(shown.reader)),)


def _all(tenant: str) -> Select[Any]:
    return select(*_COLUMNS).where(_T.tenant_id == tenant)


def _filtered(tenant: str, wanted: TaskConditions) -> Select[Any]:
    statement = _all(tenant).where(*_is_shown(tenant, wanted.shown))
    if wanted.status is not None:
        statement = statement.where(_T.status == wanted.status)
    if wanted.assignee is not None:
        statement = statement.where(or_(_T.owner == wanted.assignee, _T.assignees.contains([wanted.assignee])))
    if wanted.candidate_group is not None:
        statement = statement.where(_T.candidate_groups.contains([wanted.candidate_group]))
    if wanted.execution_id is not None:
        statement = statement.where(_T.execution_id == wanted.execution_id)
    if wanted.workflow_id is not None:
        statement = statement.where(_T.workflow_id == wanted.workflow_id)
    if wanted.step_id is not None:
        last = func.regexp_replace(_T.step_path, "^.*/", "")
        statement = statement.where(or_(_T.step_path == wanted.step_id, last == wanted.step_id))
    if wanted.due_before is not None:
        statement = statement.where(_T.due_at < wanted.due_before)
    return statement


def _read(row: Row[Any]) -> TaskRow:
    return TaskRow(
        tenant=row.tenant_id,
        id=row.id,
        execution_id=row.execution_id,
        workflow_id=row.workflow_id,
        step_path=row.step_path,
        iteration=row.iteration,
        generation=row.generation,
        title=row.title,
        description=row.description,
        assignees=tuple(row.assignees),
        candidate_groups=tuple(row.candidate_groups),
        excluded=tuple(row.excluded),
        owner=row.owner,
        status=row.status,
        suspended_from=row.suspended_from,
        priority=row.priority,
        form_config=row.form_config,
        form_data=row.form_data,
        sla=row.sla,
        escalation=tuple(row.escalation),
        escalation_level=row.escalation_level,
        sla_breached=row.sla_breached,
        skippable=row.skippable,
        approvals=row.approvals,
        votes=tuple(row.votes),
        start_by=row.start_by,
        due_at=row.due_at,
        revision=row.revision,
        audit_seq=row.audit_seq,
        created_by=row.created_by,
        submitted_by=row.submitted_by,
        submitted_at=row.submitted_at,
        created_at=row.created_at,
        activated_at=row.activated_at,
        updated_at=row.updated_at,
        closed_at=row.closed_at,
    )
