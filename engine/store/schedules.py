"""Schedules: rules that start executions by the clock, and how far each has been dealt with.

Whoever moves a schedule's cursor writes the rows of the ticks that it passes, and the executions that they start, in
the same transaction, guarded by the schedule's revision: of many at once one succeeds, the others change nothing.
"""

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Row, Select, and_, delete, func, insert, or_, select, text, update
from sqlalchemy.ext.asyncio import AsyncConnection

from engine.definitions.model import CatchUp, Overlap
from engine.jsonvalue import Json, JsonObject
from engine.store.tables.definitions import workflow_definitions
from engine.store.tables.triggers import scheduled_workflows, workflow_triggers
from engine.store.visibility import Hidden, belongs_to_visible
from engine.store.windows import Count, Found, Window, count, look

_C = scheduled_workflows.c
_W = workflow_triggers.c
_D = workflow_definitions.c
_ACTIVE = "active"
# As literal text, so that the partial index is seen to cover it.
_IS_ACTIVE = text("scheduled_workflows.status = 'active'")


@dataclass(frozen=True, slots=True)
class ScheduleRow:
    """A schedule as it is stored.

    Attributes:
        drift_window_s: None: the installation's setting.
        cursor_at: every tick up to here has its row in the ledger.
        next_due_at: when the next tick may start, its jitter included; None: no date fulfils the rule any more.
        watched_from: ticks that were due before and are found later were missed.
        revision: counts every change; changes are guarded by it.
    """

    tenant: str
    id: UUID
    workflow_id: UUID
    trigger_id: str
    version: str
    cron: str
    timezone: str
    catch_up: CatchUp
    catch_up_window_s: int
    overlap: Overlap
    jitter_ms: int
    drift_window_s: int | None
    payload: Json
    status: str
    cursor_at: datetime
    next_tick_at: datetime | None
    next_due_at: datetime | None
    watched_from: datetime
    paused_at: datetime | None
    revision: int

    @property
    def is_paused(self) -> bool:
        """Whether a person holds it."""
        return self.status != _ACTIVE


@dataclass(frozen=True, slots=True)
class Place:
    """Where a schedule stands on the clock."""

    cursor_at: datetime
    next_tick_at: datetime | None
    next_due_at: datetime | None
    watched_from: datetime


@dataclass(frozen=True, slots=True)
class ScheduleContent:
    """What a trigger says of its schedule."""

    version: str
    cron: str
    timezone: str
    catch_up: str
    catch_up_window_s: int
    overlap: str
    jitter_ms: int
    drift_window_s: int | None
    payload: Json


@dataclass(frozen=True, slots=True)
class WantedRow:
    """A schedule trigger of a workflow that is published and active."""

    workflow_id: UUID
    trigger_id: str
    version: str
    config: JsonObject


@dataclass(frozen=True, slots=True)
class ScheduleRef:
    """A schedule by name."""

    tenant: str
    id: UUID


async def find(connection: AsyncConnection, tenant: str, schedule_id: UUID) -> ScheduleRow | None:
    """One schedule, or None."""
    row = (await connection.execute(_all(tenant).where(_C.id == schedule_id))).one_or_none()
    return None if row is None else _read(row)


async def find_many(
    connection: AsyncConnection, tenant: str, workflow_id: UUID | None = None, *, lock: bool = False
) -> tuple[ScheduleRow, ...]:
    """All schedules of a tenant, or of one workflow; with `lock` nobody moves them before this transaction ends."""
    statement = _all(tenant).order_by(_C.id)
    if lock:
        statement = statement.with_for_update()
    if workflow_id is not None:
        statement = statement.where(_C.workflow_id == workflow_id)
    return tuple(_read(row) for row in await connection.execute(statement))


async def find_window(
    connection: AsyncConnection, tenant: str, workflow_id: UUID | None, window: Window, hidden: Hidden | None = None
) -> tuple[tuple[ScheduleRow, ...], Found]:
    """Schedules of one window, by descending id."""
    found = await look(connection, _filtered(tenant, workflow_id, hidden), _C.id, window)
    return tuple(_read(row) for row in found.rows), found


async def count_all(
    connection: AsyncConnection, tenant: str, workflow_id: UUID | None, hidden: Hidden | None = None
) -> Count:
    """How many schedules the list has."""
    return await count(connection, _filtered(tenant, workflow_id, hidden))


async def find_due(connection: AsyncConnection, now: datetime, limit: int) -> tuple[ScheduleRef, ...]:
    """Active schedules of all tenants whose next tick is due, the most overdue first. For the loops' role."""
    statement = (
        select(_C.tenant_id, _C.id).where(_IS_ACTIVE, _C.next_due_at <= now).order_by(_C.next_due_at).limit(limit)
    )
    return tuple(ScheduleRef(row.tenant_id, row.id) for row in await connection.execute(statement))


async def find_due_of(connection: AsyncConnection, tenant: str, now: datetime) -> tuple[ScheduleRef, ...]:
    """Active schedules of one tenant whose next tick is due."""
    statement = select(_C.tenant_id, _C.id).where(_C.tenant_id == tenant, _IS_ACTIVE, _C.next_due_at <= now)
    return tuple(ScheduleRef(row.tenant_id, row.id) for row in await connection.execute(statement))


async def find_next_due(connection: AsyncConnection) -> datetime | None:
    """When the next tick of any tenant is due; None: there is none. For the loops' role."""
    statement = select(func.min(_C.next_due_at)).where(_IS_ACTIVE)
    due_at: datetime | None = (await connection.execute(statement)).scalar_one()
    return due_at


async def find_sample(connection: AsyncConnection, limit: int) -> tuple[ScheduleRow, ...]:
    """Some active schedules, others each time. For the loops' role."""
    statement = select(*_C).where(_IS_ACTIVE).order_by(func.random()).limit(limit)
    return tuple(_read(row) for row in await connection.execute(statement))


async def lock(connection: AsyncConnection, tenant: str, schedule_id: UUID) -> bool:
    """Hold a schedule until the transaction ends; False: somebody else holds it now, or it is gone."""
    statement = select(_C.id).where(_C.tenant_id == tenant, _C.id == schedule_id).with_for_update(skip_locked=True)
    return (await connection.execute(statement)).first() is not None


async def find_unlike(connection: AsyncConnection) -> tuple[str, ...]:
    """Tenants whose schedules are not those of their published, active workflows. For the loops' role."""
    wanted = (
        select(_W.tenant_id, _W.workflow_id, _W.trigger_id, _W.version)
        .join_from(workflow_triggers, workflow_definitions, _of_definition())
        .where(_is_wanted())
        .subquery()
    )
    same = and_(
        wanted.c.tenant_id == _C.tenant_id,
        wanted.c.workflow_id == _C.workflow_id,
        wanted.c.trigger_id == _C.trigger_id,
        wanted.c.version == _C.version,
    )
    tenants = func.coalesce(wanted.c.tenant_id, _C.tenant_id)
    statement = (
        select(tenants)
        .select_from(wanted.join(scheduled_workflows, same, full=True))
        .where(or_(wanted.c.tenant_id.is_(None), _C.tenant_id.is_(None)))
        .distinct()
    )
    return tuple((await connection.execute(statement)).scalars())


async def find_wanted(
    connection: AsyncConnection, tenant: str, workflow_id: UUID | None = None
) -> tuple[WantedRow, ...]:
    """Enabled schedule triggers of a tenant's published, active workflows, or of one of them."""
    statement = (
        select(_W.workflow_id, _W.trigger_id, _W.version, _W.config)
        .join_from(workflow_triggers, workflow_definitions, _of_definition())
        .where(_W.tenant_id == tenant, _is_wanted())
    )
    if workflow_id is not None:
        statement = statement.where(_W.workflow_id == workflow_id)
    return tuple(
        WantedRow(row.workflow_id, row.trigger_id, row.version, row.config)
        for row in await connection.execute(statement)
    )


async def take_turn(connection: AsyncConnection, tenant: str) -> None:
    """Until this transaction ends, nobody else makes the tenant's schedules equal to its triggers."""
    key = func.hashtext(f"maestro_schedules:{tenant}")
    await connection.execute(select(func.pg_advisory_xact_lock(key)))


async def add(
    connection: AsyncConnection,
    ref: ScheduleRef,
    workflow_id: UUID,
    trigger_id: str,
    content: ScheduleContent,
    place: Place,
) -> None:
    """Store a schedule that was not there."""
    await connection.execute(
        insert(scheduled_workflows).values(
            tenant_id=ref.tenant,
            id=ref.id,
            workflow_id=workflow_id,
            trigger_id=trigger_id,
            **_content_columns(content),
            **_place_columns(place),
        )
    )


async def change(connection: AsyncConnection, row: ScheduleRow, content: ScheduleContent, place: Place) -> bool:
    """Make it what its trigger says now; False: it has moved since it was read, nothing was written."""
    return await _guarded(connection, row, {**_content_columns(content), **_place_columns(place)})


async def move(connection: AsyncConnection, row: ScheduleRow, place: Place) -> bool:
    """Move it on the clock; False: another one has moved it since it was read, nothing was written."""
    return await _guarded(connection, row, _place_columns(place))


async def hold(connection: AsyncConnection, row: ScheduleRow, now: datetime) -> bool:
    """Pause it; False: it has moved since it was read, nothing was written."""
    return await _guarded(connection, row, {"status": "paused", "paused_at": now})


async def release(connection: AsyncConnection, row: ScheduleRow, now: datetime) -> bool:
    """Let it go on: what was due meanwhile was missed. False: it has moved since it was read, nothing was written."""
    return await _guarded(connection, row, {"status": _ACTIVE, "watched_from": now})


async def remove(connection: AsyncConnection, row: ScheduleRow) -> bool:
    """Remove it, its ledger stays; False: it has moved since it was read, nothing was written."""
    statement = (
        delete(scheduled_workflows)
        .where(_C.tenant_id == row.tenant, _C.id == row.id, _C.revision == row.revision)
        .returning(_C.id)
    )
    return (await connection.execute(statement)).first() is not None


def new_row(
    ref: ScheduleRef, workflow_id: UUID, trigger_id: str, content: ScheduleContent, now: datetime
) -> ScheduleRow:
    """A schedule as it will stand once it is stored, not placed on the clock yet."""
    return ScheduleRow(
        tenant=ref.tenant,
        id=ref.id,
        workflow_id=workflow_id,
        trigger_id=trigger_id,
        version=content.version,
        cron=content.cron,
        timezone=content.timezone,
        catch_up=CatchUp(content.catch_up),
        catch_up_window_s=content.catch_up_window_s,
        overlap=Overlap(content.overlap),
        jitter_ms=content.jitter_ms,
        drift_window_s=content.drift_window_s,
        payload=content.payload,
        status=_ACTIVE,
        cursor_at=now,
        next_tick_at=None,
        next_due_at=None,
        watched_from=now,
        paused_at=None,
        revision=1,
    )


def with_content(row: ScheduleRow, content: ScheduleContent) -> ScheduleRow:
    """A schedule with what its trigger says now."""
    ref = ScheduleRef(row.tenant, row.id)
    changed = new_row(ref, row.workflow_id, row.trigger_id, content, row.cursor_at)
    return replace(changed, status=row.status, paused_at=row.paused_at, revision=row.revision)


def placed(row: ScheduleRow, place: Place) -> ScheduleRow:
    """A schedule at another place on the clock."""
    return replace(
        row,
        cursor_at=place.cursor_at,
        next_tick_at=place.next_tick_at,
        next_due_at=place.next_due_at,
        watched_from=place.watched_from,
    )


async def _guarded(connection: AsyncConnection, row: ScheduleRow, values: dict[str, Any]) -> bool:
    statement = (
        update(scheduled_workflows)
        .where(_C.tenant_id == row.tenant, _C.id == row.id, _C.revision == row.revision)
        .values(revision=row.revision + 1, updated_at=func.now(), **values)
        .returning(_C.id)
    )
    return (await connection.execute(statement)).first() is not None


def _all(tenant: str) -> Select[Any]:
    return select(*_C).where(_C.tenant_id == tenant)


def _filtered(tenant: str, workflow_id: UUID | None, hidden: Hidden | None) -> Select[Any]:
    statement = _all(tenant).where(*belongs_to_visible(hidden, tenant, _C.workflow_id))
    return statement if workflow_id is None else statement.where(_C.workflow_id == workflow_id)


def _of_definition() -> ColumnElement[bool]:
    return and_(_W.tenant_id == _D.tenant_id, _W.workflow_id == _D.id)


def _is_wanted() -> ColumnElement[bool]:
    return and_(_W.type == "schedule", _W.is_enabled, _D.status == "published", _D.is_active)


def _content_columns(content: ScheduleContent) -> dict[str, Any]:
    return {
        "version": content.version,
        "cron": content.cron,
        "timezone": content.timezone,
        "catch_up": content.catch_up,
        "catch_up_window_s": content.catch_up_window_s,
        "overlap": content.overlap,
        "jitter_ms": content.jitter_ms,
        "drift_window_s": content.drift_window_s,
        "payload": content.payload,
    }


def _place_columns(place: Place) -> dict[str, Any]:
    return {
        "cursor_at": place.cursor_at,
        "next_tick_at": place.next_tick_at,
        "next_due_at": place.next_due_at,
        "watched_from": place.watched_from,
    }


def _read(row: Row[Any]) -> ScheduleRow:
    return ScheduleRow(
        tenant=row.tenant_id,
        id=row.id,
        workflow_id=row.workflow_id,
        trigger_id=row.trigger_id,
        version=row.version,
        cron=row.cron,
        timezone=row.timezone,
        catch_up=CatchUp(row.catch_up),
        catch_up_window_s=row.catch_up_window_s,
        overlap=Overlap(row.overlap),
        jitter_ms=row.jitter_ms,
        drift_window_s=row.drift_window_s,
        payload=row.payload,
        status=row.status,
        cursor_at=row.cursor_at,
        next_tick_at=row.next_tick_at,
        next_due_at=row.next_due_at,
        watched_from=row.watched_from,
        paused_at=row.paused_at,
        revision=row.revision,
    )
