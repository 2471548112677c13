"""What a worker makes of an execution that it has claimed: its state, and what to feed it first."""

import logging
from collections.abc import Sequence

from engine.runtime.events import (
    ActionFailed,
    ActionSucceeded,
    CancelAsked,
    Event,
    Inboxed,
    PauseAsked,
    Recovered,
    Started,
)
from engine.runtime.fold import apply
from engine.runtime.plan import Plan
from engine.runtime.state import ExecutionHeader, ExecutionState
from engine.runtime.transitions import Transition
from engine.store.claims import Claimed
from workers.held import Held

_log = logging.getLogger(__name__)


def replayed(claimed: Claimed, plan: Plan | None, history: Sequence[Transition]) -> Held | None:
    """The execution as its history left it; None: the history is not of this plan, or there is no plan."""
    if plan is None:
        return None
    header = ExecutionHeader(
        id=claimed.id,
        tenant=claimed.tenant,
        workflow_id=claimed.workflow_id,
        version=claimed.workflow_version,
        trigger_type=claimed.trigger_type,
        trigger_data=claimed.trigger_data,
        started_by=claimed.started_by,
        started_at=claimed.created_at,
        priority=claimed.priority,
        parent_execution_id=claimed.parent.execution_id if claimed.parent else None,
        traceparent=claimed.traceparent,
    )
    state = ExecutionState.new(header)
    try:
        for transition in history:
            apply(plan, state, transition)
    except Exception:  # noqa: BLE001 - whatever is wrong with it, it ends alone and no others suffer
        _log.exception("A history cannot be folded.", extra={"action": "replay", "execution_id": str(claimed.id)})
        return None
    return Held(claimed, plan, state, history[-1].at if history else claimed.created_at)


def first_events(held: Held, mail: Sequence[Inboxed]) -> tuple[list[Event], Sequence[Inboxed]]:
    """What to feed first. Outcomes that a stopping worker left as mail come before the question what is in doubt."""
    if not held.claimed.last_seq:
        return _before_start(held, mail)
    outcomes: list[Event] = []
    rest: list[Inboxed] = []
    for letter in mail:
        if isinstance(letter.event, ActionSucceeded | ActionFailed):
            held.consumed(letter.id)
            outcomes.append(letter.event)
        else:
            rest.append(letter)
    return [*outcomes, Recovered()], rest


def _before_start(held: Held, mail: Sequence[Inboxed]) -> tuple[list[Event], Sequence[Inboxed]]:
    """Who was cancelled or held in the queue does not begin first."""
    early: list[Event] = []
    rest: list[Inboxed] = []
    for letter in mail:
        if isinstance(letter.event, CancelAsked | PauseAsked) and not rest:
            held.consumed(letter.id)
            early.append(letter.event)
        else:
            rest.append(letter)
    return [*early, Started()], rest
