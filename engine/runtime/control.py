"""Control: what people (and parents, and a worker that takes over) ask of an execution."""

from datetime import datetime, timedelta

from engine.definitions.conditions import evaluate
from engine.definitions.model import ActionConfig, Delivery, OnInDoubt, StepType
from engine.jsonvalue import JsonObject
from engine.runtime.context import context_in
from engine.runtime.doubts import OUTCOME_UNKNOWN, ask_probe, fail_in_doubt, hold, is_unknown
from engine.runtime.effects import CancelTimers, SetTimer
from engine.runtime.ending import cancel_undecided, end
from engine.runtime.events import (
    CancelAsked,
    PauseAsked,
    ProbeAnswered,
    Recovered,
    ResumeAsked,
    RetryAsked,
    Started,
    StepResolved,
)
from engine.runtime.resets import next_generation, reset_of
from engine.runtime.starting import begin
from engine.runtime.state import StepState
from engine.runtime.states import EXECUTION_KEY, ExecutionStatus, StepStatus, TimerKind
from engine.runtime.transitions import Failure, StepTransition
from engine.runtime.turn import Turn


def started(turn: Turn, _event: Started) -> None:
    """A worker took the execution for the first time."""
    if turn.state.status is ExecutionStatus.QUEUED:
        _run(turn, None)


def _run(turn: Turn, detail: JsonObject | None) -> None:
    first = turn.state.root is None
    turn.move_execution(ExecutionStatus.RUNNING, detail=detail)
    if first:
        _limit(turn)


def _limit(turn: Turn) -> None:
    if turn.plan.timeout_ms is not None:
        due_at = turn.now + timedelta(milliseconds=turn.plan.timeout_ms)
        turn.effects.append(SetTimer(EXECUTION_KEY, TimerKind.WORKFLOW_TIMEOUT, turn.state.run, 0, due_at))


def recovered(turn: Turn, _event: Recovered) -> None:
    """A worker took over: attempts whose outcome nobody recorded are decided by their `delivery`.

    Timers, tasks, children and waits are rows of the store and outlive any worker; they need nothing here.
    """
    if turn.state.status is ExecutionStatus.QUEUED:
        _run(turn, None)
        return
    for step in tuple(turn.state.open.values()):
        config = step.node.config
        if not isinstance(config, ActionConfig):
            continue
        if step.status is StepStatus.IN_DOUBT:
            ask_probe(turn, step, config)
        elif step.status is StepStatus.RUNNING:
            _decide_lost(turn, step, config)


def _decide_lost(turn: Turn, step: StepState, config: ActionConfig) -> None:
    if config.delivery is Delivery.EFFECTIVELY_ONCE:
        again(turn, step)
        return
    if not hold(turn, step, config):
        _by_policy(turn, step, config)


def _by_policy(turn: Turn, step: StepState, config: ActionConfig) -> None:
    """What `onInDoubt` says of an attempt in doubt that nothing has confirmed; `human` leaves it to a person."""
    if config.on_in_doubt is OnInDoubt.FAIL:
        fail_in_doubt(turn, step)
    elif config.on_in_doubt is OnInDoubt.RETRY:
        again(turn, step)


def probe_answered(turn: Turn, event: ProbeAnswered) -> None:
    """A probe can only confirm: the effect happened, and the step is completed with the probe's output.

    Where it did not happen yet the attempt may still arrive, so that `onInDoubt` decides, as when the probe failed.
    """
    step = turn.state.open.get(event.key)
    if step is None or step.status is not StepStatus.IN_DOUBT:
        return
    config = step.node.config
    if (event.generation, event.attempt) != (step.generation, step.attempt) or not isinstance(config, ActionConfig):
        return
    happened = config.probe is not None and event.failure is None
    if config.probe is not None and happened:
        context = {**context_in(step.scope), "probe": event.output}
        happened = evaluate(config.probe.happened, context)
    if happened:
        turn.complete(step, step.attempt, event.output, detail={"resolvedBy": "probe", "resolution": "completed"})
    else:
        _by_policy(turn, step, config)


def again(turn: Turn, step: StepState) -> None:
    """Make the next attempt: now, or when the execution is resumed."""
    if turn.state.status is ExecutionStatus.RUNNING:
        begin(turn, step)
    else:
        turn.back_off(step, turn.now, None, {})


def cancel_asked(turn: Turn, event: CancelAsked) -> None:
    """End an unfinished execution."""
    end(turn, ExecutionStatus.CANCELLED, None, {"actor": event.actor, "reason": event.reason})


def pause_asked(turn: Turn, event: PauseAsked) -> None:
    """Hold it: nothing new starts, what is out may come back."""
    if turn.state.status is not ExecutionStatus.PAUSED:
        turn.move_execution(ExecutionStatus.PAUSED, detail={"actor": event.actor})


def resume_asked(turn: Turn, event: ResumeAsked) -> None:
    """Go on: decide what has become decidable meanwhile, and look at every back-off again."""
    if turn.state.status is not ExecutionStatus.PAUSED:
        return
    _run(turn, {"actor": event.actor})
    for step in tuple(turn.state.open.values()):
        retry_at = (step.detail or {}).get("retryAt")
        if step.status is not StepStatus.WAITING or not isinstance(retry_at, str):
            continue
        due_at = datetime.fromisoformat(retry_at)
        if due_at <= turn.now:
            turn.effects.append(CancelTimers(step.key, TimerKind.RETRY))
            begin(turn, step)
        else:
            # Its timer may have come and gone while the execution was held.
            turn.set_retry_timer(step, due_at)


def retry_asked(turn: Turn, event: RetryAsked) -> None:
    """Run failed work again, under the same id; see `engine.runtime.resets` for what is kept."""
    state = turn.state
    if not state.status.is_final or (state.status is ExecutionStatus.COMPLETED and event.from_step_id is None):
        return
    if state.root is None:
        # It ended before it began: cancelled in the queue, or quarantined by workers that died of it.
        _run(turn, {"actor": event.actor, "retry": True, "restartSuccessful": event.restart_successful})
        return
    if state.open:
        # Quarantine ended it from outside, and its steps stand as they did when its last worker died.
        cancel_undecided(turn)
    resets = reset_of(turn.plan, state, event.from_step_id, restart_successful=event.restart_successful)
    if not resets and event.from_step_id is not None:
        return
    for step in sorted((state.steps[key] for key in resets), key=lambda step: step.seq):
        _reset(turn, step, resume=resets[step.key], asked_for=_is_asked_for(step, event))
    facts: JsonObject = {"actor": event.actor, "retry": True, "restartSuccessful": event.restart_successful}
    if event.from_step_id is not None:
        facts["fromStepId"] = event.from_step_id
    turn.move_execution(ExecutionStatus.RUNNING, detail=facts)
    _limit(turn)


def _is_asked_for(step: StepState, event: RetryAsked) -> bool:
    """Whether the person named this very step: then it is sent again, in doubt or not."""
    return event.from_step_id in (step.key.path, step.node.step_id)


def _reset(turn: Turn, step: StepState, *, resume: bool, asked_for: bool) -> None:
    detail: JsonObject | None = None
    if resume and step.loop is not None:
        detail = {"resume": True}
    elif is_unknown(step) and not asked_for:
        detail = {OUTCOME_UNKNOWN: True}
    transition = StepTransition(
        turn.state.seq + 1,
        step.key,
        StepStatus.PENDING,
        turn.now,
        next_generation(step),
        step.attempt,
        detail=detail,
    )
    turn.emit(step, transition)


def step_resolved(turn: Turn, event: StepResolved) -> None:
    """A person or a probe decided an attempt in doubt; of any other step it changes nothing."""
    step = turn.state.open.get(event.key)
    if step is None or step.status is not StepStatus.IN_DOUBT or step.node.type is not StepType.ACTION:
        return
    facts: JsonObject = {"resolvedBy": event.actor, "resolution": event.outcome}
    if event.comment:
        facts["comment"] = event.comment
    match event.outcome:
        case "completed":
            turn.complete(step, step.attempt, event.output, detail=facts)
        case "failed":
            failure = Failure(
                "step.resolved_as_failed", event.comment or "The attempt in doubt was resolved as failed."
            )
            turn.fail(step, step.attempt, failure, facts)
        case "retry":
            turn.back_off(step, turn.now, None, facts)
            if turn.state.status is ExecutionStatus.RUNNING:
                begin(turn, step)
        case _:
            pass
