"""From a recorded transition back to the event that it is the answer to."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import islice
from uuid import UUID

from engine.definitions.model import StepType
from engine.runtime.events import (
    ActionFailed,
    ActionSucceeded,
    CancelAsked,
    ChildFinished,
    Event,
    EventReceived,
    PauseAsked,
    ProbeAnswered,
    Recovered,
    ResumeAsked,
    RetryAsked,
    SignalReceived,
    Started,
    StepResolved,
    TaskClosed,
    TimerFired,
)
from engine.runtime.state import ExecutionState, StepState
from engine.runtime.states import EXECUTION_KEY, ExecutionStatus, StepStatus, TimerKind
from engine.runtime.transitions import ExecutionTransition, Failure, StepTransition, Transition

_TIMEOUT = "execution.timeout"
_STEP_TIMEOUT = "step.timeout"


_GIVEN_UP = frozenset(
    {
        "execution.unstorable",
        "execution.unreadable",
        "execution.internal_error",
        "execution.deliveries_exhausted",
    }
)


def _most_jitter() -> float:
    return 1.0 - 2.0**-53


def _no_jitter() -> float:
    return 0.0


@dataclass(frozen=True, slots=True)
class Cause:
    """An event, what it is called for people, and the jitter that was drawn.

    Attributes:
        event: None: the engine ended it from outside of the core; the record stands for itself.
        gives_output: the output in the record is the event's own and says nothing about the core.
    """

    event: Event | None
    told: str
    gives_output: bool = False
    draw: Callable[[], float] = _no_jitter


def cause_of(state: ExecutionState, recorded: Sequence[Transition], at: int) -> Cause | None:
    """The event that leads from a state to the recorded transitions from `at` on; None: there is none."""
    first, coming = recorded[at], islice(recorded, at, None)
    if isinstance(first, ExecutionTransition):
        return _of_execution(state, first)
    step = state.steps.get(first.key)
    if first.status is StepStatus.PENDING:
        return _of_retry(coming)
    if step is None or step.status not in (StepStatus.RUNNING, StepStatus.WAITING, StepStatus.IN_DOUBT):
        return _of_ending(state, coming) if first.status is StepStatus.CANCELLED else None
    return _of_open_step(state, step, first, coming)


def _of_execution(state: ExecutionState, first: ExecutionTransition) -> Cause | None:
    facts = first.detail or {}
    actor = str(facts.get("actor", ""))
    if "signal" in facts and first.status is state.status:
        signal = SignalReceived(str(facts["signal"]), facts.get("payload"), str(facts["signalId"]))
        return Cause(signal, f"signal {signal.name!r} came early and is kept")
    match first.status:
        case ExecutionStatus.RUNNING if state.status is ExecutionStatus.QUEUED:
            return Cause(Started(), "a worker took the execution")
        case ExecutionStatus.RUNNING if facts.get("retry"):
            return _retry(first)
        case ExecutionStatus.RUNNING:
            return Cause(ResumeAsked(actor), f"{actor} asked to go on")
        case ExecutionStatus.PAUSED:
            return Cause(PauseAsked(actor), f"{actor} asked to pause")
        case _:
            return _ending(state, first)


def _of_retry(coming: Iterable[Transition]) -> Cause | None:
    """Steps are reset first; who asked, and for what, stands in the execution's own move behind them."""
    after = next((each for each in coming if isinstance(each, ExecutionTransition)), None)
    return None if after is None or not (after.detail or {}).get("retry") else _retry(after)


def _retry(move: ExecutionTransition) -> Cause:
    facts = move.detail or {}
    named = facts.get("fromStepId")
    asked = RetryAsked(
        str(facts.get("actor", "")),
        named if isinstance(named, str) else None,
        restart_successful=facts.get("restartSuccessful") is True,
    )
    return Cause(asked, f"{asked.actor} asked for a retry")


def _of_ending(state: ExecutionState, coming: Iterable[Transition]) -> Cause | None:
    """Steps are cancelled before the execution's own end is recorded."""
    for each in coming:
        if isinstance(each, ExecutionTransition):
            return _ending(state, each)
        if each.status is not StepStatus.CANCELLED:
            return _loop_timed_out(state, each)
    return None


def _ending(state: ExecutionState, move: ExecutionTransition) -> Cause | None:
    facts = move.detail or {}
    if move.status is ExecutionStatus.CANCELLED:
        actor = str(facts.get("actor", ""))
        return Cause(CancelAsked(actor, str(facts.get("reason", ""))), f"{actor} asked to cancel")
    if move.failure is not None and move.failure.code == _TIMEOUT:
        return Cause(TimerFired(EXECUTION_KEY, TimerKind.WORKFLOW_TIMEOUT, state.run, 0), "the execution's time was up")
    if move.failure is not None and move.failure.code in _GIVEN_UP:
        return Cause(None, f"the engine gave it up ({move.failure.code})")
    return None


def _loop_timed_out(state: ExecutionState, move: StepTransition) -> Cause | None:
    step = state.steps.get(move.key)
    if step is None or move.failure is None or move.failure.code != _STEP_TIMEOUT:
        return None
    return _timer(step, TimerKind.STEP_TIMEOUT, "its time was up")


def _of_open_step(
    state: ExecutionState, step: StepState, first: StepTransition, coming: Iterable[Transition]
) -> Cause | None:
    if (first.detail or {}).get("resolvedBy") is not None:
        return _of_resolution(step, first)
    found: Cause | None = None
    match first.status:
        case StepStatus.CANCELLED:
            found = _of_ending(state, coming)
        case StepStatus.RUNNING if step.status is StepStatus.WAITING:
            found = _timer(step, TimerKind.RETRY, "its next attempt was due")
        case StepStatus.RUNNING if step.status is StepStatus.IN_DOUBT:
            found = _undecided(step)
        case StepStatus.RUNNING | StepStatus.IN_DOUBT:
            found = Cause(Recovered(), "another worker took the execution over")
        case StepStatus.WAITING:
            found = _of_wait(step, first)
        case StepStatus.COMPLETED:
            found = _of_completion(step, first)
        case StepStatus.FAILED:
            found = _of_failure(step, first)
        case _:
            pass
    return found


def _of_resolution(step: StepState, first: StepTransition) -> Cause:
    facts = first.detail or {}
    resolved_by, outcome = str(facts.get("resolvedBy")), str(facts.get("resolution"))
    if resolved_by == "probe":
        answer = ProbeAnswered(step.key, step.generation, step.attempt, first.output)
        return Cause(answer, f"the probe of {_name(step)} confirmed", gives_output=True)
    event = StepResolved(step.key, outcome, resolved_by, first.output, str(facts.get("comment", "")))
    return Cause(event, f"{resolved_by} resolved {_name(step)} as {outcome}", gives_output=True)


def _of_wait(step: StepState, first: StepTransition) -> Cause | None:
    """A failed attempt, or an attempt that has to wait for the execution to be resumed."""
    facts = first.detail or {}
    delay = facts.get("delayMs")
    if step.node.type is StepType.SUBPROCESS and first.failure is not None and "childId" in (step.detail or {}):
        return _child(step, first.failure, delay)
    if first.failure is None and step.status is StepStatus.WAITING:
        return _timer(step, TimerKind.RETRY, "its next attempt was due")
    if first.failure is None:
        return Cause(Recovered(), "another worker took the execution over")
    wait_ms = delay if isinstance(delay, int) else None
    failed = ActionFailed(step.key, step.generation, step.attempt, first.failure, retry_after_ms=wait_ms)
    return Cause(failed, f"attempt {step.attempt} of {_name(step)} failed")


def _of_completion(step: StepState, first: StepTransition) -> Cause | None:
    if step.node.type is StepType.DELAY:
        return _timer(step, TimerKind.DELAY, "its delay was over")
    came = _outcome(step, first)
    return None if came is None else Cause(came[0], came[1].format(_name(step)), gives_output=True)


def _outcome(step: StepState, first: StepTransition) -> tuple[Event, str] | None:
    """What came for a step that it completed with, and what that is called for people."""
    facts, key, generation = first.detail or {}, step.key, step.generation
    found: tuple[Event, str] | None = None
    match step.node.type:
        case StepType.ACTION:
            found = (
                ActionSucceeded(key, generation, step.attempt, first.output),
                f"attempt {step.attempt} of {{}} succeeded",
            )
        case StepType.HUMAN:
            outcome = "skipped" if first.output == {"skipped": True} else "completed"
            task_id = UUID(str(facts["taskId"]))
            found = TaskClosed(key, generation, task_id, outcome, first.output), f"the task of {{}} was {outcome}"
        case StepType.SUBPROCESS:
            child = UUID(str(facts["childId"]))
            done = ChildFinished(key, generation, child, ExecutionStatus.COMPLETED, first.output)
            found = done, "the child of {} completed"
        case StepType.WAIT if "signalId" in facts:
            signal = SignalReceived(str(facts["signal"]), first.output, str(facts["signalId"]))
            found = signal, "its signal came for {}"
        case StepType.WAIT:
            kind = str((step.detail or {}).get("eventType"))
            event = EventReceived(key, generation, kind, first.output, str(facts.get("eventId")))
            found = event, "its event came for {}"
        case _:
            pass
    return found


def _of_failure(step: StepState, first: StepTransition) -> Cause | None:
    failure = first.failure or Failure("step.failed", "")
    if failure.code == _STEP_TIMEOUT and step.node.holds_timer and step.node.type is not StepType.ACTION:
        return _timer(step, TimerKind.STEP_TIMEOUT, "its time was up")
    found: Cause | None = None
    match step.node.type:
        case StepType.ACTION if step.status is StepStatus.WAITING:
            found = _timer(step, TimerKind.RETRY, "its next attempt was due")
        case StepType.ACTION if failure.code == "step.in_doubt":
            found = _undecided(step)
        case StepType.ACTION:
            event: Event = ActionFailed(step.key, step.generation, step.attempt, failure, retryable=False)
            found = Cause(event, f"attempt {step.attempt} of {_name(step)} failed for good", draw=_most_jitter)
        case StepType.HUMAN:
            task_id = UUID(str((first.detail or {})["taskId"]))
            outcome = failure.code.removeprefix("task.") if failure.code.startswith("task.") else "failed"
            event = TaskClosed(step.key, step.generation, task_id, outcome, None, failure)
            found = Cause(event, f"the task of {_name(step)} was {outcome}")
        case StepType.SUBPROCESS:
            found = _child(step, failure, None)
        case _:
            pass
    return found


def _undecided(step: StepState) -> Cause:
    if step.status is StepStatus.IN_DOUBT:
        answer = ProbeAnswered(step.key, step.generation, step.attempt, failure=Failure("probe", ""))
        return Cause(answer, f"the probe of {_name(step)} could not confirm")
    return Cause(Recovered(), "another worker took the execution over")


def _child(step: StepState, failure: Failure, delay: object) -> Cause:
    """The child's own failure stands inside of its step's."""
    facts = failure.details or {}
    cause = facts.get("cause")
    inner = None if not isinstance(cause, dict) else Failure(str(cause.get("code")), str(cause.get("message")))
    status = ExecutionStatus(failure.code.removeprefix("subprocess."))
    child = UUID(str(facts.get("childId")))
    event = ChildFinished(step.key, step.generation, child, status, failure=inner)
    wanted = delay if isinstance(delay, int) else 0
    policy = step.node.retry
    cap = min(policy.retry_delay_ms * (1 << min(step.failures, 40) if policy.exponential else 1), policy.max_delay_ms)
    drawn = min((wanted + 0.5) / cap, 1.0) if cap else 0.0
    return Cause(event, f"the child of {_name(step)} was {status.value}", draw=lambda: drawn)


def _timer(step: StepState, kind: TimerKind, told: str) -> Cause:
    return Cause(TimerFired(step.key, kind, step.generation, step.attempt), f"{_name(step)}: {told}")


def _name(step: StepState) -> str:
    return f"{step.key.path}[{step.key.iteration}]" if step.key.iteration else step.key.path
