"""A human task as the state machine sees it, and who somebody is to it."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from engine.definitions.model import Priority
from engine.identity.actor import Actor
from engine.jsonvalue import JsonObject
from engine.tasks.states import Part, TaskStatus

ADMINISTRATOR_ROLE = "admin"


@dataclass(frozen=True, slots=True)
class Approvals:
    """Several people must decide: `required` approvals of `of` people."""

    required: int
    of: int


@dataclass(frozen=True, slots=True)
class Vote:
    """One person's decision on a task that asks for several."""

    by: str
    at: datetime
    approved: bool
    form_data: JsonObject


@dataclass(frozen=True, slots=True)
class Task:
    """What decides about a task's operations.

    Attributes:
        assignees: people who may claim it.
        candidate_groups: groups whose members may claim it.
        excluded: people who may not own it, whatever else they are (four eyes, earlier votes).
        suspended_from: the state to which `resume` leads back.
        priority: 0 (critical) to 3 (low), as `engine.definitions.model.Priority`.
        escalation_level: how many escalations there were.
        start_by: until when somebody must have started; None: whenever.
        due_at: until when it must have reached a final state; None: whenever.
        sla_breached: one of the two passed before its goal was reached.
    """

    id: UUID
    status: TaskStatus
    assignees: tuple[str, ...] = ()
    candidate_groups: tuple[str, ...] = ()
    excluded: tuple[str, ...] = ()
    owner: str | None = None
    suspended_from: TaskStatus | None = None
    skippable: bool = False
    approvals: Approvals | None = None
    votes: tuple[Vote, ...] = ()
    priority: int = int(Priority.NORMAL)
    escalation_level: int = 0
    start_by: datetime | None = None
    due_at: datetime | None = None
    sla_breached: bool = False

    @property
    def is_started(self) -> bool:
        """Whether its owner works on it, or did before it was suspended."""
        return TaskStatus.IN_PROGRESS in {self.status, self.suspended_from}


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody who acts on a task."""

    subject: str
    groups: frozenset[str] = frozenset()
    is_administrator: bool = False
    is_system: bool = False


SYSTEM = Person("system", is_system=True)
"""Who acts where a timer or the end of an execution does."""


def person_of(actor: Actor) -> Person:
    """The person behind a call."""
    return Person(actor.subject, actor.groups, ADMINISTRATOR_ROLE in actor.roles)


def parts_of(task: Task, person: Person) -> frozenset[Part]:
    """Everything that somebody is to a task. Nobody listed at all: everybody is a candidate."""
    parts = set()
    if person.is_system:
        parts.add(Part.SYSTEM)
    if person.is_administrator:
        parts.add(Part.ADMINISTRATOR)
    if task.owner is not None and task.owner == person.subject:
        parts.add(Part.OWNER)
    if is_candidate(task, person):
        parts.add(Part.CANDIDATE)
    return frozenset(parts)


def is_candidate(task: Task, person: Person) -> bool:
    """Whether somebody may own the task."""
    if person.is_system or person.subject in task.excluded:
        return False
    if not task.assignees and not task.candidate_groups:
        return True
    return person.subject in task.assignees or bool(person.groups.intersection(task.candidate_groups))
