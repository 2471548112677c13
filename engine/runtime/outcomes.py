"""Outcomes: what comes back from attempts, timers, people, children, signals and events.

An outcome of another generation or attempt, of a step that is decided, or of something no longer awaited is stale: it
changes nothing.
"""

from datetime import timedelta
from uuid import UUID

from engine.definitions.model import StepType
from engine.jsonvalue import JsonObject
from engine.runtime.ending import cancel_iterations, end, let_go
from engine.runtime.events import (
    ActionFailed,
    ActionSucceeded,
    ChildFinished,
    EventReceived,
    SignalReceived,
    TaskClosed,
    TimerFired,
)
from engine.runtime.retries import retry_delay_ms
from engine.runtime.starting import begin, step_timeout
from engine.runtime.state import StepState
from engine.runtime.states import ExecutionStatus, StepKey, StepStatus, TimerKind
from engine.runtime.transitions import Failure
from engine.runtime.turn import Turn


def action_succeeded(turn: Turn, event: ActionSucceeded) -> None:
    """An attempt came back with an output; one in doubt may come back after all."""
    step = _attempt_out(turn, event.key, event.generation, event.attempt)
    if step is not None:
        turn.complete(step, event.attempt, event.output)


def action_failed(turn: Turn, event: ActionFailed) -> None:
    """An attempt came back with a failure: another one is due later, or the step has failed."""
    step = _attempt_out(turn, event.key, event.generation, event.attempt)
    if step is not None:
        retry_or_fail(turn, step, event.failure, retryable=event.retryable, retry_after_ms=event.retry_after_ms)


def _attempt_out(turn: Turn, key: StepKey, generation: int, attempt: int) -> StepState | None:
    step = turn.state.open.get(key)
    if step is None or step.generation != generation or step.attempt != attempt:
        return None
    out = step.status is StepStatus.RUNNING or step.status is StepStatus.IN_DOUBT
    return step if out and step.node.type is StepType.ACTION else None


def retry_or_fail(
    turn: Turn, step: StepState, failure: Failure, *, retryable: bool, retry_after_ms: int | None = None
) -> None:
    """Back off before the next attempt, as the retry policy has it, or fail for good."""
    delay_ms = retry_delay_ms(
        step, failure, retryable=retryable, retry_after_ms=retry_after_ms, now=turn.now, draw=turn.draw
    )
    if delay_ms is None:
        turn.drop_step_timer(step)
        turn.fail(step, step.attempt, failure)
        return
    due_at = turn.now + timedelta(milliseconds=delay_ms)
    turn.back_off(step, due_at, failure, {"delayMs": delay_ms})
    turn.set_retry_timer(step, due_at)


def timer_fired(turn: Turn, event: TimerFired) -> None:
    """A timer came due."""
    if event.kind is TimerKind.WORKFLOW_TIMEOUT:
        _workflow_timed_out(turn, event)
        return
    step = turn.state.open.get(event.key)
    if step is None or step.generation != event.generation:
        return
    detail = step.detail or {}
    match event.kind:
        case TimerKind.DELAY if step.attempt == event.attempt and "dueAt" in detail:
            turn.drop_step_timer(step)
            turn.complete(step, step.attempt, {})
        case TimerKind.RETRY if step.attempt == event.attempt and "retryAt" in detail:
            # Held while paused: resuming looks at every back-off again.
            if turn.state.status is ExecutionStatus.RUNNING:
                begin(turn, step)
        case TimerKind.STEP_TIMEOUT if step.node.holds_timer:
            _step_timed_out(turn, step)
        case _:
            pass


def _workflow_timed_out(turn: Turn, event: TimerFired) -> None:
    if turn.state.root is None or event.generation != turn.state.run or turn.plan.timeout_ms is None:
        return
    message = f"The execution took longer than its timeout of {turn.plan.timeout_ms} ms."
    end(turn, ExecutionStatus.FAILED, Failure("execution.timeout", message))


def _step_timed_out(turn: Turn, step: StepState) -> None:
    let_go(turn, step)
    if step.node.type is StepType.LOOP:
        cancel_iterations(turn, step)
    turn.fail(step, step.attempt, step_timeout(step.node))


def task_closed(turn: Turn, event: TaskClosed) -> None:
    """A person has completed, failed or skipped the task, or it was cancelled."""
    step = _waiting(turn, event.key, event.generation, StepType.HUMAN)
    if step is None:
        return
    turn.drop_step_timer(step)
    task: JsonObject = {"taskId": str(event.task_id)}
    match event.outcome:
        case "completed":
            turn.complete(step, step.attempt, event.output, detail=task)
        case "skipped":
            turn.complete(step, step.attempt, {"skipped": True}, detail=task)
        case outcome:
            failure = event.failure or Failure(f"task.{outcome}", f"The human task was {outcome}.", task)
            turn.fail(step, step.attempt, failure, task)


def child_finished(turn: Turn, event: ChildFinished) -> None:
    """The execution that a subprocess step started has ended; its failure is the step's, and may be retried."""
    step = _waiting(turn, event.key, event.generation, StepType.SUBPROCESS)
    child = {} if step is None else step.detail or {}
    if step is None or child.get("childId") != str(event.child_id):
        return
    detail: JsonObject = {"childId": str(event.child_id)}
    if event.status is ExecutionStatus.COMPLETED:
        turn.drop_step_timer(step)
        turn.complete(step, step.attempt, event.output, detail=detail)
        return
    failure = _child_failure(event.child_id, event.status, event.failure)
    retry_or_fail(turn, step, failure, retryable=event.status is ExecutionStatus.FAILED)


def _child_failure(child_id: UUID, status: ExecutionStatus, cause: Failure | None) -> Failure:
    details: JsonObject = {"childId": str(child_id)}
    message = f"The sub-workflow was {status.value}." if cause is None else f"The sub-workflow failed: {cause.message}"
    if cause is not None:
        details["cause"] = {"code": cause.code, "message": cause.message}
    return Failure(f"subprocess.{status.value}", message, details)


def signal_received(turn: Turn, event: SignalReceived) -> None:
    """A signal counts once: for the step that has waited for it longest, or for the first that will."""
    state = turn.state
    if event.signal_id in state.seen_signals:
        return
    listeners = state.listeners.get(event.name)
    if not listeners:
        kept: JsonObject = {"signal": event.name, "signalId": event.signal_id, "payload": event.payload}
        turn.move_execution(state.status, detail=kept)
        return
    step = next(iter(listeners.values()))
    turn.drop_step_timer(step)
    detail: JsonObject = {"signal": event.name, "signalId": event.signal_id}
    turn.complete(step, step.attempt, event.payload, detail=detail)


def event_received(turn: Turn, event: EventReceived) -> None:
    """An event that the step waits for; the far side has compared type and correlation."""
    step = _waiting(turn, event.key, event.generation, StepType.WAIT)
    if step is None or (step.detail or {}).get("eventType") != event.event_type:
        return
    turn.drop_step_timer(step)
    turn.complete(step, step.attempt, event.payload, detail={"eventId": event.event_id})


def _waiting(turn: Turn, key: StepKey, generation: int, kind: StepType) -> StepState | None:
    step = turn.state.open.get(key)
    if step is None or step.generation != generation or step.node.type is not kind:
        return None
    return step if step.status is StepStatus.WAITING else None
