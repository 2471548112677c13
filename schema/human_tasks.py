"""Human tasks, their trails and comments."""

from datetime import datetime
from typing import TYPE_CHECKING, Annotated
from uuid import UUID

import strawberry

from schema.context import Info
from schema.enums import ExplainedEnum, enum
from schema.executions import Priority
from schema.fields import field
from schema.identifiers import as_uuid
from schema.scalars import JSON

if TYPE_CHECKING:
    from schema.executions import Execution
    from schema.workflows import Workflow

LazyExecution = Annotated["Execution", strawberry.lazy("schema.executions")]
LazyWorkflow = Annotated["Workflow", strawberry.lazy("schema.workflows")]


@enum("Where a task stands; completed, failed, cancelled, skipped and obsolete are final.")
class HumanTaskStatus(ExplainedEnum):
    created = "created", "Recorded, not yet anybody's."
    pending = "pending", "Waits for a candidate to claim it."
    assigned = "assigned", "Has an owner who has not started."
    in_progress = "in_progress", "Its owner works on it."
    suspended = "suspended", "Held by a person."
    completed = "completed", "Its form was handed in, or enough people approved."
    failed = "failed", "Its owner or an escalation gave it up; its step fails."
    cancelled = "cancelled", "An administrator took it back; its step fails."
    skipped = "skipped", "An administrator let its step complete without a form."
    obsolete = "obsolete", "Its execution ended without it."


@strawberry.type(description="One step of a task.")
class AuditTrailEntry:
    seq: int = strawberry.field(description="From 1, without gaps.")
    at: datetime = strawberry.field(description="When.")
    actor: str = strawberry.field(description="Who; `engine` for timers and the ends of executions.")
    on_behalf_of: str | None = strawberry.field(description="For whom, where that is somebody else.")
    from_: HumanTaskStatus | None = strawberry.field(name="from", description="The state before; null of the creation.")
    to: HumanTaskStatus = strawberry.field(description="The state after.")
    action: str = strawberry.field(description="The operation.")
    reason: str = strawberry.field(description="Why.")
    request_id: str = strawberry.field(description="Of the call.")
    details: JSON | None = strawberry.field(description="Facts of the operation.")


@strawberry.type(description="What somebody said about a task.")
class HumanTaskComment:
    id: strawberry.ID = strawberry.field(description="Set by the server.")
    author: str = strawberry.field(description="Who.")
    comment: str = strawberry.field(description="What.")
    created_at: datetime = strawberry.field(description="When.")


@strawberry.type(description="One person's decision on a task that asks for several.")
class HumanTaskVote:
    by: str = strawberry.field(description="Who.")
    at: datetime = strawberry.field(description="When.")
    approved: bool = strawberry.field(description="Whether for or against.")
    form_data: JSON = strawberry.field(description="What was handed in.")


@strawberry.federation.type(keys=["id"], description="Work that a person must do.")
class HumanTask:
    id: strawberry.ID = strawberry.field(description="Set by the server.")
    execution_id: strawberry.ID | None = strawberry.field(description="The execution that waits for it.")
    workflow_id: strawberry.ID | None = strawberry.field(description="The workflow of that execution.")
    step_id: str | None = strawberry.field(description="The step that waits for it.")
    iteration: str | None = strawberry.field(description="Loop indices joined by `.`; null outside of loops.")
    title: str = strawberry.field(description="What is to be done.")
    description: str = strawberry.field(description="More about it.")
    assignees: list[str] = strawberry.field(description="People who may claim it.")
    candidate_groups: list[str] = strawberry.field(description="Groups whose members may claim it.")
    excluded: list[str] = strawberry.field(description="Who may not own it (four eyes, earlier votes).")
    owner: str | None = strawberry.field(description="Who has it.")
    status: HumanTaskStatus = strawberry.field(description="Where it stands.")
    priority: Priority = strawberry.field(description="How urgent it is.")
    form_config: JSON = strawberry.field(description="The form to fill in.")
    form_data: JSON | None = strawberry.field(description="What was handed in.")
    skippable: bool = strawberry.field(description="Whether it may be passed over.")
    approvals: JSON | None = strawberry.field(description="How many must approve, of how many: `{required, of}`.")
    votes: list[HumanTaskVote] = strawberry.field(description="Decisions so far.")
    sla: JSON = strawberry.field(description="Time limits from activation: `{startMs, completionMs, warnAtPct}`.")
    escalation: JSON = strawberry.field(description="What happens when it takes too long.")
    start_by: datetime | None = strawberry.field(description="Until when somebody must have started.")
    due_date: datetime | None = strawberry.field(description="Until when it must have ended.")
    sla_breached: bool = strawberry.field(description="Whether one of the two was missed.")
    escalation_level: int = strawberry.field(description="How many escalations there were.")
    created_by: str = strawberry.field(description="Who opened it, or started the execution that did.")
    submitted_by: str | None = strawberry.field(description="Who handed the form in.")
    submitted_at: datetime | None = strawberry.field(description="When it was handed in.")
    created_at: datetime = strawberry.field(description="When it was opened.")
    updated_at: datetime = strawberry.field(description="When it last changed.")
    completed_at: datetime | None = strawberry.field(description="When it reached a final state.")
    revision: int = strawberry.field(description="Counts changes.")

    @classmethod
    async def resolve_reference(cls, info: Info, id: strawberry.ID) -> "HumanTask | None":
        """The task that another subgraph refers to; None where the caller cannot see one."""
        key = as_uuid(id)
        return None if key is None else await info.context.reads.human_task(key)

    @field("Every step so far, gapless.")
    async def audit_trail(self, info: Info) -> list[AuditTrailEntry]:
        return list(await info.context.reads.trail(UUID(self.id)))

    @field("What was said about it, oldest first.")
    async def comments(self, info: Info) -> list[HumanTaskComment]:
        return list(await info.context.reads.comments(UUID(self.id)))

    @field("The execution that waits for it.")
    async def execution(self, info: Info) -> LazyExecution | None:
        return None if self.execution_id is None else await info.context.reads.execution(UUID(self.execution_id))

    @field("The workflow of that execution.")
    async def workflow(self, info: Info) -> LazyWorkflow | None:
        return None if self.workflow_id is None else await info.context.reads.workflow(UUID(self.workflow_id))


@strawberry.type(description="One step of a watched task.")
class HumanTaskUpdate:
    event_id: strawberry.ID = strawberry.field(description="Go on after it.")
    entry: AuditTrailEntry = strawberry.field(description="The step that was taken.")
    human_task: HumanTask = strawberry.field(description="The task as it stands now.")

    @field("Of the task.")
    def id(self) -> strawberry.ID:
        return self.human_task.id

    @field("Where the step took the task.")
    def status(self) -> HumanTaskStatus:
        return self.entry.to
