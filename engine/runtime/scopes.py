"""Scopes: which steps of a graph are decided, and what a finished step means to those behind it."""

from engine.definitions.model import StepType
from engine.runtime.context import publish
from engine.runtime.plan import Plan
from engine.runtime.state import ExecutionState, ScopeState, StepState
from engine.runtime.states import StepKey, StepStatus


def key_in(scope: ScopeState, path: str) -> StepKey:
    """Key of a step's instance in a scope."""
    return StepKey(path, scope.iteration)


def is_inside(key: StepKey, loop: StepKey) -> bool:
    """Whether an instance belongs to an iteration of this instance of a loop, at any depth."""
    return key.path.startswith(f"{loop.path}/") and (
        not loop.iteration or key.iteration.startswith(f"{loop.iteration}.")
    )


def scopes_of(state: ExecutionState, loop: StepState) -> list[StepKey]:
    """Keys of the scopes in progress inside an instance of a loop, outer ones before inner ones."""
    # A scope's key has the path of its loop: with a slash behind it, it lies inside of that loop.
    return [key for key in state.scopes if is_inside(StepKey(f"{key.path}/", key.iteration), loop.key)]


def open_scope(state: ExecutionState, scope: ScopeState) -> None:
    """Count the steps of a scope and put those that nothing leads to on the agenda."""
    scope.remaining = len(scope.scope.nodes)
    for node in scope.scope.entries:
        key = key_in(scope, node.path)
        step = state.steps.get(key)
        if step is None:
            step = state.steps[key] = StepState(node, key, scope)
        step.scope = scope
        if step.status is StepStatus.PENDING:
            state.agenda[key] = step


def reopen_scope(plan: Plan, state: ExecutionState, scope: ScopeState) -> None:
    """Count again what is decided in a scope some of whose steps a person's retry has reset."""
    open_scope(state, scope)
    known = (state.steps.get(key_in(scope, node.path)) for node in scope.scope.nodes)
    finished = [step for step in known if step is not None and step.status.is_final]
    scope.remaining -= len(finished)
    for step in sorted(finished, key=lambda step: step.seq):
        step.scope = scope
        publish(scope, step.node, step.status, step.output, step.failure)
        propagate(plan, state, step)


def propagate(plan: Plan, state: ExecutionState, step: StepState) -> None:
    """Decide the outgoing connections of a finished step, and note a failure that nobody handles."""
    scope = step.scope
    steps = state.steps
    handled = False
    for edge, hit in zip(step.node.out, taken_edges(step), strict=True):
        node = edge.target
        key = node.root_key if scope.owner is None else StepKey(node.path, scope.iteration)
        target = steps.get(key)
        if target is None:
            target = steps[key] = StepState(node, key, scope)
        else:
            target.scope = scope
        target.decided += 1
        if hit:
            target.taken += 1
            handled = True
        if target.decided == node.incoming and target.status is StepStatus.PENDING:
            state.agenda[key] = target
    if step.status is StepStatus.FAILED:
        _note_failure(plan, state, step, handled=handled)


def _note_failure(plan: Plan, state: ExecutionState, step: StepState, *, handled: bool) -> None:
    path = step.key.path
    if handled:
        if step.node.type is StepType.LOOP:
            # Who handles the loop's failure handles those inside that made it fail.
            for inner in [failed for failed in state.failed_steps if failed.startswith(f"{path}/")]:
                del state.failed_steps[inner]
        return
    state.failed_steps[path] = None
    if plan.stops_on_failure:
        state.unhandled[step.key] = step
        step.scope.is_broken = True


def taken_edges(step: StepState) -> tuple[bool, ...]:
    """Which outgoing connections a finished step takes; those with conditions of their own were recorded with it."""
    node = step.node
    if not node.out:
        return ()
    if node.has_custom and step.detail is not None and "taken" in step.detail:
        recorded = step.detail["taken"]
        chosen = recorded if isinstance(recorded, list) else []
        return tuple(position in chosen for position in range(len(node.out)))
    return fixed_edges(step)


def fixed_edges(step: StepState) -> tuple[bool, ...]:
    """Which outgoing connections are taken by outcome alone, conditions of their own aside."""
    node = step.node
    if step.status is StepStatus.COMPLETED:
        false_branch = node.type is StepType.CONDITION and not (
            isinstance(step.output, dict) and step.output.get("result") is True
        )
        return node.on_failure if false_branch else node.on_success
    if step.status is StepStatus.FAILED:
        return node.on_failure
    if step.status is StepStatus.SKIPPED and step.detail is not None and step.detail.get("passed") is True:
        return node.on_success
    return node.on_none
