"""The two clocks of a task, from its activation: `start` (until somebody works on it) and `completion` (until it ends).

Suspending stops neither. All instants are computed here, from the instant of activation; a timer that fires looks at
the task again (`goal_reached`).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from engine.tasks.task import Task


class Clock(StrEnum):
    """Which clock."""

    START = "start"
    COMPLETION = "completion"


class TaskTimerKind(StrEnum):
    """Timers of tasks, beside those of executions in the one table of timers."""

    START = "task_start"
    START_WARNING = "task_start_warning"
    COMPLETION = "task_completion"
    COMPLETION_WARNING = "task_completion_warning"
    ESCALATION = "task_escalation"

    @property
    def clock(self) -> Clock | None:
        """Whose end or warning it is; None for escalations."""
        return _CLOCKS.get(self)

    @property
    def is_warning(self) -> bool:
        """True where it fires before the end of its clock."""
        return self in {TaskTimerKind.START_WARNING, TaskTimerKind.COMPLETION_WARNING}


_CLOCKS: Mapping[TaskTimerKind, Clock] = {
    TaskTimerKind.START: Clock.START,
    TaskTimerKind.START_WARNING: Clock.START,
    TaskTimerKind.COMPLETION: Clock.COMPLETION,
    TaskTimerKind.COMPLETION_WARNING: Clock.COMPLETION,
}
START_TIMERS = (TaskTimerKind.START, TaskTimerKind.START_WARNING)
COMPLETION_TIMERS = (TaskTimerKind.COMPLETION, TaskTimerKind.COMPLETION_WARNING)


@dataclass(frozen=True, slots=True)
class Sla:
    """Time limits, in milliseconds from activation; None: no limit.

    Attributes:
        warn_at_pct: share of each clock after which a warning is given, above 0 and below 100.
    """

    start_ms: int | None = None
    completion_ms: int | None = None
    warn_at_pct: float | None = None


@dataclass(frozen=True, slots=True)
class TaskTimer:
    """One timer of a task.

    Attributes:
        level: position in the list of escalations; None for clocks.
        repeat: how often an escalation has fired before.
    """

    kind: TaskTimerKind
    due_at: datetime
    level: int | None = None
    repeat: int = 0


@dataclass(frozen=True, slots=True)
class Deadlines:
    """When the clocks of a task end; None: it has none."""

    start_by: datetime | None
    due_at: datetime | None


def deadlines(activated_at: datetime, sla: Sla, due_at: datetime | None, due_in_ms: int | None) -> Deadlines:
    """The ends of both clocks; of several limits of one clock the earliest counts."""
    limits = [due_at] if due_at is not None else []
    limits += [activated_at + _ms(length) for length in (due_in_ms, sla.completion_ms) if length is not None]
    start_by = None if sla.start_ms is None else activated_at + _ms(sla.start_ms)
    return Deadlines(start_by, min(limits, default=None))


def clock_timers(activated_at: datetime, sla: Sla, ends: Deadlines) -> tuple[TaskTimer, ...]:
    """Timers of both clocks. A warning that would lie before the activation is not given."""
    found: list[TaskTimer] = []
    for end_at, (kind, warning) in ((ends.start_by, START_TIMERS), (ends.due_at, COMPLETION_TIMERS)):
        if end_at is None:
            continue
        found.append(TaskTimer(kind, end_at))
        if sla.warn_at_pct is not None and end_at > activated_at:
            warn_at = activated_at + (end_at - activated_at) * (sla.warn_at_pct / 100)
            found.append(TaskTimer(warning, warn_at))
    return tuple(found)


def goal_reached(task: Task, clock: Clock) -> bool:
    """Whether the end of the clock no longer matters: the task has ended, or somebody has started."""
    return not task.status.is_open or (clock is Clock.START and task.is_started)


def _ms(length: int) -> timedelta:
    return timedelta(milliseconds=length)
