"""Human tasks of a played execution: opened as steps ask, done as the case says, watched by their own timers."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from engine.definitions.model import Priority
from engine.errors import Conflict, Denied, ValidationFailed
from engine.jsonvalue import JsonObject
from engine.runtime.effects import OpenTask
from engine.runtime.events import TaskClosed
from engine.runtime.states import StepKey
from engine.runtime.transitions import Failure
from engine.services.task_forms import checked_form
from engine.services.task_news import failure_of, output_of
from engine.tasks import operations
from engine.tasks.clocks import TaskTimer
from engine.tasks.firing import fire, timer_after
from engine.tasks.opening import Draft, UnusableTaskError, draft_of, open_task
from engine.tasks.operations import Step
from engine.tasks.states import TaskStatus
from engine.tasks.task import SYSTEM, Person, Task
from scripts.workflow_tests.canned import Canned, CaseError, RefusedError

_CLOCK: Final = "engine"
"""Who acts where a timer does."""
_SOMEBODY: Final = "somebody"
"""Who does a task whose result names nobody."""


@dataclass(frozen=True, slots=True)
class Work:
    """Somebody starts (`hands_in` false) or ends a task with the result of the case."""

    key: StepKey
    canned: Canned
    hands_in: bool


@dataclass(frozen=True, slots=True)
class Alarm:
    """A timer of a task is due."""

    key: StepKey
    timer: TaskTimer


Due = tuple[datetime, Work | Alarm]


@dataclass(frozen=True, slots=True)
class Move:
    """One operation on a task, when it happened, and where it led."""

    operation: str
    at: datetime
    status: str


@dataclass(slots=True)
class Held:
    """A task as it stands now, and all that was done to it."""

    effect: OpenTask
    draft: Draft
    task: Task
    moves: list[Move] = field(default_factory=list)

    def take(self, step: Step, at: datetime) -> None:
        """Go on from a step."""
        self.task = step.task
        self.moves.append(Move(step.operation.value, at, step.after.value))


class Desk:
    """All tasks of one execution; what it returns is for the agenda of the play."""

    def __init__(self, initiator: str) -> None:
        self._initiator = initiator
        self.held: dict[StepKey, Held] = {}

    def open(self, effect: OpenTask, now: datetime) -> tuple[Due, ...] | TaskClosed:
        """Open a task; its timers. Its end at once, where its config is unusable."""
        task_id = UUID(int=len(self.held) + 1)
        name = effect.key.path.rsplit("/", 1)[-1]
        try:
            draft = draft_of(effect.config, name, self._initiator)
        except UnusableTaskError as error:
            failure = Failure("task.config_invalid", f"No task could be opened: {error}")
            return TaskClosed(effect.key, effect.generation, task_id, "failed", failure=failure)
        opened = open_task(task_id, draft, now)
        held = self.held[effect.key] = Held(effect, draft, opened.created)
        held.take(opened.activated, now)
        return tuple((timer.due_at, Alarm(effect.key, timer)) for timer in opened.timers)

    def close(self, key: StepKey, now: datetime) -> None:
        """The execution no longer needs the task."""
        held = self.held.get(key)
        if held is not None and held.task.status.is_open:
            held.take(operations.make_obsolete(held.task, SYSTEM), now)

    def work_on(self, key: StepKey, canned: Canned, now: datetime) -> Iterator[Due]:
        """When somebody starts on a task and when it is handed in."""
        start_ms = canned.after_ms if canned.start_after_ms is None else canned.start_after_ms
        if start_ms > canned.after_ms:
            raise CaseError(f"Task {key.path!r} is handed in before it is started.")
        yield now + timedelta(milliseconds=start_ms), Work(key, canned, hands_in=False)
        yield now + timedelta(milliseconds=canned.after_ms), Work(key, canned, hands_in=True)

    def meet(self, due: Work | Alarm, now: datetime) -> tuple[TaskClosed | None, tuple[Due, ...]]:
        """What an entry of the agenda does: the news for the execution, and what is due after it.

        Raises:
            RefusedError: somebody does what this task does not allow.
        """
        held = self.held[due.key]
        if not held.task.status.is_open:
            return None, ()
        if isinstance(due, Alarm):
            return self._ring(held, due, now)
        try:
            return self._do(held, due, now), ()
        except (Conflict, Denied, ValidationFailed) as error:
            raise RefusedError(f"Task {due.key.path!r}: {_said(error)}") from error

    def _ring(self, held: Held, alarm: Alarm, now: datetime) -> tuple[TaskClosed | None, tuple[Due, ...]]:
        step = fire(held.task, alarm.timer, held.draft.escalation)
        if step is None:
            return None, ()
        held.take(step, now)
        if not held.task.status.is_open:
            return _failed(held, _CLOCK), ()
        after = timer_after(alarm.timer, held.draft.escalation, now)
        return None, () if after is None else ((after.due_at, Alarm(alarm.key, after)),)

    def _do(self, held: Held, work: Work, now: datetime) -> TaskClosed | None:
        person = self._person(held, work.canned)
        if not work.hands_in:
            if held.task.owner != person.subject:
                held.take(operations.claim(held.task, person), now)
            held.take(operations.start(held.task, person, now), now)
            return None
        if work.canned.failure is not None:
            held.take(operations.fail(held.task, person), now)
            return _failed(held, person.subject, work.canned.failure.message)
        given = work.canned.output
        form = checked_form(held.draft.form_config or {}, {} if given is None else given)
        held.take(operations.complete(held.task, person, form, now), now)
        if held.task.status is not TaskStatus.COMPLETED:
            return None
        effect, output = held.effect, output_of(held.task, form, person.subject, now)
        return TaskClosed(effect.key, effect.generation, held.task.id, held.task.status.value, output)

    def _person(self, held: Held, canned: Canned) -> Person:
        """Who is named; else the owner, else one of those to whom the task is offered."""
        task = held.task
        groups = frozenset(task.candidate_groups)
        if canned.by is not None:
            return Person(canned.by, groups)
        return Person(task.owner or next(iter(task.assignees), _SOMEBODY), groups)


def facts_of(held: Held, start: datetime) -> JsonObject:
    """What a case may expect of a task; instants are milliseconds after the start of the execution."""
    task = held.task
    return {
        "status": task.status.value,
        "owner": task.owner,
        "assignees": list(task.assignees),
        "candidateGroups": list(task.candidate_groups),
        "priority": Priority(task.priority).name.lower(),
        "slaBreached": task.sla_breached,
        "escalationLevel": task.escalation_level,
        "moves": [[move.operation, (move.at - start) // timedelta(milliseconds=1)] for move in held.moves],
    }


def _failed(held: Held, by: str, reason: str = "") -> TaskClosed:
    effect, task = held.effect, held.task
    failure = failure_of(task, held.draft.title, by, reason)
    return TaskClosed(effect.key, effect.generation, task.id, task.status.value, failure=failure)


def _said(error: Conflict | Denied | ValidationFailed) -> str:
    if isinstance(error, ValidationFailed):
        return " ".join(f"{fault.path}: {fault.message}" for fault in error.faults)
    return error.message
