"""Schedules and their ticks."""

from datetime import datetime
from typing import TYPE_CHECKING, Annotated
from uuid import UUID

import strawberry

from schema.context import Info
from schema.enums import ExplainedEnum, enum
from schema.fields import field
from schema.paging import After, Before, Connection, First, Last
from schema.scalars import Duration, SemVer
from schema.selections import page_of

if TYPE_CHECKING:
    from schema.executions import Execution
    from schema.workflows import Workflow

LazyWorkflow = Annotated["Workflow", strawberry.lazy("schema.workflows")]
LazyExecution = Annotated["Execution", strawberry.lazy("schema.executions")]


@enum("Whether a schedule fires, or a person holds it.")
class ScheduleStatus(ExplainedEnum):
    active = "active", "It fires."
    paused = "paused", "A person holds it."


@enum("Which missed ticks are made up for.")
class CatchUp(ExplainedEnum):
    skip = "skip", "None."
    latest = "latest", "The newest."
    all = "all", "Each, oldest first."


@enum("What a tick does while an earlier execution of its schedule runs.")
class Overlap(ExplainedEnum):
    allow = "allow", "It starts beside it."
    skip = "skip", "It is skipped, and recorded."
    buffer = "buffer", "It waits if no other tick does, else it is skipped."
    cancel_other = "cancel_other", "The running one is cancelled, and it starts when that has ended."


@enum("How a tick ended; `pending` while it waits for its turn.")
class TickStatus(ExplainedEnum):
    pending = "pending", "It waits for its turn."
    buffered = "buffered", "Not given any more: what waits for its turn is `pending`."
    fired = "fired", "Started on time."
    skipped = "skipped", "It came on time, but was not to start; `reason` says why."
    missed = "missed", "Nobody looked at its time, and it is not made up for."
    caught_up = "caught_up", "Missed or asked for, and started since."
    late = "late", "Started by more than the drift window after its instant, without having been missed."


@strawberry.type(description="One due instant of a schedule, or a run of more than 1,000 that ended alike.")
class ScheduleTick:
    schedule_id: strawberry.ID = strawberry.field(description="Of the schedule.")
    tick_at: datetime = strawberry.field(description="The nominal instant.")
    until_tick_at: datetime | None = strawberry.field(description="The last one, where it stands for many.")
    count: int = strawberry.field(description="How many it stands for.")
    status: TickStatus = strawberry.field(description="How it ended.")
    fired_at: datetime | None = strawberry.field(description="When its execution was started.")
    drift_ms: Duration | None = strawberry.field(description="Start minus nominal instant.")
    execution_id: strawberry.ID | None = strawberry.field(description="Of its execution.")
    reason: str = strawberry.field(description="Why it ended so; empty where it was fired on time.")
    is_backfill: bool = strawberry.field(description="Whether a person asked for it.")

    @field("Its execution.")
    async def execution(self, info: Info) -> LazyExecution | None:
        return None if self.execution_id is None else await info.context.reads.execution(UUID(self.execution_id))


@strawberry.type(description="A rule that starts executions of a workflow by the clock.")
class Schedule:
    id: strawberry.ID = strawberry.field(description="The same for as long as its workflow has this trigger.")
    workflow_id: strawberry.ID = strawberry.field(description="The workflow that it starts.")
    trigger_id: str = strawberry.field(description="The trigger of the workflow that it stands for.")
    version: SemVer = strawberry.field(description="The published version whose trigger it is.")
    cron: str = strawberry.field(description="When: five fields, six with seconds, or a nickname.")
    timezone: str = strawberry.field(description="In which zone, by its IANA name.")
    catch_up: CatchUp = strawberry.field(description="Which missed ticks are made up for.")
    catch_up_window_seconds: int = strawberry.field(description="How far back missed ticks are made up for.")
    overlap: Overlap = strawberry.field(description="What a tick does while an earlier execution runs.")
    jitter_ms: Duration = strawberry.field(description="By how much starts are spread at most.")
    drift_window_seconds: int = strawberry.field(description="A start later than this is `late`.")
    status: ScheduleStatus = strawberry.field(description="Whether it fires, or a person holds it.")
    paused_at: datetime | None = strawberry.field(description="Since when it is held.")
    next_tick_at: datetime | None = strawberry.field(description="The next instant.")
    next_ticks: list[datetime] = strawberry.field(description="The next ten instants; none while it is held.")

    @field("The workflow that it starts.")
    async def workflow(self, info: Info) -> LazyWorkflow | None:
        return await info.context.reads.workflow(UUID(self.workflow_id))

    @field("Its ledger, newest tick first: one row for every due tick.")
    async def ticks(
        self, info: Info, first: First = None, after: After = None, last: Last = None, before: Before = None
    ) -> Connection[ScheduleTick]:
        page = page_of(info, first, after, last, before)
        return await info.context.reads.ticks(UUID(self.id), page)
