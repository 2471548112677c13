"""Escalation: what happens, level by level, to a task that takes too long."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from engine.definitions.notifications import ESCALATION, actions_of
from engine.errors import Conflict
from engine.jsonvalue import JsonObject
from engine.tasks import operations
from engine.tasks.clocks import TaskTimer, TaskTimerKind
from engine.tasks.operations import NotTheirs, Step
from engine.tasks.states import Part
from engine.tasks.task import SYSTEM, Person, Task, parts_of


class EscalationAction(StrEnum):
    """What a level does."""

    NOTIFY = "notify"
    ADD_CANDIDATES = "addCandidates"
    REASSIGN = "reassign"
    RAISE_PRIORITY = "raisePriority"
    FAIL = "fail"


@dataclass(frozen=True, slots=True)
class Level:
    """One level.

    Attributes:
        after_ms: from the activation of the task.
        repeat_ms: after each time that it fired, while the task is open; None: it fires once.
        notifications: actions that are run when it fires, their templates not rendered yet; None: nothing is said.
    """

    after_ms: int
    action: EscalationAction
    assignees: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()
    repeat_ms: int | None = None
    notifications: tuple[JsonObject, ...] | None = None


_OF_OWNERS = frozenset({EscalationAction.REASSIGN, EscalationAction.FAIL})


def escalation_timers(activated_at: datetime, levels: Sequence[Level]) -> tuple[TaskTimer, ...]:
    """First timers of all levels."""
    return tuple(
        TaskTimer(TaskTimerKind.ESCALATION, activated_at + timedelta(milliseconds=level.after_ms), index)
        for index, level in enumerate(levels)
    )


def next_timer(level: Level, fired: TaskTimer, now: datetime) -> TaskTimer | None:
    """The timer after one that has fired; None: the level fires no more.

    Instants keep the rhythm of the first one. Those that passed while nobody looked are not made up for: one escalation
    stands for all of them.
    """
    if level.repeat_ms is None:
        return None
    rhythm = timedelta(milliseconds=level.repeat_ms)
    passed = max(0, (now - fired.due_at) // rhythm)
    return TaskTimer(fired.kind, fired.due_at + (passed + 1) * rhythm, fired.level, fired.repeat + passed + 1)


def escalate(task: Task, level: Level, person: Person = SYSTEM) -> Step:
    """Do what a level says, asked for by a timer or by a person.

    Raises:
        Conflict: the task has ended.
        NotTheirs: the person is nothing to the task, or takes it from its owner without being owner or administrator.
    """
    takes_away = level.action in _OF_OWNERS and task.status.is_open
    if takes_away and not parts_of(task, person) & {Part.OWNER, Part.ADMINISTRATOR, Part.SYSTEM}:
        raise NotTheirs("Only its owner or an administrator may take the task away.", code="task.not_owner")
    match level.action:
        case EscalationAction.NOTIFY:
            return operations.notify(task, person, level.assignees, level.groups)
        case EscalationAction.ADD_CANDIDATES:
            return operations.add_candidates(task, person, level.assignees, level.groups)
        case EscalationAction.REASSIGN:
            return operations.reassign(task, person, level.assignees, level.groups)
        case EscalationAction.RAISE_PRIORITY:
            return operations.raise_priority(task, person)
        case EscalationAction.FAIL:
            return operations.fail_by_escalation(task, person)


def notifications_of(task: Task, level: Level) -> tuple[JsonObject, ...]:
    """What a level sends: what it says; of `notify` without a word, mail to those who have an address.

    These are the people it names, else those whom the task waits for. Groups have no addresses: who watches the task,
    and callbacks, hear of it all the same.
    """
    if level.notifications is not None:
        return level.notifications
    if level.action is not EscalationAction.NOTIFY:
        return ()
    waited_for = (task.owner,) if task.owner is not None else task.assignees
    return actions_of(level.assignees or waited_for, ESCALATION)


def by_timer(task: Task, level: Level) -> Step | None:
    """Do what a level says when its time has come; None: the task has ended meanwhile, nothing happens."""
    try:
        return escalate(task, level)
    except Conflict:
        return None
