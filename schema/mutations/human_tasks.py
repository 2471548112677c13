"""Inputs and results of what people do with tasks."""

from datetime import datetime
from typing import Annotated

import strawberry

from schema.enums import ExplainedEnum, enum
from schema.executions import Priority
from schema.human_tasks import HumanTask
from schema.mutations.workflows import Failure
from schema.scalars import JSON, Duration


@enum("What an escalation does.")
class EscalationAction(ExplainedEnum):
    notify = "notify", "Tells people; nothing else changes."
    addCandidates = "addCandidates", "Lets further people and groups claim it."  # noqa: N815 - the definition's names
    reassign = "reassign", "Takes it from its owner and offers it to others; a single person becomes its owner."
    raisePriority = "raisePriority", "Makes it one level more urgent."  # noqa: N815 - the definition's names
    fail = "fail", "Gives it up; its step fails."


@strawberry.input(description="A task that no step opens.")
class CreateHumanTaskInput:
    title: str = strawberry.field(description="What is to be done.")
    description: str | None = strawberry.field(default=None, description="More about it.")
    assignees: list[str] = strawberry.field(default_factory=list, description="People who may claim it.")
    candidate_groups: list[str] = strawberry.field(default_factory=list, description="Groups that may claim it.")
    form_config: JSON | None = strawberry.field(default=None, description="The form.")
    priority: Priority | None = strawberry.field(default=None, description="How urgent it is.")
    due_date: datetime | None = strawberry.field(default=None, description="Until when it must have ended.")
    due_in_ms: Duration | None = strawberry.field(default=None, description="The same from now on.")
    sla: JSON | None = strawberry.field(default=None, description="`{startMs, completionMs, warnAtPct}`.")
    escalation: JSON | None = strawberry.field(default=None, description="Levels, as a human step has them.")
    exclude_initiator: bool = strawberry.field(default=False, description="Whether who opens it may not own it.")
    approvals: JSON | None = strawberry.field(default=None, description="`{required, of}`.")
    skippable: bool = strawberry.field(default=False, description="Whether it may be passed over.")
    execution_id: strawberry.ID | None = strawberry.field(
        default=None, description="Whose work it is; it becomes obsolete when that execution ends."
    )
    idempotency_key: str | None = strawberry.field(
        default=None, description="Makes the call repeatable for 24 hours: same key and input, same task."
    )


@strawberry.input(description="Fields of a task to change; what is not named stays.")
class UpdateHumanTaskInput:
    task_id: strawberry.ID = strawberry.field(description="Of the task.")
    title: str | None = strawberry.field(default=None, description="What is to be done.")
    description: str | None = strawberry.field(default=None, description="More about it.")
    priority: Priority | None = strawberry.field(default=None, description="How urgent it is.")
    due_date: datetime | None = strawberry.field(
        default=strawberry.UNSET, description="Until when it must have ended; null: no deadline."
    )


@strawberry.input(description="A task to take.")
class ClaimHumanTaskInput:
    task_id: strawberry.ID = strawberry.field(description="Of the task.")
    reason: str = strawberry.field(default="", description="Stands in the task's trail.")


@strawberry.input(description="A task to give back.")
class ReleaseHumanTaskInput:
    task_id: strawberry.ID = strawberry.field(description="Of the task.")
    reason: str = strawberry.field(default="", description="Stands in the task's trail.")


@strawberry.input(description="A task and its new owner.")
class AssignHumanTaskInput:
    task_id: strawberry.ID = strawberry.field(description="Of the task.")
    assignee: str = strawberry.field(description="The person.")
    reason: str = strawberry.field(default="", description="Stands in the task's trail.")


@strawberry.input(description="A task to hand over.")
class DelegateHumanTaskInput:
    task_id: strawberry.ID = strawberry.field(description="Of the task.")
    assignee: str = strawberry.field(description="The person.")
    reason: str = strawberry.field(default="", description="Stands in the task's trail.")


@strawberry.input(description="A task to offer to others.")
class ForwardHumanTaskInput:
    task_id: strawberry.ID = strawberry.field(description="Of the task.")
    assignees: list[str] = strawberry.field(default_factory=list, description="People.")
    candidate_groups: list[str] = strawberry.field(default_factory=list, description="Groups.")
    reason: str = strawberry.field(default="", description="Stands in the task's trail.")


@strawberry.input(description="A task to begin with.")
class StartHumanTaskInput:
    task_id: strawberry.ID = strawberry.field(description="Of the task.")
    reason: str = strawberry.field(default="", description="Stands in the task's trail.")


@strawberry.input(description="A task to hold.")
class SuspendHumanTaskInput:
    task_id: strawberry.ID = strawberry.field(description="Of the task.")
    reason: str = strawberry.field(default="", description="Stands in the task's trail.")


@strawberry.input(description="A task to go on with.")
class ResumeHumanTaskInput:
    task_id: strawberry.ID = strawberry.field(description="Of the task.")
    reason: str = strawberry.field(default="", description="Stands in the task's trail.")


@strawberry.input(description="A task and its form as it was filled in.")
class CompleteHumanTaskInput:
    task_id: strawberry.ID = strawberry.field(description="Of the task.")
    form_data: JSON | None = strawberry.field(default=None, description="Held to the task's `formConfig`.")
    comment: str = strawberry.field(default="", description="Kept with the task's comments.")


@strawberry.input(description="A task that cannot be done.")
class FailHumanTaskInput:
    task_id: strawberry.ID = strawberry.field(description="Of the task.")
    reason: str = strawberry.field(default="", description="Stands in the task's trail.")


@strawberry.input(description="A task to pass over.")
class SkipHumanTaskInput:
    task_id: strawberry.ID = strawberry.field(description="Of the task.")
    reason: str = strawberry.field(default="", description="Stands in the task's trail.")


@strawberry.input(description="A task to end without a result.")
class CancelHumanTaskInput:
    task_id: strawberry.ID = strawberry.field(description="Of the task.")
    reason: str = strawberry.field(default="", description="Stands in the task's trail.")


@strawberry.input(description="A task to escalate; without an action its next level counts.")
class EscalateHumanTaskInput:
    task_id: strawberry.ID = strawberry.field(description="Of the task.")
    action: EscalationAction | None = strawberry.field(default=None, description="What to do.")
    assignees: list[str] = strawberry.field(default_factory=list, description="People.")
    groups: list[str] = strawberry.field(default_factory=list, description="Groups.")
    reason: str = strawberry.field(default="", description="Stands in the task's trail.")


@strawberry.input(description="A task to say something about.")
class CommentHumanTaskInput:
    task_id: strawberry.ID = strawberry.field(description="Of the task.")
    comment: str = strawberry.field(description="For people.")


@strawberry.type(description="The task is open.")
class CreateHumanTaskSuccess:
    human_task: HumanTask = strawberry.field(description="The task.")


@strawberry.type(description="The fields are changed.")
class UpdateHumanTaskSuccess:
    human_task: HumanTask = strawberry.field(description="The task.")


@strawberry.type(description="The task is the caller's.")
class ClaimHumanTaskSuccess:
    human_task: HumanTask = strawberry.field(description="The task.")


@strawberry.type(description="The candidates may claim it again.")
class ReleaseHumanTaskSuccess:
    human_task: HumanTask = strawberry.field(description="The task.")


@strawberry.type(description="It has its owner.")
class AssignHumanTaskSuccess:
    human_task: HumanTask = strawberry.field(description="The task.")


@strawberry.type(description="It has its new owner.")
class DelegateHumanTaskSuccess:
    human_task: HumanTask = strawberry.field(description="The task.")


@strawberry.type(description="The others may claim it.")
class ForwardHumanTaskSuccess:
    human_task: HumanTask = strawberry.field(description="The task.")


@strawberry.type(description="The owner works on it.")
class StartHumanTaskSuccess:
    human_task: HumanTask = strawberry.field(description="The task.")


@strawberry.type(description="It is held; its clocks go on.")
class SuspendHumanTaskSuccess:
    human_task: HumanTask = strawberry.field(description="The task.")


@strawberry.type(description="It is where it was before.")
class ResumeHumanTaskSuccess:
    human_task: HumanTask = strawberry.field(description="The task.")


@strawberry.type(description="The form is handed in.")
class CompleteHumanTaskSuccess:
    human_task: HumanTask = strawberry.field(description="The task.")


@strawberry.type(description="It has failed, and its step.")
class FailHumanTaskSuccess:
    human_task: HumanTask = strawberry.field(description="The task.")


@strawberry.type(description="It is passed over.")
class SkipHumanTaskSuccess:
    human_task: HumanTask = strawberry.field(description="The task.")


@strawberry.type(description="It has ended.")
class CancelHumanTaskSuccess:
    human_task: HumanTask = strawberry.field(description="The task.")


@strawberry.type(description="It is escalated.")
class EscalateHumanTaskSuccess:
    human_task: HumanTask = strawberry.field(description="The task.")


@strawberry.type(description="The comment is kept.")
class CommentHumanTaskSuccess:
    human_task: HumanTask = strawberry.field(description="The task.")


CreateHumanTaskResult = Annotated[
    CreateHumanTaskSuccess | Failure,
    strawberry.union("CreateHumanTaskResult", description="Outcome of createHumanTask."),
]
UpdateHumanTaskResult = Annotated[
    UpdateHumanTaskSuccess | Failure,
    strawberry.union("UpdateHumanTaskResult", description="Outcome of updateHumanTask."),
]
ClaimHumanTaskResult = Annotated[
    ClaimHumanTaskSuccess | Failure,
    strawberry.union("ClaimHumanTaskResult", description="Outcome of claimHumanTask."),
]
ReleaseHumanTaskResult = Annotated[
    ReleaseHumanTaskSuccess | Failure,
    strawberry.union("ReleaseHumanTaskResult", description="Outcome of releaseHumanTask."),
]
AssignHumanTaskResult = Annotated[
    AssignHumanTaskSuccess | Failure,
    strawberry.union("AssignHumanTaskResult", description="Outcome of assignHumanTask."),
]
DelegateHumanTaskResult = Annotated[
    DelegateHumanTaskSuccess | Failure,
    strawberry.union("DelegateHumanTaskResult", description="Outcome of delegateHumanTask."),
]
ForwardHumanTaskResult = Annotated[
    ForwardHumanTaskSuccess | Failure,
    strawberry.union("ForwardHumanTaskResult", description="Outcome of forwardHumanTask."),
]
StartHumanTaskResult = Annotated[
    StartHumanTaskSuccess | Failure,
    strawberry.union("StartHumanTaskResult", description="Outcome of startHumanTask."),
]
SuspendHumanTaskResult = Annotated[
    SuspendHumanTaskSuccess | Failure,
    strawberry.union("SuspendHumanTaskResult", description="Outcome of suspendHumanTask."),
]
ResumeHumanTaskResult = Annotated[
    ResumeHumanTaskSuccess | Failure,
    strawberry.union("ResumeHumanTaskResult", description="Outcome of resumeHumanTask."),
]
CompleteHumanTaskResult = Annotated[
    CompleteHumanTaskSuccess | Failure,
    strawberry.union("CompleteHumanTaskResult", description="Outcome of completeHumanTask."),
]
FailHumanTaskResult = Annotated[
    FailHumanTaskSuccess | Failure,
    strawberry.union("FailHumanTaskResult", description="Outcome of failHumanTask."),
]
SkipHumanTaskResult = Annotated[
    SkipHumanTaskSuccess | Failure,
    strawberry.union("SkipHumanTaskResult", description="Outcome of skipHumanTask."),
]
CancelHumanTaskResult = Annotated[
    CancelHumanTaskSuccess | Failure,
    strawberry.union("CancelHumanTaskResult", description="Outcome of cancelHumanTask."),
]
EscalateHumanTaskResult = Annotated[
    EscalateHumanTaskSuccess | Failure,
    strawberry.union("EscalateHumanTaskResult", description="Outcome of escalateHumanTask."),
]
CommentHumanTaskResult = Annotated[
    CommentHumanTaskSuccess | Failure,
    strawberry.union("CommentHumanTaskResult", description="Outcome of commentHumanTask."),
]
