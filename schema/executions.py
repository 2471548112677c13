"""Executions, their steps and their logs."""

from datetime import datetime
from typing import TYPE_CHECKING, Annotated, TypeAlias
from uuid import UUID

import strawberry

from schema.context import Info
from schema.enums import ExplainedEnum, enum
from schema.fields import field
from schema.identifiers import as_uuid
from schema.paging import After, Before, Connection, First, Last
from schema.scalars import JSON, Duration, SemVer
from schema.selections import page_of

if TYPE_CHECKING:
    from schema.human_tasks import HumanTask
    from schema.workflows import Workflow

LazyWorkflow = Annotated["Workflow", strawberry.lazy("schema.workflows")]
LazyHumanTask = Annotated["HumanTask", strawberry.lazy("schema.human_tasks")]


@enum("Where an execution stands; completed, failed and cancelled are final.")
class ExecutionStatus(ExplainedEnum):
    queued = "queued", "Accepted; no worker has taken it yet."
    running = "running", "A worker advances it, or it waits for a timer, a person, a child or a signal."
    paused = "paused", "Held by a person."
    completed = "completed", "It came to its end; `failedSteps` names what failed on the way."
    failed = "failed", "A failure that nothing handled, or its timeout, ended it."
    cancelled = "cancelled", "Somebody asked for its end."


@enum("Where a step stands; completed, failed, skipped and cancelled are final.")
class StepStatus(ExplainedEnum):
    pending = "pending", "Not decided yet."
    running = "running", "An attempt is out; its intent is recorded."
    waiting = "waiting", "Held by a timer, a task, a child, a signal, or the back-off before the next attempt."
    completed = "completed", "Its output is kept; it runs again only if a person asks for that."
    failed = "failed", "Its last attempt failed."
    skipped = "skipped", "None of its incoming connections was taken, or it is disabled."
    cancelled = "cancelled", "The execution ended before it did."
    in_doubt = "in_doubt", "A crash left the outcome of an `at_most_once` attempt unknown; `resolveStep` decides."


@enum("Order in which queued executions are taken.")
class Priority(ExplainedEnum):
    critical = "critical", "Most urgent: of queued executions eight are taken for one of `low`."
    high = "high", "Four are taken for one of `low`."
    normal = "normal", "Two are taken for one of `low`; the default."
    low = "low", "Taken least often, but never left waiting for good."


@strawberry.type(description="Why a step or an execution failed.")
class ExecutionError:
    code: str = strawberry.field(description="Stable, dotted, lower-case.")
    message: str = strawberry.field(description="What happened.")
    step_id: str | None = strawberry.field(description="The step that brought the execution down.")
    details: JSON | None = strawberry.field(description="Facts of the failure.")


@strawberry.type(description="One step instance of an execution.")
class ExecutionStep:
    step_id: str = strawberry.field(description="The step's id in the definition.")
    status: StepStatus = strawberry.field(description="Where it stands.")
    started_at: datetime | None = strawberry.field(description="Start of its first attempt.")
    completed_at: datetime | None = strawberry.field(description="When it reached a final status.")
    input: JSON | None = strawberry.field(description="What it was given.")
    output: JSON | None = strawberry.field(description="What it gave.")
    error: ExecutionError | None = strawberry.field(description="Why it failed.")
    retry_count: int = strawberry.field(description="Attempts after the first.")
    duration: Duration | None = strawberry.field(description="From start to end.")
    iteration: str | None = strawberry.field(description="Loop indices joined by `.`; null outside of loops.")
    parent_step_id: str | None = strawberry.field(description="The loop around it; null outside of loops.")


@strawberry.type(description="One line of an execution's log.")
class LogEntry:
    at: datetime = strawberry.field(description="When.")
    level: str = strawberry.field(description="`debug`, `info`, `warning` or `error`.")
    message: str = strawberry.field(description="What happened, for people.")
    step_id: str | None = strawberry.field(description="The step that it is about.")
    iteration: str | None = strawberry.field(description="Loop indices joined by `.`.")
    attempt: int | None = strawberry.field(description="Attempt of the step, from 1.")
    fields: JSON = strawberry.field(description="Facts, for machines.")


@enum("Whether the evidence of an execution can be exported.")
class EvidenceState(ExplainedEnum):
    pending = "pending", "It has not ended, or the ledger has not confirmed it yet."
    ready = "ready", "The bundle can be downloaded."


@strawberry.type(description="Evidence of an execution that strangers can check.")
class ExecutionEvidence:
    state: EvidenceState = strawberry.field(description="`pending` until it has ended and the ledger has confirmed it.")
    url: str | None = strawberry.field(description="Path of the bundle over REST; null while pending.")


@strawberry.federation.type(keys=["id"], description="One run of a published version.")
class Execution:
    id: strawberry.ID = strawberry.field(description="Set by the server.")
    workflow_id: strawberry.ID = strawberry.field(description="The workflow that runs.")
    workflow_version: SemVer = strawberry.field(description="The version that it is pinned to.")
    status: ExecutionStatus = strawberry.field(description="Where it stands.")
    trigger_type: str = strawberry.field(description="What started it.")
    trigger_data: JSON | None = strawberry.field(description="What it was started with.")
    priority: Priority = strawberry.field(description="Order in which queued executions are taken.")
    current_step: str | None = strawberry.field(description="The step that moved last.")
    started_by: str = strawberry.field(description="Who started it.")
    created_at: datetime = strawberry.field(description="When it was accepted.")
    started_at: datetime | None = strawberry.field(description="When a worker first took it.")
    completed_at: datetime | None = strawberry.field(description="When it reached a final status.")
    failed_steps: list[str] = strawberry.field(description="Steps whose failure was not handled.")
    error: ExecutionError | None = strawberry.field(description="Why it failed.")
    parent_execution_id: strawberry.ID | None = strawberry.field(description="Whose subprocess step started it.")

    @classmethod
    async def resolve_reference(cls, info: Info, id: strawberry.ID) -> "Execution | None":
        """The execution that another subgraph refers to; None where the caller cannot see one."""
        key = as_uuid(id)
        return None if key is None else await info.context.reads.execution(key)

    @field("The workflow that runs.")
    async def workflow(self, info: Info) -> LazyWorkflow | None:
        return await info.context.reads.workflow(UUID(self.workflow_id))

    @field("Its steps as they stand.")
    async def steps(self, info: Info) -> list[ExecutionStep]:
        return list(await info.context.reads.steps(UUID(self.id)))

    @field("What conditions and templates see.")
    async def context(self, info: Info) -> JSON:
        return await info.context.reads.context(UUID(self.id))

    @field("Its log, oldest first.")
    async def logs(self, info: Info) -> list[LogEntry]:
        return list(await info.context.reads.logs(UUID(self.id)))

    @field("Its evidence; null where the caller cannot see it.")
    async def evidence(self, info: Info) -> ExecutionEvidence | None:
        return await info.context.reads.evidence(UUID(self.id))

    @field("Work that it gave to people, newest first; at most the 200 newest.")
    async def human_tasks(
        self, info: Info, first: First = None, after: After = None, last: Last = None, before: Before = None
    ) -> Connection[LazyHumanTask]:
        page = page_of(info, first, after, last, before)
        return await info.context.reads.human_tasks(UUID(self.id), page)

    @field("The execution whose subprocess step started this one.")
    async def parent_execution(self, info: Info) -> "Execution | None":
        if self.parent_execution_id is None:
            return None
        return await info.context.reads.execution(UUID(self.parent_execution_id))


@strawberry.type(description="One recorded transition of an execution.")
class ExecutionUpdate:
    event_id: strawberry.ID = strawberry.field(description="Sequence of the transition; resume after it.")
    at: datetime = strawberry.field(description="When it was recorded.")
    execution_id: strawberry.ID = strawberry.field(description="Of the execution.")
    status: str = strawberry.field(description="Status that was reached.")
    attempt: int = strawberry.field(description="Attempt of the step, from 1.")
    step: ExecutionStep | None = strawberry.field(description="The step that moved; null for the execution itself.")
    error: ExecutionError | None = strawberry.field(description="Why it failed.")

    @field("Of the execution, like `executionId`.")
    def id(self) -> strawberry.ID:
        return self.execution_id

    @field("The execution as it stands now.")
    async def execution(self, info: Info) -> Execution | None:
        return await info.context.reads.execution(UUID(self.execution_id))


ExecutionConnection: TypeAlias = Connection[Execution]
