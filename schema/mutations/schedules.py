"""Inputs and results of what changes schedules, and of events."""

from datetime import datetime
from typing import Annotated

import strawberry

from schema.mutations.workflows import Failure
from schema.scalars import JSON
from schema.schedules import Overlap, Schedule, TickStatus


@strawberry.input(description="How to reconcile.")
class ReconcileSchedulesInput:
    dry_run: bool = strawberry.field(default=False, description="Only say what would be done.")


@strawberry.input(description="A schedule to hold.")
class PauseScheduleInput:
    schedule_id: strawberry.ID = strawberry.field(description="Of the schedule.")
    reason: str = strawberry.field(default="", description="Stands in the audit log.")


@strawberry.input(description="A schedule to let go on.")
class ResumeScheduleInput:
    schedule_id: strawberry.ID = strawberry.field(description="Of the schedule.")
    reason: str = strawberry.field(default="", description="Stands in the audit log.")


@strawberry.input(description="Which ticks to start, both ends included.")
class BackfillScheduleInput:
    schedule_id: strawberry.ID = strawberry.field(description="Of the schedule.")
    from_: datetime = strawberry.field(name="from", description="The first instant.")
    to: datetime = strawberry.field(description="The last instant, not in the future.")
    overlap: Overlap | None = strawberry.field(default=None, description="Instead of the schedule's own.")


@strawberry.input(description="Something that happened.")
class EmitEventInput:
    type: str = strawberry.field(description="What kind of thing; triggers and wait steps name it.")
    payload: JSON | None = strawberry.field(default=None, description="What happened.")
    id: str | None = strawberry.field(
        default=None, description="Names the event: again within 24 hours it is the same one."
    )


@strawberry.type(description="What became of a tick that had been missed.")
class RecoveredTick:
    schedule_id: strawberry.ID = strawberry.field(description="Of the schedule.")
    tick_at: datetime = strawberry.field(description="The nominal instant.")
    outcome: TickStatus = strawberry.field(description="How it ended.")


@strawberry.type(description="What was done, or would be.")
class ReconcileSchedulesSuccess:
    created: list[Schedule] = strawberry.field(description="Schedules that were not there.")
    updated: list[Schedule] = strawberry.field(description="Schedules that said something else.")
    removed: list[Schedule] = strawberry.field(description="Schedules that nothing asks for any more.")
    unchanged: list[Schedule] = strawberry.field(description="Schedules that were right.")
    recovered: list[RecoveredTick] = strawberry.field(description="Ticks that had been missed.")


@strawberry.type(description="The schedule is held.")
class PauseScheduleSuccess:
    schedule: Schedule = strawberry.field(description="The schedule.")


@strawberry.type(description="The schedule goes on.")
class ResumeScheduleSuccess:
    schedule: Schedule = strawberry.field(description="The schedule.")


@strawberry.type(description="The ticks are asked for.")
class BackfillScheduleSuccess:
    schedule: Schedule = strawberry.field(description="The schedule.")
    asked: int = strawberry.field(description="Ticks that start now, or wait for their turn.")
    already_started: int = strawberry.field(description="Ticks of the range that are not repeated.")


@strawberry.type(description="The event is taken in: it is durable, and on its way to all who listen.")
class EmitEventSuccess:
    event_id: str = strawberry.field(description="Of the event.")
    duplicate: bool = strawberry.field(description="Whether an earlier call with this id has brought it.")


ReconcileSchedulesResult = Annotated[
    ReconcileSchedulesSuccess | Failure,
    strawberry.union("ReconcileSchedulesResult", description="Outcome of reconcileSchedules."),
]
PauseScheduleResult = Annotated[
    PauseScheduleSuccess | Failure, strawberry.union("PauseScheduleResult", description="Outcome of pauseSchedule.")
]
ResumeScheduleResult = Annotated[
    ResumeScheduleSuccess | Failure, strawberry.union("ResumeScheduleResult", description="Outcome of resumeSchedule.")
]
BackfillScheduleResult = Annotated[
    BackfillScheduleSuccess | Failure,
    strawberry.union("BackfillScheduleResult", description="Outcome of backfillSchedule."),
]
EmitEventResult = Annotated[
    EmitEventSuccess | Failure, strawberry.union("EmitEventResult", description="Outcome of emitEvent.")
]
