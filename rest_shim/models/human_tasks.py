"""Bodies of human tasks."""

# ruff: noqa: RUF009 - `wire` makes a dataclass field

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from engine.clock import rfc3339
from engine.definitions.model import Priority
from engine.definitions.shape import DEFINITION_SCHEMA
from engine.errors import Fault
from engine.jsonvalue import Json, JsonObject
from engine.services.requests import WRONG_VALUE
from engine.services.task_values import (
    AssignRequest,
    Comment,
    CommentRequest,
    CompleteRequest,
    CreateTaskRequest,
    EscalateRequest,
    ForwardRequest,
    HumanTask,
    ReasonRequest,
    TrailEntry,
    UpdateTaskRequest,
)
from engine.tasks.escalation import EscalationAction
from engine.tasks.states import TaskStatus
from engine.tasks.task import Vote
from rest_shim.models.paging import CURSOR, DEFAULT_LIMIT, LIMIT, PAGE
from rest_shim.shapes import Rule, wire

UNCHANGED: Final = "unchanged"
_REASON: Final = Rule("Stands in the task's trail.", max_length=2_000)
_NAME: Final = Rule("Of a person.", min_length=1, max_length=500)
_NAMES: Final = Rule("Of people.", min_length=1, max_length=500)
_GROUPS: Final = Rule("Of groups.", min_length=1, max_length=500)


@dataclass(frozen=True, slots=True)
class TrailBody:
    """One step of a task."""

    seq: int = wire("From 1, without gaps.")
    at: datetime = wire("When.")
    actor: str = wire("Who; `engine` for timers and the ends of executions.")
    on_behalf_of: str | None = wire("For whom, where that is somebody else.")
    from_: TaskStatus | None = wire("The state before; null of its creation.")
    to: TaskStatus = wire("The state after.")
    action: str = wire("The operation.")
    reason: str = wire("Why.")
    request_id: str = wire("Of the call.")
    details: JsonObject | None = wire("Facts of the operation.")

    @classmethod
    def of(cls, entry: TrailEntry) -> "TrailBody":
        """Body of a step."""
        return cls(
            seq=entry.seq,
            at=entry.at,
            actor=entry.actor,
            on_behalf_of=entry.on_behalf_of,
            from_=entry.from_status,
            to=entry.to_status,
            action=entry.action,
            reason=entry.reason,
            request_id=entry.request_id,
            details=entry.details,
        )


@dataclass(frozen=True, slots=True)
class VoteBody:
    """One person's decision on a task that asks for several."""

    by: str = wire("Who.")
    at: datetime = wire("When.")
    approved: bool = wire("Whether for or against.")
    form_data: JsonObject = wire("What was handed in.")

    @classmethod
    def of(cls, vote: Vote) -> "VoteBody":
        """Body of a vote."""
        return cls(vote.by, vote.at, vote.approved, vote.form_data)


@dataclass(frozen=True, slots=True)
class HumanTaskBody:
    """Work that a person must do."""

    id: UUID = wire("Set by the server.")
    execution_id: UUID | None = wire("The execution that waits for it; null of a task that no step has opened.")
    step_id: str | None = wire("The step that waits for it.")
    workflow_id: UUID | None = wire("The workflow of that execution.")
    iteration: str | None = wire("Loop indices joined by `.`.")
    title: str = wire("What is to be done.")
    description: str = wire("More about it.")
    assignees: tuple[str, ...] = wire("People who may claim it.")
    candidate_groups: tuple[str, ...] = wire("Groups whose members may claim it.")
    excluded: tuple[str, ...] = wire("Who may not own it: the initiator under four eyes, and who has voted.")
    owner: str | None = wire("Who has it.")
    status: TaskStatus = wire("Where it stands.")
    priority: Priority = wire("How urgent it is.")
    form_config: JsonObject = wire("The form to fill in.")
    form_data: JsonObject | None = wire("What was handed in.")
    skippable: bool = wire("Whether it may be passed over.")
    approvals: JsonObject | None = wire("How many must approve, of how many.")
    votes: tuple[VoteBody, ...] = wire("Decisions so far.")
    sla: JsonObject = wire("Time limits from activation.")
    escalation: tuple[Json, ...] = wire("What happens when it takes too long.")
    start_by: datetime | None = wire("Until when somebody must have started.")
    due_date: datetime | None = wire("Until when it must have ended.")
    sla_breached: bool = wire("Whether one of the two was missed.")
    escalation_level: int = wire("How many escalations there were.")
    created_by: str = wire("Who opened it, or started the execution that did.")
    submitted_by: str | None = wire("Who handed the form in.")
    submitted_at: datetime | None = wire("When it was handed in.")
    created_at: datetime = wire("When it was opened.")
    updated_at: datetime = wire("When it last changed.")
    completed_at: datetime | None = wire("When it reached a final state.")
    revision: int = wire("Counts changes.")
    audit_trail: tuple[TrailBody, ...] = wire("Every step so far.")

    @classmethod
    def of(cls, task: HumanTask) -> "HumanTaskBody":
        """Body of a task."""
        return cls(
            id=task.id,
            execution_id=task.execution_id,
            step_id=task.step_id,
            workflow_id=task.workflow_id,
            iteration=task.iteration,
            title=task.title,
            description=task.description,
            assignees=task.assignees,
            candidate_groups=task.candidate_groups,
            excluded=task.excluded,
            owner=task.owner,
            status=task.status,
            priority=task.priority,
            form_config=task.form_config,
            form_data=task.form_data,
            skippable=task.skippable,
            approvals=task.approvals,
            votes=tuple(VoteBody.of(vote) for vote in task.votes),
            sla=task.sla,
            escalation=task.escalation,
            start_by=task.start_by,
            due_date=task.due_at,
            sla_breached=task.sla_breached,
            escalation_level=task.escalation_level,
            created_by=task.created_by,
            submitted_by=task.submitted_by,
            submitted_at=task.submitted_at,
            created_at=task.created_at,
            updated_at=task.updated_at,
            completed_at=task.closed_at,
            revision=task.revision,
            audit_trail=tuple(TrailBody.of(entry) for entry in task.trail or ()),
        )


@dataclass(frozen=True, slots=True)
class CommentBodyOut:
    """What somebody said about a task."""

    id: UUID = wire("Set by the server.")
    author: str = wire("Who.")
    comment: str = wire("What.")
    created_at: datetime = wire("When.")

    @classmethod
    def of(cls, comment: Comment) -> "CommentBodyOut":
        """Body of a comment."""
        return cls(comment.id, comment.author, comment.text, comment.created_at)


@dataclass(frozen=True, slots=True)
class HumanTaskQuery:
    """Which tasks."""

    status: TaskStatus | None = wire("Only those of this status.", default=None)
    assignee: str | None = wire(Rule("Only those that this person owns or may claim.", max_length=500), default=None)
    candidate_group: str | None = wire(Rule("Only those of this group.", max_length=500), default=None)
    execution_id: UUID | None = wire("Only those of this execution.", default=None)
    workflow_id: UUID | None = wire("Only those of this workflow.", default=None)
    step_id: str | None = wire(Rule("Only those of this step.", max_length=500), default=None)
    due_before: datetime | None = wire("Only those that are due before this instant.", default=None)
    page: int | None = wire(PAGE, default=None)
    limit: int = wire(LIMIT, default=DEFAULT_LIMIT)
    cursor: str | None = wire(CURSOR, default=None)


def _member(name: str) -> JsonObject:
    """Schema of a member of a human step's config, as the published schema of definitions has it."""
    parts: Any = DEFINITION_SCHEMA["$defs"]
    reference = parts["humanConfig"]["properties"][name].get("$ref", "")
    return {"$ref": f"#/components/schemas/Definition{reference[8:9].upper()}{reference[9:]}"}


@dataclass(frozen=True, slots=True)
class CreateHumanTaskBody:
    """A task that no step opens."""

    title: str = wire(Rule("What is to be done.", min_length=1, max_length=500))
    description: str | None = wire(Rule("More about it.", max_length=10_000), default=None)
    assignees: tuple[str, ...] = wire(_NAMES, default=())
    candidate_groups: tuple[str, ...] = wire(_GROUPS, default=())
    form_config: JsonObject | None = wire(Rule("The form.", schema=_member("formConfig")), default=None)
    priority: Priority | None = wire("How urgent it is.", default=None)
    due_date: datetime | None = wire("Until when it must have ended.", default=None)
    due_in_ms: int | None = wire(Rule("The same from now on, in milliseconds.", minimum=1), default=None)
    sla: JsonObject | None = wire(Rule("Time limits from now on.", schema=_member("sla")), default=None)
    escalation: tuple[JsonObject, ...] | None = wire("What happens when it takes too long.", default=None)
    exclude_initiator: bool = wire("Whether who opens it, or started its execution, may not own it.", default=False)
    approvals: JsonObject | None = wire("`{required, of}`: how many must approve.", default=None)
    skippable: bool = wire("Whether it may be passed over.", default=False)
    execution_id: UUID | None = wire("Whose work it is; it becomes obsolete when that execution ends.", default=None)

    def request(self) -> CreateTaskRequest:
        """Request of the body."""
        assignees: list[Json] = [*self.assignees]
        groups: list[Json] = [*self.candidate_groups]
        levels: list[Json] | None = None if self.escalation is None else [*self.escalation]
        asked: JsonObject = {
            "description": self.description,
            "assignees": assignees,
            "candidateGroups": groups,
            "formConfig": self.form_config,
            "priority": None if self.priority is None else self.priority.name.lower(),
            "dueDate": None if self.due_date is None else rfc3339(self.due_date),
            "dueInMs": self.due_in_ms,
            "sla": self.sla,
            "escalation": levels,
            "excludeInitiator": self.exclude_initiator,
            "approvals": self.approvals,
            "skippable": self.skippable,
        }
        config: JsonObject = {name: value for name, value in asked.items() if value is not None}
        return CreateTaskRequest(title=self.title, config=config, execution_id=self.execution_id)


@dataclass(frozen=True, slots=True)
class ReasonBody:
    """Why."""

    reason: str | None = wire(_REASON, default=None)

    def request(self) -> ReasonRequest:
        """Request of the body."""
        return ReasonRequest(reason=self.reason or "")


@dataclass(frozen=True, slots=True)
class AssignBody:
    """To whom."""

    assignee: str = wire(_NAME)
    reason: str | None = wire(_REASON, default=None)

    def request(self) -> AssignRequest:
        """Request of the body."""
        return AssignRequest(assignee=self.assignee, reason=self.reason or "")


@dataclass(frozen=True, slots=True)
class ForwardBody:
    """To which candidates; at least one is named."""

    assignees: tuple[str, ...] = wire(_NAMES, default=())
    candidate_groups: tuple[str, ...] = wire(_GROUPS, default=())
    reason: str | None = wire(_REASON, default=None)

    def request(self) -> ForwardRequest:
        """Request of the body."""
        return ForwardRequest(self.assignees, self.candidate_groups, self.reason or "")


@dataclass(frozen=True, slots=True)
class CompleteBody:
    """The form as it was filled in."""

    form_data: JsonObject | None = wire(Rule("Held to the task's `formConfig`."), default=None)
    comment: str | None = wire(Rule("Kept with the task's comments.", max_length=10_000), default=None)

    def request(self) -> CompleteRequest:
        """Request of the body."""
        return CompleteRequest(form_data=self.form_data or {}, comment=self.comment or "")


@dataclass(frozen=True, slots=True)
class EscalateBody:
    """What to do; without an action what the task's next level says, else its priority is raised."""

    action: EscalationAction | None = wire("What to do.", default=None)
    assignees: tuple[str, ...] = wire(_NAMES, default=())
    groups: tuple[str, ...] = wire(_GROUPS, default=())
    reason: str | None = wire(_REASON, default=None)

    def request(self) -> EscalateRequest:
        """Request of the body."""
        return EscalateRequest(self.action, self.assignees, self.groups, self.reason or "")


@dataclass(frozen=True, slots=True)
class UpdateHumanTaskBody:
    """What to change; what is not named stays."""

    title: str | None = wire(Rule("What is to be done.", min_length=1, max_length=500), default=None)
    description: str | None = wire(Rule("More about it.", max_length=10_000), default=None)
    priority: Priority | None = wire("How urgent it is.", default=None)
    due_date: object = wire(
        Rule(
            "Until when it must have ended; null: no deadline.",
            schema={"anyOf": [{"type": "string", "format": "date-time"}, {"type": "null"}]},
        ),
        default=UNCHANGED,
    )

    def request(self) -> UpdateTaskRequest:
        """Request of the body; `dueDate` is told apart from one that is not there, and read here."""
        due_at, faults = _due(self.due_date)
        return UpdateTaskRequest(
            faults=faults,
            title=self.title,
            description=self.description,
            priority=self.priority,
            due_at=due_at,
            removes_due_date=self.due_date is None,
        )


@dataclass(frozen=True, slots=True)
class CommentBody:
    """What to say about it."""

    comment: str = wire(Rule("For people.", min_length=1, max_length=10_000))

    def request(self) -> CommentRequest:
        """Request of the body."""
        return CommentRequest(text=self.comment)


def _due(value: object) -> tuple[datetime | None, tuple[Fault, ...]]:
    if value is None or value == UNCHANGED:
        return None, ()
    try:
        found = datetime.fromisoformat(value) if isinstance(value, str) else None
    except ValueError:
        found = None
    if found is None or found.tzinfo is None:
        hint = "Give an instant with its offset: 2026-03-01T12:00:00Z."
        return None, (Fault(WRONG_VALUE, "/dueDate", "The value is no instant.", hint),)
    return found, ()
