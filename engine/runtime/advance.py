"""`advance`: the one function by which an execution moves."""

from collections.abc import Callable
from datetime import datetime
from typing import Any, Final

from engine.runtime import control, outcomes
from engine.runtime.ending import complete, settle_failure
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
from engine.runtime.plan import Plan
from engine.runtime.starting import decide
from engine.runtime.state import ExecutionState
from engine.runtime.states import FINAL_EXECUTION, ExecutionStatus
from engine.runtime.turn import Advance, Turn

__all__ = ["Advance", "advance"]

_NOTHING: Final = Advance((), ())


def advance(plan: Plan, state: ExecutionState, event: Event, now: datetime, draw: Callable[[], float]) -> Advance:
    """Decide what an event leads to, and fold that into `state` in place.

    Runs of steps that touch nothing outside are decided within one call. It may be called several times before its
    transitions are committed, in order, in one commit; the effects of all these calls follow it. A stale event (of
    another generation or attempt, of a decided step, of a final execution) changes nothing.

    Args:
        plan: of the version that the execution is pinned to.
        state: of the execution, with all its recorded transitions folded.
        event: what happened.
        now: stamps all transitions; never before that of an earlier call.
        draw: evenly from [0, 1), for jitter; what was drawn stands in the transition.
    """
    if state.status in FINAL_EXECUTION and type(event) is not RetryAsked:
        return _NOTHING
    turn = Turn(plan, state, now, draw)
    _HANDLERS[type(event)](turn, event)
    if state.status is ExecutionStatus.RUNNING:
        _drain(turn)
    return turn.result()


def _drain(turn: Turn) -> None:
    """Decide whatever can be decided, failures that end something first, until nothing is left."""
    state = turn.state
    while state.status is ExecutionStatus.RUNNING:
        if state.unhandled:
            settle_failure(turn, next(iter(state.unhandled.values())))
        elif state.agenda:
            for key, step in tuple(state.agenda.items()):
                # An earlier one may have brought this one down.
                if state.unhandled:
                    break
                if key in state.agenda:
                    decide(turn, step)
        else:
            if state.root is not None and state.root.remaining == 0:
                complete(turn)
            break


_HANDLERS: Final[dict[type[Event], Callable[[Turn, Any], None]]] = {
    Started: control.started,
    Recovered: control.recovered,
    ActionSucceeded: outcomes.action_succeeded,
    ActionFailed: outcomes.action_failed,
    TimerFired: outcomes.timer_fired,
    TaskClosed: outcomes.task_closed,
    ChildFinished: outcomes.child_finished,
    SignalReceived: outcomes.signal_received,
    EventReceived: outcomes.event_received,
    CancelAsked: control.cancel_asked,
    PauseAsked: control.pause_asked,
    ResumeAsked: control.resume_asked,
    RetryAsked: control.retry_asked,
    StepResolved: control.step_resolved,
    ProbeAnswered: control.probe_answered,
}
