"""What the use cases of human tasks take and give."""

from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from engine.definitions.model import Priority
from engine.jsonvalue import Json, JsonObject
from engine.services.requests import Request
from engine.tasks.escalation import EscalationAction
from engine.tasks.states import TaskStatus
from engine.tasks.task import Vote


@dataclass(frozen=True, slots=True)
class TrailEntry:
    """One step of a task's trail; `seq` counts from 1 without gaps.

    Attributes:
        on_behalf_of: for whom the actor acted; None: for themselves.
        from_status: None of its creation.
    """

    seq: int
    at: datetime
    actor: str
    on_behalf_of: str | None
    from_status: TaskStatus | None
    to_status: TaskStatus
    action: str
    reason: str
    request_id: str
    details: JsonObject | None = None


@dataclass(frozen=True, slots=True)
class Comment:
    """What somebody said about a task."""

    id: UUID
    author: str
    text: str
    created_at: datetime


@dataclass(frozen=True, slots=True)
class HumanTask:
    """Work that a person must do.

    Attributes:
        step_id: of the step that opened it, without its loops; None of a task that no step has opened.
        excluded: who may not own it.
        due_at: until when it must have ended; `due_date` outside.
        trail: None where it was not asked for (see `HumanTasks.trails_of`).
    """

    id: UUID
    execution_id: UUID | None
    workflow_id: UUID | None
    step_id: str | None
    iteration: str | None
    title: str
    description: str
    assignees: tuple[str, ...]
    candidate_groups: tuple[str, ...]
    excluded: tuple[str, ...]
    owner: str | None
    status: TaskStatus
    priority: Priority
    form_config: JsonObject
    form_data: JsonObject | None
    skippable: bool
    approvals: JsonObject | None
    votes: tuple[Vote, ...]
    sla: JsonObject
    escalation: tuple[Json, ...]
    start_by: datetime | None
    due_at: datetime | None
    sla_breached: bool
    escalation_level: int
    created_by: str
    submitted_by: str | None
    submitted_at: datetime | None
    created_at: datetime
    updated_at: datetime
    closed_at: datetime | None
    revision: int
    trail: tuple[TrailEntry, ...] | None = None


@dataclass(frozen=True, slots=True)
class TaskFilter:
    """Which tasks; members that are None do not filter.

    Attributes:
        assignee: owns it, or is named as one who may claim it.
    """

    status: TaskStatus | None = None
    assignee: str | None = None
    candidate_group: str | None = None
    execution_id: UUID | None = None
    workflow_id: UUID | None = None
    step_id: str | None = None
    due_before: datetime | None = None


@dataclass(frozen=True, slots=True)
class TaskWatch:
    """Whose tasks to watch: those of a person, of a group, or both; of neither: the caller's own and their groups'."""

    assignee: str | None = None
    candidate_group: str | None = None


@dataclass(frozen=True, slots=True)
class TaskEvent:
    """One step of a watched task. `id` goes on after it."""

    id: str
    entry: TrailEntry
    task: HumanTask


@dataclass(frozen=True, slots=True)
class CreateTaskRequest(Request):
    """A task that no step opens; `config` has the members that the config of a human step may have.

    Attributes:
        execution_id: whose work it is; the task becomes obsolete when that execution ends.
    """

    title: str = ""
    config: JsonObject = field(default_factory=dict)
    execution_id: UUID | None = None


@dataclass(frozen=True, slots=True)
class ReasonRequest(Request):
    """Why; it stands in the trail."""

    reason: str = ""


@dataclass(frozen=True, slots=True)
class AssignRequest(Request):
    """To whom."""

    assignee: str = ""
    reason: str = ""


@dataclass(frozen=True, slots=True)
class ForwardRequest(Request):
    """To which candidates."""

    assignees: tuple[str, ...] = ()
    candidate_groups: tuple[str, ...] = ()
    reason: str = ""


@dataclass(frozen=True, slots=True)
class CompleteRequest(Request):
    """The form as it was filled in."""

    form_data: Json = field(default_factory=dict)
    comment: str = ""


@dataclass(frozen=True, slots=True)
class EscalateRequest(Request):
    """What to do; without an action what the task's next level says, else its priority is raised."""

    action: EscalationAction | None = None
    assignees: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()
    reason: str = ""


@dataclass(frozen=True, slots=True)
class UpdateTaskRequest(Request):
    """Fields to change; None leaves one as it is.

    Attributes:
        removes_due_date: it has no deadline from now on.
    """

    title: str | None = None
    description: str | None = None
    priority: Priority | None = None
    due_at: datetime | None = None
    removes_due_date: bool = False


@dataclass(frozen=True, slots=True)
class CommentRequest(Request):
    """What to say about it."""

    text: str = ""
