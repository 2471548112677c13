"""What a timer does to its task at the moment that it fires: the task is looked at again."""

from collections.abc import Sequence
from datetime import datetime

from engine.tasks import operations
from engine.tasks.clocks import TaskTimer, goal_reached
from engine.tasks.escalation import Level, by_timer, next_timer
from engine.tasks.operations import Step
from engine.tasks.task import Task


def fire(task: Task, timer: TaskTimer, levels: Sequence[Level]) -> Step | None:
    """What becomes of the task as it stands now; None: nothing, its goal was reached."""
    clock = timer.kind.clock
    if clock is None:
        level = _level_of(timer, levels)
        return None if level is None else by_timer(task, level)
    if goal_reached(task, clock):
        return None
    return operations.warn(task, clock.value) if timer.kind.is_warning else operations.breach(task, clock.value)


def timer_after(timer: TaskTimer, levels: Sequence[Level], now: datetime) -> TaskTimer | None:
    """The next timer of a level that repeats; None: it fires no more."""
    level = _level_of(timer, levels)
    return None if level is None else next_timer(level, timer, now)


def _level_of(timer: TaskTimer, levels: Sequence[Level]) -> Level | None:
    return levels[timer.level] if timer.level is not None and timer.level < len(levels) else None
