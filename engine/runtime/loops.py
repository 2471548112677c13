"""Iterations: how a loop opens, finishes and takes up its iterations again."""

from engine.definitions.model import LoopConfig
from engine.jsonvalue import Json
from engine.runtime.plan import Plan, Scope
from engine.runtime.scopes import open_scope, reopen_scope
from engine.runtime.state import ExecutionState, LoopState, ScopeState, StepState
from engine.runtime.states import StepKey, StepStatus


def open_loop(plan: Plan, state: ExecutionState, step: StepState) -> None:
    """A loop runs from now on: its items are its recorded input; one that was begun before is taken up again.

    As many iterations begin as may run at once; a loop with nothing left goes on the agenda to be completed.
    """
    if step.loop is None:
        items = step.input if isinstance(step.input, list) else []
        step.loop = LoopState(items=items, results=[None] * len(items))
    else:
        step.input = step.loop.items
        for index in range(step.loop.started):
            if index not in step.loop.done:
                _take_up(plan, state, step, index)
    _begin_iterations(state, step)


def _take_up(plan: Plan, state: ExecutionState, step: StepState, index: int) -> None:
    scope = _iteration_scope(state, step, index)
    reopen_scope(plan, state, scope)
    if scope.remaining == 0:
        _keep_result(state, scope, step)


def _begin_iterations(state: ExecutionState, step: StepState) -> None:
    loop = step.loop
    if loop is None or not isinstance(step.node.config, LoopConfig):
        raise RuntimeError("Only a loop has iterations.")
    running = loop.started - len(loop.done)
    while loop.started < len(loop.items) and running < step.node.config.concurrency:
        open_scope(state, _iteration_scope(state, step, loop.started))
        loop.started += 1
        running += 1
    if len(loop.done) == len(loop.items):
        state.agenda[step.key] = step


def _iteration_scope(state: ExecutionState, step: StepState, index: int) -> ScopeState:
    if step.node.body is None:
        raise RuntimeError("Only a loop has iterations.")
    iteration = f"{step.key.iteration}.{index}" if step.key.iteration else str(index)
    scope = ScopeState(step.node.body, iteration, step, step.scope, index, 0)
    state.scopes[StepKey(step.key.path, iteration)] = scope
    return scope


def finish_iteration(state: ExecutionState, scope: ScopeState, owner: StepState) -> None:
    """Every step of an iteration is decided: keep its result and begin the next one."""
    _keep_result(state, scope, owner)
    if owner.status is StepStatus.RUNNING:
        _begin_iterations(state, owner)


def _keep_result(state: ExecutionState, scope: ScopeState, owner: StepState) -> None:
    if owner.loop is None:
        raise RuntimeError("Only a loop has iterations.")
    owner.loop.results[scope.index] = _result(state, scope)
    owner.loop.done.add(scope.index)
    del state.scopes[StepKey(owner.key.path, scope.iteration)]
    scope.context = None


def _result(state: ExecutionState, scope: ScopeState) -> Json:
    """Output of the one last step of the body, or an object by step id where the body has several."""
    terminals = scope.scope.terminals
    found = last_outputs(state, scope.scope, scope.iteration)
    if len(terminals) == 1:
        return found.get(terminals[0].step_id)
    return found


def last_outputs(state: ExecutionState, scope: Scope, iteration: str) -> dict[str, Json]:
    """Outputs of the completed last steps (those without connections) of a scope, by step id."""
    found: dict[str, Json] = {}
    for node in scope.terminals:
        step = state.steps.get(StepKey(node.path, iteration))
        if step is not None and step.status is StepStatus.COMPLETED:
            found[node.step_id] = step.output
    return found
