"""Bodies of schedules and events."""

# ruff: noqa: RUF009 - `wire` makes a dataclass field

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from engine.definitions.model import CatchUp, Overlap
from engine.jsonvalue import Json
from engine.services.events import EmitRequest, Emitted
from engine.services.schedule_values import (
    Backfilled,
    BackfillRequest,
    HoldRequest,
    Reconciled,
    ReconcileRequest,
    Schedule,
    ScheduleStatus,
    ScheduleTick,
)
from engine.services.tick_plans import TickOutcome
from engine.triggers.ticks import TickStatus
from rest_shim.models.paging import CURSOR, DEFAULT_LIMIT, LIMIT, PAGE
from rest_shim.shapes import Rule, wire


@dataclass(frozen=True, slots=True)
class ScheduleBody:
    """A rule that starts executions of a workflow by the clock."""

    id: UUID = wire("Of the schedule; the same for as long as its workflow has this trigger.")
    schedule_id: UUID = wire("The same, as reconcile and ticks name it.")
    workflow_id: UUID = wire("The workflow that it starts.")
    trigger_id: str = wire("The trigger of the workflow that it stands for.")
    version: str = wire("The published version whose trigger it is.")
    cron: str = wire("When: five fields, six with seconds, or a nickname.")
    timezone: str = wire("In which zone, by its IANA name.")
    catch_up: CatchUp = wire("Which missed ticks are made up for.")
    catch_up_window_seconds: int = wire("How far back missed ticks are made up for.")
    overlap: Overlap = wire("What a tick does while an earlier execution runs.")
    jitter_ms: int = wire("By how much starts are spread at most.")
    drift_window_seconds: int = wire("A start later than this is `late`.")
    status: ScheduleStatus = wire("Whether it fires, or a person holds it.")
    paused_at: datetime | None = wire("Since when it is held.")
    next_tick_at: datetime | None = wire("The next instant.")
    next_ticks: tuple[datetime, ...] = wire("The next ten instants; none while it is held.")

    @classmethod
    def of(cls, schedule: Schedule) -> "ScheduleBody":
        """Body of a schedule."""
        return cls(
            id=schedule.id,
            schedule_id=schedule.id,
            workflow_id=schedule.workflow_id,
            trigger_id=schedule.trigger_id,
            version=schedule.version,
            cron=schedule.cron,
            timezone=schedule.timezone,
            catch_up=schedule.catch_up,
            catch_up_window_seconds=schedule.catch_up_window_s,
            overlap=schedule.overlap,
            jitter_ms=schedule.jitter_ms,
            drift_window_seconds=schedule.drift_window_s,
            status=schedule.status,
            paused_at=schedule.paused_at,
            next_tick_at=schedule.next_tick_at,
            next_ticks=schedule.next_ticks,
        )


@dataclass(frozen=True, slots=True)
class TickBody:
    """One due instant of a schedule and how it ended, or a run of more than 1,000 that ended alike."""

    schedule_id: UUID = wire("Of the schedule.")
    tick_at: datetime = wire("The nominal instant.")
    until_tick_at: datetime | None = wire("The last one, where the row stands for many.")
    count: int = wire("How many it stands for.")
    status: TickStatus = wire("How it ended; `pending` while it waits for its turn.")
    fired_at: datetime | None = wire("When its execution was started.")
    drift_ms: int | None = wire("Start minus nominal instant, in milliseconds.")
    execution_id: UUID | None = wire("Its execution.")
    reason: str = wire("Why it ended so; empty where it was fired on time.")
    is_backfill: bool = wire("Whether a person asked for it.")

    @classmethod
    def of(cls, tick: ScheduleTick) -> "TickBody":
        """Body of a tick."""
        return cls(
            schedule_id=tick.schedule_id,
            tick_at=tick.tick_at,
            until_tick_at=tick.until_tick_at,
            count=tick.count,
            status=tick.status,
            fired_at=tick.fired_at,
            drift_ms=tick.drift_ms,
            execution_id=tick.execution_id,
            reason=tick.reason,
            is_backfill=tick.is_backfill,
        )


@dataclass(frozen=True, slots=True)
class ReconciledScheduleBody:
    """A schedule that reconciling looked at."""

    schedule_id: UUID = wire("Of the schedule.")
    workflow_id: UUID = wire("The workflow that it starts.")
    trigger_id: str = wire("The trigger that it stands for.")
    cron: str = wire("When.")
    timezone: str = wire("In which zone.")
    next_tick_at: datetime | None = wire("The next instant.")

    @classmethod
    def of(cls, schedule: Schedule) -> "ReconciledScheduleBody":
        """Body of a schedule."""
        return cls(
            schedule_id=schedule.id,
            workflow_id=schedule.workflow_id,
            trigger_id=schedule.trigger_id,
            cron=schedule.cron,
            timezone=schedule.timezone,
            next_tick_at=schedule.next_tick_at,
        )


@dataclass(frozen=True, slots=True)
class RecoveredBody:
    """What became of a tick that had been missed."""

    schedule_id: UUID = wire("Of the schedule.")
    tick_at: datetime = wire("The nominal instant.")
    outcome: TickStatus = wire("How it ended.")

    @classmethod
    def of(cls, outcome: TickOutcome) -> "RecoveredBody":
        """Body of an outcome."""
        return cls(outcome.schedule_id, outcome.tick_at, outcome.outcome)


@dataclass(frozen=True, slots=True)
class ReconciledBody:
    """What reconciling did, or would do."""

    created: tuple[ReconciledScheduleBody, ...] = wire("Schedules that were not there.")
    updated: tuple[ReconciledScheduleBody, ...] = wire("Schedules that said something else.")
    removed: tuple[ReconciledScheduleBody, ...] = wire("Schedules that nothing asks for any more.")
    unchanged: tuple[ReconciledScheduleBody, ...] = wire("Schedules that were right.")
    recovered: tuple[RecoveredBody, ...] = wire("Ticks that had been missed, and what became of them.")

    @classmethod
    def of(cls, result: Reconciled) -> "ReconciledBody":
        """Body of a result."""
        return cls(
            created=tuple(map(ReconciledScheduleBody.of, result.created)),
            updated=tuple(map(ReconciledScheduleBody.of, result.updated)),
            removed=tuple(map(ReconciledScheduleBody.of, result.removed)),
            unchanged=tuple(map(ReconciledScheduleBody.of, result.unchanged)),
            recovered=tuple(map(RecoveredBody.of, result.recovered)),
        )


@dataclass(frozen=True, slots=True)
class BackfilledBody:
    """What a backfill asked for."""

    schedule: ScheduleBody = wire("The schedule.")
    asked: int = wire("Ticks that start now, or wait for their turn.")
    already_started: int = wire("Ticks of the range that had been started, or were waiting: they are not repeated.")

    @classmethod
    def of(cls, result: Backfilled) -> "BackfilledBody":
        """Body of a result."""
        return cls(ScheduleBody.of(result.schedule), result.asked, result.already_started)


@dataclass(frozen=True, slots=True)
class ScheduleQuery:
    """Which schedules."""

    workflow_id: UUID | None = wire("Only those of this workflow.", default=None)
    page: int | None = wire(PAGE, default=None)
    limit: int = wire(LIMIT, default=DEFAULT_LIMIT)
    cursor: str | None = wire(CURSOR, default=None)


@dataclass(frozen=True, slots=True)
class ReconcileQuery:
    """The same as in the body."""

    dry_run: bool = wire("Only say what would be done.", default=False)


@dataclass(frozen=True, slots=True)
class ReconcileBody:
    """How to reconcile."""

    dry_run: bool = wire("Only say what would be done.", default=False)

    def request(self) -> ReconcileRequest:
        """Request of the body."""
        return ReconcileRequest(dry_run=self.dry_run)


@dataclass(frozen=True, slots=True)
class HoldBody:
    """Why a schedule is held, or goes on."""

    reason: str = wire(Rule("Stands in the audit log.", max_length=1_000), default="")

    def request(self) -> HoldRequest:
        """Request of the body."""
        return HoldRequest(reason=self.reason)


@dataclass(frozen=True, slots=True)
class BackfillBody:
    """Which ticks to start, both ends included."""

    start: datetime = wire(Rule("The first instant.", name="from"))
    end: datetime = wire(Rule("The last instant, not in the future.", name="to"))
    overlap: Overlap | None = wire("Instead of the schedule's own.", default=None)

    def request(self) -> BackfillRequest:
        """Request of the body."""
        return BackfillRequest(start=self.start, end=self.end, overlap=self.overlap)


@dataclass(frozen=True, slots=True)
class EventBodyIn:
    """Something that happened."""

    type: str = wire(Rule("What kind of thing; triggers and wait steps name it.", min_length=1, max_length=200))
    payload: Json = wire(
        "What happened; trigger data of what it starts, output of the steps that it wakes.", default=None
    )
    id: str | None = wire(
        Rule("Names the event: again within 24 hours it is the same one.", min_length=1, max_length=255), default=None
    )

    def request(self) -> EmitRequest:
        """Request of the body."""
        return EmitRequest(type=self.type, payload=self.payload, id=self.id)


@dataclass(frozen=True, slots=True)
class EmittedBody:
    """An event that is taken in: it is durable, and on its way to all who listen."""

    id: str = wire("Of the event.")
    type: str = wire("Its kind.")
    duplicate: bool = wire("Whether an earlier call with this id has brought it.")

    @classmethod
    def of(cls, emitted: Emitted) -> "EmittedBody":
        """Body of an event."""
        return cls(emitted.id, emitted.type, emitted.duplicate)
