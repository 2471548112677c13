"""What the core asks of its surroundings: the outputs of `advance`.

Durable effects (timers, tasks, children, waits) are written in the commit of the transitions that caused them.
Outside effects (`RunAction`, `StopAction`) start only after that commit.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from engine.definitions.model import Delivery
from engine.jsonvalue import Json, JsonObject
from engine.runtime.states import ExecutionStatus, StepKey, TimerKind
from engine.runtime.transitions import Failure


class RunAction(NamedTuple):
    """Run one attempt of an action; its intent is among the transitions of the same advance.

    A tuple, as `StepTransition` is.

    Attributes:
        config: the step's `actionConfig`, templates filled in.
        idempotency_key: `<executionId>:<step path>:<iteration or ->:<generation>`.
        timeout_ms: of this attempt; None: no limit.
    """

    key: StepKey
    generation: int
    attempt: int
    action_type: str
    config: JsonObject
    input: Json
    idempotency_key: str
    delivery: Delivery
    timeout_ms: int | None


@dataclass(frozen=True, slots=True)
class StopAction:
    """Stop an attempt that is out; its outcome no longer counts."""

    key: StepKey
    generation: int
    attempt: int


@dataclass(frozen=True, slots=True)
class SetTimer:
    """Keep a timer; at `due_at` it comes back as `TimerFired` with the same four members."""

    key: StepKey
    kind: TimerKind
    generation: int
    attempt: int
    due_at: datetime


@dataclass(frozen=True, slots=True)
class CancelTimers:
    """Forget the timers of one step instance (all kinds, or one)."""

    key: StepKey
    kind: TimerKind | None = None


@dataclass(frozen=True, slots=True)
class OpenTask:
    """Open a human task for a step; `config` is the step's config with templates filled in."""

    key: StepKey
    generation: int
    config: JsonObject
    input: Json


@dataclass(frozen=True, slots=True)
class CloseTask:
    """The execution no longer needs the task of this step: it becomes obsolete."""

    key: StepKey


@dataclass(frozen=True, slots=True)
class StartChild:
    """Start a sub-workflow; `child_id` is derived from parent, step and generation, so that a repeat is the same."""

    key: StepKey
    generation: int
    child_id: UUID
    workflow_id: UUID
    version: str | None
    trigger_data: Json


@dataclass(frozen=True, slots=True)
class CancelChild:
    """Pass a cancellation down."""

    key: StepKey
    child_id: UUID


@dataclass(frozen=True, slots=True)
class Await:
    """Wait for an event with matching correlation (`{path in payload: value}`); signals need no row of their own."""

    key: StepKey
    generation: int
    event_type: str
    correlation: JsonObject


@dataclass(frozen=True, slots=True)
class StopAwaiting:
    """The step no longer waits for its event."""

    key: StepKey


@dataclass(frozen=True, slots=True)
class Probe:
    """Run the step's probe, a read-only action; its result comes back as `ProbeAnswered`. Starts after the commit."""

    key: StepKey
    generation: int
    attempt: int
    action_type: str
    config: JsonObject


@dataclass(frozen=True, slots=True)
class Finish:
    """The execution has reached a final state; `output` is what a parent execution gets as the step's output."""

    status: ExecutionStatus
    output: Json
    failure: Failure | None
    failed_steps: tuple[str, ...]


Effect = (
    RunAction
    | StopAction
    | SetTimer
    | CancelTimers
    | OpenTask
    | CloseTask
    | StartChild
    | CancelChild
    | Await
    | StopAwaiting
    | Probe
    | Finish
)
