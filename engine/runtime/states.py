"""States of executions and steps."""

from enum import StrEnum
from typing import Final, NamedTuple


class ExecutionStatus(StrEnum):
    """Where an execution stands.

    queued: accepted, no worker has taken it yet. running: a worker advances it, or it waits for a timer, a person, a
    child or a signal. paused: held by a person. completed, failed, cancelled: final.
    """

    QUEUED = "queued"
    RUNNING = "running"
    PAUSED = "paused"
    COMPLETED = "completed"
    FAILED = "failed"
    CANCELLED = "cancelled"

    @property
    def is_final(self) -> bool:
        """True when only a retry asked for by a person can move it again."""
        return self in FINAL_EXECUTION


class StepStatus(StrEnum):
    """Where a step stands.

    pending: not decided yet. running: an attempt is out (its intent is recorded). waiting: held by a timer, a task, a
    child, a signal or the back-off before the next attempt. in_doubt: a crash left the outcome of an `at_most_once`
    attempt unknown. completed, failed, skipped, cancelled: final.
    """

    PENDING = "pending"
    RUNNING = "running"
    WAITING = "waiting"
    COMPLETED = "completed"
    FAILED = "failed"
    SKIPPED = "skipped"
    CANCELLED = "cancelled"
    IN_DOUBT = "in_doubt"

    @property
    def is_final(self) -> bool:
        """True when only a retry asked for by a person can move it again."""
        return self in FINAL_STEP


FINAL_EXECUTION = frozenset({ExecutionStatus.COMPLETED, ExecutionStatus.FAILED, ExecutionStatus.CANCELLED})
FINAL_STEP = frozenset({StepStatus.COMPLETED, StepStatus.FAILED, StepStatus.SKIPPED, StepStatus.CANCELLED})


class StepKey(NamedTuple):
    """One instance of a step within one execution.

    Attributes:
        path: step ids from the outermost loop inwards, joined by `/` (`review`, `each-order/charge`).
        iteration: loop indices in the same order, joined by `.`; empty outside of loops (``, `3`, `3.0`).
    """

    path: str
    iteration: str = ""


EXECUTION_KEY = StepKey("", "")
"""The key under which transitions of the execution itself are recorded."""


class TimerKind(StrEnum):
    """What a due timer means to the execution that set it."""

    DELAY = "delay"
    RETRY = "retry"
    STEP_TIMEOUT = "step_timeout"
    WORKFLOW_TIMEOUT = "workflow_timeout"


STEP_MOVES: Final[dict[StepStatus, frozenset[StepStatus]]] = {
    StepStatus.PENDING: frozenset(StepStatus) - {StepStatus.PENDING},
    StepStatus.RUNNING: frozenset(StepStatus) - {StepStatus.PENDING, StepStatus.SKIPPED},
    StepStatus.WAITING: frozenset(StepStatus) - {StepStatus.PENDING, StepStatus.SKIPPED, StepStatus.IN_DOUBT},
    StepStatus.IN_DOUBT: frozenset(StepStatus) - {StepStatus.PENDING, StepStatus.SKIPPED, StepStatus.IN_DOUBT},
    StepStatus.COMPLETED: frozenset({StepStatus.PENDING}),
    StepStatus.FAILED: frozenset({StepStatus.PENDING}),
    StepStatus.SKIPPED: frozenset({StepStatus.PENDING}),
    StepStatus.CANCELLED: frozenset({StepStatus.PENDING}),
}
"""From where to where a step may move. `docs/states.md` draws it, and a test holds the two together.

A move to itself records something new of the same state: another attempt after a crash, another child after a failure.
"""

EXECUTION_MOVES: Final[dict[ExecutionStatus, frozenset[ExecutionStatus]]] = {
    ExecutionStatus.QUEUED: frozenset(
        {ExecutionStatus.QUEUED, ExecutionStatus.RUNNING, ExecutionStatus.PAUSED, ExecutionStatus.CANCELLED}
    ),
    ExecutionStatus.RUNNING: frozenset(ExecutionStatus) - {ExecutionStatus.QUEUED},
    ExecutionStatus.PAUSED: frozenset(ExecutionStatus) - {ExecutionStatus.QUEUED, ExecutionStatus.COMPLETED},
    ExecutionStatus.COMPLETED: frozenset({ExecutionStatus.RUNNING}),
    ExecutionStatus.FAILED: frozenset({ExecutionStatus.RUNNING}),
    ExecutionStatus.CANCELLED: frozenset({ExecutionStatus.RUNNING}),
}
"""From where to where an execution may move; a move to itself keeps a signal that came early."""
