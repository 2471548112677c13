"""What the use cases of schedules take and give."""

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from itertools import islice
from uuid import UUID

from engine.definitions.model import CatchUp, Overlap
from engine.services.requests import Request
from engine.services.schedule_rules import rule_of
from engine.services.tick_plans import TickOutcome
from engine.store.schedules import ScheduleRow
from engine.store.ticks import TickRow
from engine.triggers.ticks import TickStatus, upcoming_ticks

NEXT_TICKS = 10
"""How many ticks a schedule tells in advance."""


class ScheduleStatus(StrEnum):
    """Whether a schedule fires, or a person holds it."""

    ACTIVE = "active"
    PAUSED = "paused"


@dataclass(frozen=True, slots=True)
class Schedule:
    """A rule that starts executions of a workflow by the clock.

    Attributes:
        next_tick_at: the next nominal instant; None: no date fulfils the rule any more.
        next_ticks: the next ten; empty while it is paused or where nobody asked for them.
    """

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
    drift_window_s: int
    status: ScheduleStatus
    paused_at: datetime | None
    next_tick_at: datetime | None
    next_ticks: tuple[datetime, ...] = ()


@dataclass(frozen=True, slots=True)
class ScheduleTick:
    """One row of the ledger; `until_tick_at` and `count` where it stands for a run of ticks that ended alike."""

    schedule_id: UUID
    tick_at: datetime
    until_tick_at: datetime | None
    count: int
    status: TickStatus
    fired_at: datetime | None
    drift_ms: int | None
    execution_id: UUID | None
    reason: str
    is_backfill: bool


@dataclass(frozen=True, slots=True)
class Reconciled:
    """What reconciling did, or would do; `recovered`: what became of ticks that had been missed."""

    created: tuple[Schedule, ...]
    updated: tuple[Schedule, ...]
    removed: tuple[Schedule, ...]
    unchanged: tuple[Schedule, ...]
    recovered: tuple[TickOutcome, ...]


@dataclass(frozen=True, slots=True)
class Backfilled:
    """What a backfill asked for; `already_started`: ticks of its range that had an execution, or wait for one."""

    schedule: Schedule
    asked: int
    already_started: int


@dataclass(frozen=True, slots=True)
class ReconcileRequest(Request):
    """Make schedules equal to triggers, or only say what would be done."""

    dry_run: bool = False


@dataclass(frozen=True, slots=True)
class HoldRequest(Request):
    """Pause or resume; the reason stands in the audit log."""

    reason: str = ""


@dataclass(frozen=True, slots=True)
class BackfillRequest(Request):
    """Start the ticks of a range that have not been started, both ends included. Both ends must be given."""

    start: datetime | None = None
    end: datetime | None = None
    overlap: Overlap | None = field(default=None)


def schedule_of(row: ScheduleRow, default_drift_window_s: int, now: datetime | None = None) -> Schedule:
    """A schedule as its readers get it; with `now` its next ten ticks from then on."""
    rule = rule_of(row, default_drift_window_s)
    coming: tuple[datetime, ...] = ()
    if now is not None and not row.is_paused:
        after = max(now, row.cursor_at)
        coming = tuple(tick.at for tick in islice(upcoming_ticks(rule, after), NEXT_TICKS))
    return Schedule(
        id=row.id,
        workflow_id=row.workflow_id,
        trigger_id=row.trigger_id,
        version=row.version,
        cron=row.cron,
        timezone=row.timezone,
        catch_up=row.catch_up,
        catch_up_window_s=row.catch_up_window_s,
        overlap=row.overlap,
        jitter_ms=row.jitter_ms,
        drift_window_s=round(rule.drift_window.total_seconds()),
        status=ScheduleStatus(row.status),
        paused_at=row.paused_at if row.is_paused else None,
        next_tick_at=row.next_tick_at,
        next_ticks=coming,
    )


def tick_of(row: TickRow) -> ScheduleTick:
    """A row of the ledger as its readers get it. Whatever has not ended is `pending`."""
    status = TickStatus(row.status)
    return ScheduleTick(
        schedule_id=row.schedule_id,
        tick_at=row.tick_at,
        until_tick_at=row.until_tick_at,
        count=row.count,
        status=TickStatus.PENDING if status is TickStatus.BUFFERED else status,
        fired_at=row.fired_at,
        drift_ms=row.drift_ms,
        execution_id=row.execution_id,
        reason=row.reason,
        is_backfill=row.is_backfill,
    )
