"""Executions as their readers see them: rows, checkpoints of steps, logs. Workers write them elsewhere."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Row, Select, Text, cast, func, literal_column, select, text, update
from sqlalchemy.ext.asyncio import AsyncConnection

from engine.jsonvalue import Json, JsonObject
from engine.runtime.transitions import Failure, StepTransition, Transition
from engine.store.event_codec import decode_failure
from engine.store.tables.definitions import workflow_definitions
from engine.store.tables.delivery import workflow_execution_logs
from engine.store.tables.runtime import FINAL, executions, step_checkpoints
from engine.store.transition_codec import decode_row
from engine.store.visibility import Hidden, belongs_to_visible
from engine.store.windows import Count, Found, Window, count, look

_E = executions.c
_S = step_checkpoints.c
_L = workflow_execution_logs.c
_W = workflow_definitions.c
UNFINISHED_CAP = 100_000
"""Nobody's budget of unfinished executions is larger: beyond, they are not counted."""


@dataclass(frozen=True, slots=True)
class ExecutionRow:
    """An execution as it is stored, with what policy asks about its workflow."""

    tenant: str
    id: UUID
    workflow_id: UUID
    workflow_version: str
    content_hash: str
    status: str
    trigger_type: str
    trigger_data: Json
    priority: int
    current_step: str | None
    started_by: str
    created_at: datetime
    started_at: datetime | None
    finished_at: datetime | None
    failure: Failure | None
    failed_steps: tuple[str, ...]
    last_seq: int
    parent_execution_id: UUID | None
    depth: int
    labels: tuple[str, ...] = ()
    classification: str | None = None
    environment: str | None = None
    workflow_created_by: str | None = None


@dataclass(frozen=True, slots=True)
class LogRow:
    """One line that an execution wrote into its log."""

    at: datetime
    level: str
    step_path: str | None
    iteration: str
    attempt: int | None
    message: str
    fields: JsonObject


@dataclass(frozen=True, slots=True)
class ExecutionConditions:
    """Which executions a list has; None does not filter.

    Attributes:
        hidden: what the reader must not see.
    """

    workflow_id: UUID | None = None
    status: str | None = None
    version: str | None = None
    parent_execution_id: UUID | None = None
    hidden: Hidden | None = None


async def find(connection: AsyncConnection, tenant: str, execution_id: UUID) -> ExecutionRow | None:
    """One execution, or None."""
    statement = _all(tenant).where(_E.id == execution_id)
    row = (await connection.execute(statement)).one_or_none()
    return None if row is None else _read(row)


async def promise_closing(connection: AsyncConnection, tenant: str, execution_id: UUID) -> bool:
    """Have whatever ends the execution close its tasks; it cannot end before this transaction. False: it has ended."""
    statement = (
        update(executions)
        .where(_E.tenant_id == tenant, _E.id == execution_id, text(f"status not in {FINAL}"))
        .values(has_tasks=True)
        .returning(_E.id)
    )
    return (await connection.execute(statement)).one_or_none() is not None


async def find_many(
    connection: AsyncConnection, tenant: str, execution_ids: Sequence[UUID], hidden: Hidden | None = None
) -> tuple[ExecutionRow, ...]:
    """Those that exist and are not hidden, in no particular order."""
    statement = _all(tenant).where(_E.id.in_(execution_ids), *belongs_to_visible(hidden, tenant, _E.workflow_id))
    return tuple(_read(row) for row in await connection.execute(statement))


async def find_window(
    connection: AsyncConnection, tenant: str, wanted: ExecutionConditions, window: Window
) -> tuple[tuple[ExecutionRow, ...], Found]:
    """Executions of one window, newest first."""
    found = await look(connection, _filtered(tenant, wanted), _E.id, window)
    return tuple(_read(row) for row in found.rows), found


async def count_all(connection: AsyncConnection, tenant: str, wanted: ExecutionConditions) -> Count:
    """How many executions the list has."""
    return await count(connection, _filtered(tenant, wanted))


async def count_unfinished(connection: AsyncConnection, tenant: str) -> int:
    """How many executions of a tenant have not ended, counted no further than a budget may go."""
    some: Select[Any] = select(literal_column("1")).select_from(executions).where(_E.tenant_id == tenant)
    # In the words of the partial index, which bound values would not match.
    capped = some.where(text(f"status not in {FINAL}")).limit(UNFINISHED_CAP).subquery()
    return int((await connection.execute(select(func.count()).select_from(capped))).scalar_one())


async def find_checkpoints(
    connection: AsyncConnection, tenant: str, execution_ids: Sequence[UUID]
) -> Mapping[UUID, tuple[Transition, ...]]:
    """All recorded transitions of several executions, each in the order of `seq`, in one query."""
    statement = _checkpoints(tenant).where(_S.execution_id.in_(execution_ids)).order_by(_S.execution_id, _S.seq)
    gathered: dict[UUID, list[Transition]] = {execution_id: [] for execution_id in execution_ids}
    for row in await connection.execute(statement):
        gathered[row.execution_id].append(_transition(row))
    return {execution_id: tuple(rows) for execution_id, rows in gathered.items()}


async def find_checkpoints_after(
    connection: AsyncConnection, tenant: str, execution_id: UUID, seq: int, limit: int
) -> tuple[Transition, ...]:
    """Recorded transitions after `seq`, oldest first, at most `limit`."""
    statement = _checkpoints(tenant).where(_S.execution_id == execution_id, _S.seq > seq).order_by(_S.seq).limit(limit)
    return tuple(_transition(row) for row in await connection.execute(statement))


async def find_newest_of_step(
    connection: AsyncConnection, tenant: str, execution_id: UUID, step_path: str, iteration: str
) -> StepTransition | None:
    """The current checkpoint of one step instance; None: it has none."""
    statement = (
        _checkpoints(tenant)
        .where(_S.execution_id == execution_id, _S.step_path == step_path, _S.iteration == iteration)
        .order_by(_S.seq.desc())
        .limit(1)
    )
    row = (await connection.execute(statement)).one_or_none()
    found = None if row is None else _transition(row)
    return found if isinstance(found, StepTransition) else None


async def find_logs(connection: AsyncConnection, tenant: str, execution_id: UUID, limit: int) -> tuple[LogRow, ...]:
    """Lines of the log, oldest first, at most `limit`."""
    statement = (
        select(_L.at, _L.level, _L.step_path, _L.iteration, _L.attempt, _L.message, _L.fields)
        .where(_L.tenant_id == tenant, _L.execution_id == execution_id)
        .order_by(_L.id)
        .limit(limit)
    )
    return tuple(
        LogRow(row.at, row.level, row.step_path, row.iteration, row.attempt, row.message, row.fields or {})
        for row in await connection.execute(statement)
    )


def _all(tenant: str) -> Select[Any]:
    statement = select(
        _E.tenant_id,
        _E.id,
        _E.workflow_id,
        _E.workflow_version,
        _E.content_hash,
        _E.status,
        _E.trigger_type,
        _E.trigger_data,
        _E.priority,
        _E.current_step,
        _E.started_by,
        _E.created_at,
        _E.started_at,
        _E.finished_at,
        _E.failure,
        _E.failed_steps,
        _E.last_seq,
        _E.parent_execution_id,
        _E.depth,
        _W.labels,
        _W.classification,
        _W.environment,
        _W.created_by.label("workflow_created_by"),
    )
    its_workflow = (_W.tenant_id == _E.tenant_id) & (_W.id == _E.workflow_id)
    return statement.select_from(executions.outerjoin(workflow_definitions, its_workflow)).where(_E.tenant_id == tenant)


def _filtered(tenant: str, wanted: ExecutionConditions) -> Select[Any]:
    statement = _all(tenant).where(*belongs_to_visible(wanted.hidden, tenant, _E.workflow_id))
    if wanted.workflow_id is not None:
        statement = statement.where(_E.workflow_id == wanted.workflow_id)
    if wanted.status is not None:
        statement = statement.where(_E.status == wanted.status)
    if wanted.version is not None:
        statement = statement.where(_E.workflow_version == wanted.version)
    if wanted.parent_execution_id is not None:
        statement = statement.where(_E.parent_execution_id == wanted.parent_execution_id)
    return statement


def _checkpoints(tenant: str) -> Select[Any]:
    return select(
        _S.execution_id,
        _S.seq,
        _S.step_path,
        _S.iteration,
        _S.generation,
        _S.attempt,
        _S.status,
        _S.at,
        cast(_S.input, Text).label("input"),
        cast(_S.output, Text).label("output"),
        cast(_S.failure, Text).label("failure"),
        cast(_S.detail, Text).label("detail"),
    ).where(_S.tenant_id == tenant)


def _read(row: Row[Any]) -> ExecutionRow:
    return ExecutionRow(
        tenant=row.tenant_id,
        id=row.id,
        workflow_id=row.workflow_id,
        workflow_version=row.workflow_version,
        content_hash=row.content_hash,
        status=row.status,
        trigger_type=row.trigger_type,
        trigger_data=row.trigger_data,
        priority=row.priority,
        current_step=row.current_step,
        started_by=row.started_by,
        created_at=row.created_at,
        started_at=row.started_at,
        finished_at=row.finished_at,
        failure=decode_failure(row.failure),
        failed_steps=tuple(row.failed_steps or ()),
        last_seq=row.last_seq,
        parent_execution_id=row.parent_execution_id,
        depth=row.depth,
        labels=tuple(row.labels or ()),
        classification=row.classification,
        environment=row.environment,
        workflow_created_by=row.workflow_created_by,
    )


def _transition(row: Row[Any]) -> Transition:
    return decode_row(row._mapping)  # noqa: SLF001  public, says SQLAlchemy's documentation
