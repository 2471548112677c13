"""What may happen to an execution: the inputs of `advance`."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from engine.jsonvalue import Json
from engine.runtime.states import ExecutionStatus, StepKey, TimerKind
from engine.runtime.transitions import Failure


@dataclass(frozen=True, slots=True)
class Started:
    """A worker took the execution for the first time."""


@dataclass(frozen=True, slots=True)
class Recovered:
    """A worker took an execution that another one held: attempts without an outcome are decided now."""


@dataclass(frozen=True, slots=True)
class ActionSucceeded:
    """An attempt came back with an output."""

    key: StepKey
    generation: int
    attempt: int
    output: Json


@dataclass(frozen=True, slots=True)
class ActionFailed:
    """An attempt came back with a failure.

    Attributes:
        retryable: False: no further attempt, whatever the retry policy says (`retryOn` may name it all the same).
        retry_after_ms: the far side's own wish; the wait is never shorter.
    """

    key: StepKey
    generation: int
    attempt: int
    failure: Failure
    retryable: bool = True
    retry_after_ms: int | None = None


@dataclass(frozen=True, slots=True)
class TimerFired:
    """A timer came due. One that the execution no longer waits for changes nothing."""

    key: StepKey
    kind: TimerKind
    generation: int
    attempt: int


@dataclass(frozen=True, slots=True)
class TaskClosed:
    """A human task of this execution reached a final state: completed, failed, cancelled or skipped."""

    key: StepKey
    generation: int
    task_id: UUID
    outcome: str
    output: Json = None
    failure: Failure | None = None


@dataclass(frozen=True, slots=True)
class ChildFinished:
    """The execution that a subprocess step started has ended."""

    key: StepKey
    generation: int
    child_id: UUID
    status: ExecutionStatus
    output: Json = None
    failure: Failure | None = None


@dataclass(frozen=True, slots=True)
class SignalReceived:
    """A signal by name; kept when no step waits for it yet."""

    name: str
    payload: Json
    signal_id: str


@dataclass(frozen=True, slots=True)
class EventReceived:
    """An event that matched a waiting step's type and correlation."""

    key: StepKey
    generation: int
    event_type: str
    payload: Json
    event_id: str


@dataclass(frozen=True, slots=True)
class CancelAsked:
    """A person (or a parent execution) asked to end it."""

    actor: str
    reason: str = ""


@dataclass(frozen=True, slots=True)
class PauseAsked:
    """A person asked to hold it: nothing new starts, what is out may come back."""

    actor: str


@dataclass(frozen=True, slots=True)
class ResumeAsked:
    """A person asked to go on."""

    actor: str


@dataclass(frozen=True, slots=True)
class RetryAsked:
    """A person asked to run failed work again: from the failed steps, or from a named one; docs/executions.md."""

    actor: str
    from_step_id: str | None = None
    restart_successful: bool = False


@dataclass(frozen=True, slots=True)
class StepResolved:
    """A person or a probe decided an in-doubt step: `completed`, `failed` or `retry`."""

    key: StepKey
    outcome: str
    actor: str
    output: Json = None
    comment: str = ""


@dataclass(frozen=True, slots=True)
class ProbeAnswered:
    """The probe of an in-doubt step came back: with an output to look at, or with the failure of the probe itself."""

    key: StepKey
    generation: int
    attempt: int
    output: Json = None
    failure: Failure | None = None


Event = (
    Started
    | Recovered
    | ActionSucceeded
    | ActionFailed
    | TimerFired
    | TaskClosed
    | ChildFinished
    | SignalReceived
    | EventReceived
    | CancelAsked
    | PauseAsked
    | ResumeAsked
    | RetryAsked
    | StepResolved
    | ProbeAnswered
)


@dataclass(frozen=True, slots=True)
class Inboxed:
    """An event that waits in the store for the execution's holder, with the row it stands in."""

    id: UUID
    received_at: datetime
    event: Event


def kind_of(event: Event) -> str:
    """Name under which an event is stored."""
    return type(event).__name__
