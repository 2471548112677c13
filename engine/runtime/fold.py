"""Folding: what one recorded transition does to the state.

`advance` decides transitions and folds them with the same functions that replay uses, so that a state made of recorded
transitions is the state that was dropped. All bookkeeping is O(what changed): counters on the far ends of connections,
the number of undecided steps of a scope, and the agenda of instances that can be decided next.
"""

from engine.definitions.model import StepType
from engine.runtime.context import publish, root_context
from engine.runtime.loops import finish_iteration, open_loop
from engine.runtime.plan import Plan
from engine.runtime.scopes import is_inside, open_scope, propagate, reopen_scope, scopes_of
from engine.runtime.state import ExecutionState, KeptSignal, ScopeState, StepState
from engine.runtime.states import FINAL_EXECUTION, ExecutionStatus, StepKey, StepStatus
from engine.runtime.transitions import ExecutionTransition, StepTransition, Transition

_OPEN = frozenset({StepStatus.RUNNING, StepStatus.WAITING, StepStatus.IN_DOUBT})


def apply(plan: Plan, state: ExecutionState, transition: Transition) -> None:
    """Fold one recorded transition into the state.

    Raises:
        ValueError: it is not the one that follows, or the plan has no such step: the records are not of this plan.
    """
    if transition.seq != state.seq + 1:
        raise ValueError(f"Transition {transition.seq} does not follow {state.seq}.")
    if isinstance(transition, StepTransition):
        fold_step(plan, state, _instance(plan, state, transition.key), transition)
    else:
        fold_execution(plan, state, transition)


def _instance(plan: Plan, state: ExecutionState, key: StepKey) -> StepState:
    found = state.steps.get(key)
    if found is not None:
        return found
    node = plan.by_path.get(key.path)
    if node is None:
        raise ValueError(f"The plan has no step {key.path!r}.")
    owner = node.scope.owner
    scope = state.root if owner is None else state.scopes.get(StepKey(owner.path, key.iteration))
    if scope is None:
        raise ValueError(f"Step {key.path!r} has no iteration {key.iteration!r} in progress.")
    made = state.steps[key] = StepState(node, key, scope)
    return made


def fold_step(plan: Plan, state: ExecutionState, step: StepState, transition: StepTransition) -> None:
    """Fold a transition of a step whose instance is known."""
    previous, status = step.status, transition.status
    state.seq = step.seq = transition.seq
    step.status = status
    step.attempt = transition.attempt
    step.generation = transition.generation
    state.agenda.pop(step.key, None)
    if previous is StepStatus.RUNNING:
        if step.node.type is StepType.ACTION:
            state.attempts_out -= 1
    elif previous is StepStatus.WAITING:
        _stop_listening(state, step)
    if status in _OPEN:
        _fold_open(plan, state, step, transition)
    elif status is StepStatus.PENDING:
        _fold_reset(step, transition)
    else:
        state.open.pop(step.key, None)
        _fold_final(plan, state, step, transition)


def _fold_open(plan: Plan, state: ExecutionState, step: StepState, transition: StepTransition) -> None:
    state.open[step.key] = step
    state.current_step = step.key.path
    step.detail = transition.detail
    if step.started_at is None:
        step.started_at = transition.at
    if transition.input is not None:
        step.input = transition.input
    if transition.failure is not None:
        step.failure = transition.failure
        step.failures += 1
    if transition.status is StepStatus.RUNNING:
        if step.node.type is StepType.ACTION:
            state.attempts_out += 1
        elif step.node.type is StepType.LOOP:
            open_loop(plan, state, step)
    elif transition.status is StepStatus.WAITING:
        signal = None if step.detail is None else step.detail.get("signal")
        if isinstance(signal, str):
            state.listeners.setdefault(signal, {})[step.key] = step


def _stop_listening(state: ExecutionState, step: StepState) -> None:
    signal = None if step.detail is None else step.detail.get("signal")
    if isinstance(signal, str):
        state.listeners[signal].pop(step.key, None)


def _fold_final(plan: Plan, state: ExecutionState, step: StepState, transition: StepTransition) -> None:
    step.finished_at = transition.at
    if step.started_at is None and transition.attempt > 0:
        step.started_at = transition.at
    if transition.input is not None:
        step.input = transition.input
    step.output = transition.output
    step.failure = transition.failure
    step.detail = transition.detail
    scope = step.scope
    scope.remaining -= 1
    if step.node.type is StepType.LOOP and transition.status is not StepStatus.COMPLETED:
        _close_loop(state, step)
    if transition.status is StepStatus.CANCELLED:
        # What is cancelled decides nothing: its whole scope ends with it.
        return
    if transition.detail is not None:
        _consume_signal(state, transition)
    publish(scope, step.node, transition.status, transition.output, transition.failure)
    propagate(plan, state, step)
    if scope.remaining == 0 and scope.owner is not None and not scope.is_broken:
        finish_iteration(state, scope, scope.owner)


def _close_loop(state: ExecutionState, loop: StepState) -> None:
    """The loop ends early: its iterations are over, and it has taken over the failures inside that made it fail."""
    for key in [key for key in state.unhandled if is_inside(key, loop.key)]:
        del state.unhandled[key]
    for key in scopes_of(state, loop):
        del state.scopes[key]


def _consume_signal(state: ExecutionState, transition: StepTransition) -> None:
    detail = transition.detail or {}
    signal_id, name = detail.get("signalId"), detail.get("signal")
    if isinstance(signal_id, str) and isinstance(name, str):
        state.seen_signals.add(signal_id)
        if name in state.signals:
            state.signals[name] = [signal for signal in state.signals[name] if signal.id != signal_id]


def _fold_reset(step: StepState, transition: StepTransition) -> None:
    """A person's retry: the instance is undecided again. `_rebuild` counts anew with the execution's own move."""
    step.input = step.output = None
    step.failure = None
    step.started_at = step.finished_at = None
    step.detail = transition.detail
    step.failures = 0
    if not (transition.detail and transition.detail.get("resume")):
        step.loop = None
    owner = step.scope.owner
    if owner is not None and owner.loop is not None:
        owner.loop.done.discard(step.scope.index)


def fold_execution(plan: Plan, state: ExecutionState, transition: ExecutionTransition) -> None:
    """Fold a transition of the execution itself."""
    state.seq = transition.seq
    previous, state.status = state.status, transition.status
    if transition.detail is not None and "signal" in transition.detail:
        _keep_signal(state, transition)
    if transition.status is ExecutionStatus.RUNNING:
        if previous in FINAL_EXECUTION:
            state.run += 1
            state.failure = None
            state.finished_at = None
        if state.root is None:
            _start(plan, state, transition)
        elif previous in FINAL_EXECUTION:
            _rebuild(plan, state, state.root)
    elif transition.status in FINAL_EXECUTION:
        state.failure = transition.failure
        state.finished_at = transition.at
        state.unhandled.clear()
        state.agenda.clear()


def _keep_signal(state: ExecutionState, transition: ExecutionTransition) -> None:
    detail = transition.detail or {}
    signal_id = str(detail["signalId"])
    state.seen_signals.add(signal_id)
    state.signals.setdefault(str(detail["signal"]), []).append(KeptSignal(signal_id, detail.get("payload")))


def _start(plan: Plan, state: ExecutionState, transition: ExecutionTransition) -> None:
    state.started_at = transition.at
    root = state.root = ScopeState(plan.root, "", None, None, 0, 0)
    root.context = root_context(plan, state, root.outputs)
    open_scope(state, root)


def _rebuild(plan: Plan, state: ExecutionState, root: ScopeState) -> None:
    """Make all derived bookkeeping anew from the statuses of the instances, as after a person's retry."""
    for derived in (state.agenda, state.unhandled, state.scopes, state.open, state.listeners):
        derived.clear()
    state.failed_steps.clear()
    state.attempts_out = 0
    for step in state.steps.values():
        step.decided = step.taken = 0
    root.outputs.clear()
    root.mapped.clear()
    root.context = root_context(plan, state, root.outputs)
    reopen_scope(plan, state, root)
