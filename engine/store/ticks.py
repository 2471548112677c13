"""The ledger of ticks: one row for every due tick of a schedule, or one for a long run of ticks that ended alike."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Row, Select, and_, delete, exists, func, insert, select, text, update
from sqlalchemy.ext.asyncio import AsyncConnection

from engine.definitions.model import Overlap
from engine.store.hot import HotConnection
from engine.store.schedules import ScheduleRef, ScheduleRow
from engine.store.statements import load
from engine.store.tables.runtime import FINAL, executions, workers
from engine.store.tables.triggers import schedule_ticks, scheduled_workflows
from engine.store.windows import Count, Found, Window, count, look

_SQL = load("ticks")
FORGOTTEN_AT_ONCE = 10_000
_T = schedule_ticks.c
_C = scheduled_workflows.c
_COUNT = schedule_ticks.c["count"]
# As literal texts, so that the partial indexes are seen to cover them.
_IS_WAITING = text("schedule_ticks.status in ('pending', 'buffered')")
_IS_ACTIVE = text("scheduled_workflows.status = 'active'")
_IS_UNFINISHED = text(f"executions.status not in {FINAL}")


@dataclass(frozen=True, slots=True)
class TickRow:
    """One row of the ledger. `until_tick_at` and `count`: it stands for a run of ticks that ended alike."""

    schedule_id: UUID
    tick_at: datetime
    until_tick_at: datetime | None
    count: int
    status: str
    fired_at: datetime | None
    drift_ms: int | None
    execution_id: UUID | None
    reason: str
    is_backfill: bool
    overlap: Overlap | None
    requested_by: str | None


@dataclass(frozen=True, slots=True)
class AlikeRun:
    """Rows of one tick each that ended alike, one behind the other."""

    status: str
    reason: str
    first: datetime
    last: datetime


async def find_window(
    connection: AsyncConnection, tenant: str, schedule_id: UUID, window: Window
) -> tuple[tuple[TickRow, ...], Found]:
    """Rows of the ledger of one window, newest first."""
    found = await look(connection, _of_schedule(tenant, schedule_id), _T.tick_at, window)
    return tuple(_read_tick(row) for row in found.rows), found


async def count_all(connection: AsyncConnection, tenant: str, schedule_id: UUID) -> Count:
    """How many rows the ledger of a schedule has."""
    return await count(connection, _of_schedule(tenant, schedule_id))


async def find_between(
    connection: AsyncConnection, tenant: str, schedule_id: UUID, first: datetime, last: datetime
) -> tuple[TickRow, ...]:
    """Rows that stand for any tick from `first` to `last`, both included, oldest first."""
    statement = (
        _of_schedule(tenant, schedule_id)
        .where(_T.tick_at <= last, func.coalesce(_T.until_tick_at, _T.tick_at) >= first)
        .order_by(_T.tick_at)
    )
    return tuple(_read_tick(row) for row in await connection.execute(statement))


async def find_after(
    connection: AsyncConnection, tenant: str, schedule_id: UUID, after: datetime
) -> frozenset[datetime]:
    """Ticks behind an instant that have a row already: a backfill came before their time."""
    statement = select(_T.tick_at).where(_T.tenant_id == tenant, _T.schedule_id == schedule_id, _T.tick_at > after)
    return frozenset((await connection.execute(statement)).scalars())


async def find_waiting(connection: AsyncConnection, tenant: str, schedule_id: UUID, limit: int) -> tuple[TickRow, ...]:
    """Ticks that wait for their turn, oldest first."""
    statement = _of_schedule(tenant, schedule_id).where(_IS_WAITING).order_by(_T.tick_at).limit(limit)
    return tuple(_read_tick(row) for row in await connection.execute(statement))


async def find_running(connection: AsyncConnection, row: ScheduleRow) -> tuple[UUID, ...]:
    """Unfinished executions that ticks of this schedule have started."""
    joined = and_(_T.tenant_id == executions.c.tenant_id, _T.execution_id == executions.c.id)
    statement = (
        select(executions.c.id)
        .join_from(executions, schedule_ticks, joined)
        .where(
            executions.c.tenant_id == row.tenant,
            executions.c.workflow_id == row.workflow_id,
            _T.schedule_id == row.id,
            _IS_UNFINISHED,
        )
    )
    return tuple((await connection.execute(statement)).scalars())


async def find_occasion(connection: AsyncConnection) -> tuple[datetime | None, bool]:
    """When the next tick of any active schedule is due, and whether any tick waits for its turn: all in one query.

    For the loops' role. A tick may wait although its schedule is paused.
    """
    next_due_at = select(func.min(_C.next_due_at)).where(_IS_ACTIVE).scalar_subquery()
    row = (await connection.execute(select(next_due_at, exists().select_from(schedule_ticks).where(_IS_WAITING)))).one()
    return row[0], row[1]


async def find_watch(connection: AsyncConnection) -> datetime | None:
    """Since when a worker that lives has watched; None: there is none. For the loops' role."""
    lives = (workers.c.stopped_at.is_(None), workers.c.lease_until > func.now())
    started_at: datetime | None = await connection.scalar(select(func.min(workers.c.started_at)).where(*lives))
    return started_at


async def find_held_up(connection: AsyncConnection, limit: int) -> tuple[ScheduleRef, ...]:
    """Active schedules of all tenants with a tick that waits for its turn. For the loops' role."""
    joined = and_(_T.tenant_id == _C.tenant_id, _T.schedule_id == _C.id)
    statement = (
        select(_C.tenant_id, _C.id)
        .join_from(schedule_ticks, scheduled_workflows, joined)
        .where(_IS_WAITING, _IS_ACTIVE)
        .distinct()
        .limit(limit)
    )
    return tuple(ScheduleRef(row.tenant_id, row.id) for row in await connection.execute(statement))


async def record(connection: AsyncConnection, tenant: str, ticks: Sequence[TickRow]) -> None:
    """Write rows of ticks that have none.

    Raises:
        ConstraintViolated: one has a row: the caller does not hold the schedule, and nothing must start.
    """
    if ticks:
        await connection.execute(insert(schedule_ticks), [_tick_columns(tenant, tick) for tick in ticks])


async def rewrite(connection: AsyncConnection, tenant: str, tick: TickRow) -> None:
    """Write a tick's row anew: it has come to its turn, or is asked for again."""
    columns = _tick_columns(tenant, tick)
    key = {name: columns.pop(name) for name in ("tenant_id", "schedule_id", "tick_at")}
    statement = update(schedule_ticks).values(**columns)
    await connection.execute(statement.where(*(_T[name] == value for name, value in key.items())))


async def rewrite_run(connection: AsyncConnection, tenant: str, before: TickRow, after: TickRow | None) -> None:
    """Shorten a row that stands for many ticks; None: no tick of it is left."""
    mine = (_T.tenant_id == tenant, _T.schedule_id == before.schedule_id, _T.tick_at == before.tick_at)
    if after is None:
        await connection.execute(delete(schedule_ticks).where(*mine))
        return
    values = {"tick_at": after.tick_at, "until_tick_at": after.until_tick_at, "count": after.count}
    await connection.execute(update(schedule_ticks).where(*mine).values(**values))


async def extend_run(connection: AsyncConnection, row: ScheduleRow, run: TickRow) -> bool:
    """Make a run part of the one that ends at the schedule's cursor and is like it; False: there is no such one."""
    statement = (
        update(schedule_ticks)
        .where(
            _T.tenant_id == row.tenant,
            _T.schedule_id == row.id,
            _T.until_tick_at == row.cursor_at,
            _T.status == run.status,
            _T.reason == run.reason,
        )
        .values({"until_tick_at": run.until_tick_at or run.tick_at, "count": _COUNT + run.count})
        .returning(_T.tick_at)
    )
    return (await connection.execute(statement)).first() is not None


async def find_runs(
    connection: AsyncConnection, tenant: str, schedule_id: UUID, more_than: int
) -> tuple[AlikeRun, ...]:
    """Runs of more than so many rows that could be one row, among the newest of a schedule."""
    wanted = {"tenant": tenant, "schedule_id": schedule_id, "more_than": more_than, "looked_at": 3 * more_than}
    found = await connection.execute(text(_SQL["runs"]), wanted)
    return tuple(AlikeRun(row.status, row.reason, row.first, row.last) for row in found)


async def fold(connection: AsyncConnection, tenant: str, schedule_id: UUID, run: AlikeRun) -> int:
    """Make a run one row, in a transaction that holds the schedule. Returns for how many ticks it stands."""
    wanted = {"tenant": tenant, "schedule_id": schedule_id, "status": run.status, "reason": run.reason}
    gone = (await connection.execute(text(_SQL["fold"]), {**wanted, "first": run.first, "last": run.last})).one()
    values = {"tick_at": gone.first, "until_tick_at": gone.last, "count": gone.n}
    own = {"tenant_id": tenant, "schedule_id": schedule_id, "status": run.status, "reason": run.reason}
    await connection.execute(insert(schedule_ticks).values(**own, **values))
    return int(gone.n)


async def forget(connection: HotConnection, older_than_days: int) -> None:
    """Remove rows that are so old, some at a time.

    Raises:
        Unavailable: the database does not answer.
    """
    await connection.fetch(_SQL["forget"], older_than_days, FORGOTTEN_AT_ONCE)


async def count_known(
    connection: AsyncConnection, tenant: str, schedule_id: UUID, after: datetime, until: datetime
) -> int:
    """How many ticks of `(after, until]` the ledger knows; runs that reach beyond are counted whole."""
    statement = select(func.coalesce(func.sum(_COUNT), 0)).where(
        _T.tenant_id == tenant, _T.schedule_id == schedule_id, _T.tick_at > after, _T.tick_at <= until
    )
    return int((await connection.execute(statement)).scalar_one())


def _of_schedule(tenant: str, schedule_id: UUID) -> Select[Any]:
    return select(*_T, _COUNT.label("ticks")).where(_T.tenant_id == tenant, _T.schedule_id == schedule_id)


def _tick_columns(tenant: str, tick: TickRow) -> dict[str, Any]:
    return {
        "tenant_id": tenant,
        "schedule_id": tick.schedule_id,
        "tick_at": tick.tick_at,
        "until_tick_at": tick.until_tick_at,
        "count": tick.count,
        "status": tick.status,
        "fired_at": tick.fired_at,
        "drift_ms": tick.drift_ms,
        "execution_id": tick.execution_id,
        "reason": tick.reason,
        "is_backfill": tick.is_backfill,
        "overlap": tick.overlap,
        "requested_by": tick.requested_by,
    }


def _read_tick(row: Row[Any]) -> TickRow:
    return TickRow(
        schedule_id=row.schedule_id,
        tick_at=row.tick_at,
        until_tick_at=row.until_tick_at,
        count=row.ticks,
        status=row.status,
        fired_at=row.fired_at,
        drift_ms=row.drift_ms,
        execution_id=row.execution_id,
        reason=row.reason,
        is_backfill=row.is_backfill,
        overlap=None if row.overlap is None else Overlap(row.overlap),
        requested_by=row.requested_by,
    )
