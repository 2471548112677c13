"""Ends: of an execution, and of a loop that one of its iterations brings down."""

from uuid import UUID

from engine.definitions.model import StepType
from engine.jsonvalue import Json, JsonObject
from engine.runtime.doubts import unknown_outcome
from engine.runtime.effects import CancelChild, CancelTimers, CloseTask, Finish, StopAction, StopAwaiting
from engine.runtime.loops import last_outputs
from engine.runtime.scopes import key_in, scopes_of
from engine.runtime.state import ScopeState, StepState
from engine.runtime.states import EXECUTION_KEY, ExecutionStatus, StepStatus, TimerKind
from engine.runtime.transitions import Failure
from engine.runtime.turn import Turn


def settle_failure(turn: Turn, step: StepState) -> None:
    """A failure that nobody handles ends the loop around the step, whose failure it becomes, or the execution."""
    failure = _blaming(step)
    owner = step.scope.owner
    if owner is None:
        end(turn, ExecutionStatus.FAILED, failure)
        return
    cancel_iterations(turn, owner)
    turn.drop_step_timer(owner)
    turn.fail(owner, owner.attempt, failure)


def cancel_iterations(turn: Turn, loop: StepState) -> None:
    """Cancel what is undecided inside a loop, inner loops first."""
    for key in reversed(scopes_of(turn.state, loop)):
        _cancel_scope(turn, turn.state.scopes[key])


def _blaming(step: StepState) -> Failure:
    """The failure, saying where it happened; one that has come up through loops says so already."""
    failure = step.failure or Failure("step.failed", "The step failed.")
    where: JsonObject = {"stepId": step.key.path}
    if step.key.iteration:
        where["iteration"] = step.key.iteration
    return Failure(failure.code, failure.message, {**where, **(failure.details or {})})


def end(turn: Turn, status: ExecutionStatus, failure: Failure | None, detail: JsonObject | None = None) -> None:
    """End the execution: undecided steps become cancelled, and what they hold is let go."""
    state = turn.state
    cancel_undecided(turn)
    failed_steps = tuple(state.failed_steps)
    if turn.plan.timeout_ms is not None and state.root is not None:
        turn.effects.append(CancelTimers(EXECUTION_KEY, TimerKind.WORKFLOW_TIMEOUT))
    turn.move_execution(status, failure=failure, failed_steps=failed_steps, detail=detail)
    turn.effects.append(Finish(status, None, failure, failed_steps))


def cancel_undecided(turn: Turn) -> None:
    """Cancel every step that is not decided, the innermost first, and let go of what they hold."""
    state = turn.state
    for key in reversed(tuple(state.scopes)):
        _cancel_scope(turn, state.scopes[key])
    if state.root is not None:
        _cancel_scope(turn, state.root)


def complete(turn: Turn) -> None:
    """Every step is decided: the execution is completed, with `failed_steps` where failures were passed over."""
    state = turn.state
    if turn.plan.timeout_ms is not None:
        turn.effects.append(CancelTimers(EXECUTION_KEY, TimerKind.WORKFLOW_TIMEOUT))
    failed_steps = tuple(state.failed_steps)
    turn.move_execution(ExecutionStatus.COMPLETED, failed_steps=failed_steps)
    turn.effects.append(Finish(ExecutionStatus.COMPLETED, output_of(turn), None, failed_steps))


def output_of(turn: Turn) -> Json:
    """What a parent gets as the output of its subprocess step.

    The outputs of the completed last steps by step id, and beside them the context keys that steps set by
    `outputMappings`; of equal names the context key counts.
    """
    root = turn.state.root
    if root is None:
        return {}
    return {**last_outputs(turn.state, root.scope, ""), **root.mapped}


def _cancel_scope(turn: Turn, scope: ScopeState) -> None:
    for node in scope.scope.nodes:
        key = key_in(scope, node.path)
        step = turn.state.steps.get(key)
        if step is None:
            step = turn.state.steps[key] = StepState(node, key, scope)
        if not step.status.is_final:
            let_go(turn, step)
            turn.move(step, StepStatus.CANCELLED, step.attempt, detail=unknown_outcome(step))


def let_go(turn: Turn, step: StepState) -> None:
    """Ask back whatever an open step holds outside: its attempt, timers, task, child or wait."""
    if step.status not in (StepStatus.RUNNING, StepStatus.WAITING):
        return
    key, detail, effects = step.key, step.detail or {}, turn.effects
    match step.node.type:
        case StepType.ACTION if step.status is StepStatus.RUNNING:
            effects.append(StopAction(key, step.generation, step.attempt))
        case StepType.ACTION:
            effects.append(CancelTimers(key, TimerKind.RETRY))
        case StepType.DELAY:
            effects.append(CancelTimers(key, TimerKind.DELAY))
        case StepType.WAIT if "eventType" in detail:
            effects.append(StopAwaiting(key))
        case StepType.HUMAN:
            effects.append(CloseTask(key))
        case StepType.SUBPROCESS if "childId" in detail:
            effects.append(CancelChild(key, UUID(str(detail["childId"]))))
        case StepType.SUBPROCESS:
            effects.append(CancelTimers(key, TimerKind.RETRY))
        case _:
            pass
    turn.drop_step_timer(step)
