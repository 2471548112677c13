"""States as plain values, to be compared: two states with one digest go on in the same way."""

from engine.jsonvalue import Json
from engine.runtime.plan import Plan
from engine.runtime.state import ExecutionState, ScopeState, StepState
from engine.runtime.view import context_of

Digest = tuple[object, ...]


def digest(plan: Plan, state: ExecutionState) -> Digest:
    """Everything that the next advance may look at."""
    return (
        state.status,
        state.seq,
        state.run,
        {key: _step(step) for key, step in state.steps.items()},
        {key: _scope(scope) for key, scope in state.scopes.items()},
        None if state.root is None else _scope(state.root),
        set(state.open),
        set(state.agenda),
        set(state.unhandled),
        set(state.failed_steps),
        state.attempts_out,
        {name: list(found) for name, found in state.listeners.items() if found},
        {name: list(found) for name, found in state.signals.items() if found},
        state.seen_signals,
        state.failure,
        state.started_at,
        state.finished_at,
        state.current_step,
        context_of(plan, state),
    )


def _step(step: StepState) -> Digest:
    loop = step.loop
    return (
        step.status,
        step.generation,
        step.attempt,
        step.decided,
        step.taken,
        step.failures,
        step.seq,
        step.input,
        step.output,
        step.failure,
        step.detail,
        step.started_at,
        step.finished_at,
        None if loop is None else (loop.items, loop.started, loop.done, loop.results),
    )


def _scope(scope: ScopeState) -> Digest:
    return (scope.iteration, scope.remaining, scope.is_broken, scope.mapped)


def ending(plan: Plan, state: ExecutionState) -> dict[str, Json | object]:
    """What of an end does not depend on the order of things: statuses, outputs, failures, context."""
    return {
        "status": state.status,
        "failed": sorted(state.failed_steps),
        "context": context_of(plan, state),
        "steps": {
            key: (step.status, step.output, None if step.failure is None else step.failure.code)
            for key, step in sorted(state.steps.items())
        },
    }
