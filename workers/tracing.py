"""Spans of executions: the process, the execution, its steps, their attempts.

Nothing of it is stored but the caller's trace context, with the execution. Ids of spans that others must know before
they are recorded are derived from what they stand for: so the attempts of a step, made by whichever worker, before or
after a crash, hang on one span of the step, and the work of a later holder is linked to that of the one before.
"""

import logging
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from hashlib import blake2b
from typing import Final, Literal

from opentelemetry.trace import INVALID_SPAN, Link, Span, SpanContext, SpanKind

from engine.actions.interface import ActionContext, Failed, Result
from engine.definitions.model import StepType
from engine.queue.messages import Ring, UnreadableMessage
from engine.queue.spans import operation
from engine.queue.streams import DESTINATION
from engine.runtime.effects import RunAction
from engine.runtime.events import ChildFinished, Event, EventReceived, Inboxed, SignalReceived, TaskClosed, TimerFired
from engine.runtime.state import ExecutionState
from engine.runtime.states import StepKey, StepStatus
from engine.runtime.transitions import StepTransition
from engine.store.checkpoints import Commit
from engine.store.claims import Claimed
from engine.telemetry import tracing
from engine.telemetry.tracing import Attribute

_log = logging.getLogger(__name__)

NS: Final = 1_000_000_000
LOST: Final = "lease.lost"
_TOLD: Final = frozenset({StepStatus.COMPLETED, StepStatus.FAILED})
_UNDER_WAY: Final = frozenset({StepStatus.RUNNING, StepStatus.WAITING})
_PROBE: Final = ":probe"

Reason = Literal["takeover", "timer", "task", "signal", "child", "person", "bell"]


_REASONS: Final[Mapping[type[Event], Reason]] = {
    TimerFired: "timer",
    TaskClosed: "task",
    SignalReceived: "signal",
    EventReceived: "signal",
    ChildFinished: "child",
}


class ExecutionTrace:
    """What one execution leaves in its trace while this worker holds it.

    Of a trace that is not sampled, only steps that failed or were slow are recorded, when they are over.
    """

    __slots__ = ("_claimed", "_is_sampled", "_span", "_started", "_stored", "context")

    def __init__(self, claimed: Claimed, stored: SpanContext | None, span: Span) -> None:
        self._claimed = claimed
        self._stored = stored
        self._span = span
        self._is_sampled = span.is_recording()
        self._started: dict[StepKey, datetime] = {}
        self.context = span.get_span_context() if self._is_sampled else stored

    def committed(self, state: ExecutionState, commit: Commit) -> None:
        """This is durable: steps that are over leave their spans, and so does the execution if it was given back."""
        with _harmless(self._claimed):
            self._tell(state, commit)

    def _tell(self, state: ExecutionState, commit: Commit) -> None:
        for transition in commit.transitions:
            if not isinstance(transition, StepTransition):
                continue
            if transition.status in _UNDER_WAY:
                self._started.setdefault(transition.key, transition.at)
            elif transition.status in _TOLD:
                self._step(state, transition)
        if commit.release:
            self._span.set_attribute("maestro.execution.status", commit.status.value)
            self._end(None if commit.failure is None else commit.failure.code)

    def computed(self, run: RunAction, result: Result, began_ns: int) -> None:
        """An action was computed within the worker: the span of its attempt."""
        if not self._is_sampled or self.context is None:
            return
        with _harmless(self._claimed):
            tracing.record(
                f"attempt {run.action_type}",
                start_ns=began_ns,
                end_ns=time.time_ns(),
                attributes=_of_attempt(run.key, run.attempt, run.action_type),
                parent=tracing.sibling(self.context, span_id_of(run.idempotency_key)),
                error_type=result.code if isinstance(result, Failed) else None,
            )

    def lost(self) -> None:
        """Another holder has it, or will have it, and tells of this one too."""
        self._span = INVALID_SPAN

    def failed(self, code: str) -> None:
        """It cannot be advanced: nobody takes it any more."""
        self._end(code)

    def _end(self, error_type: str | None) -> None:
        span, self._span = self._span, INVALID_SPAN
        if error_type is not None and span.is_recording():
            tracing.fail(span, error_type)
        span.end()

    def _step(self, state: ExecutionState, over: StepTransition) -> None:
        found = state.steps.get(over.key)
        began = self._started.pop(over.key, None)
        if began is None and found is not None and found.generation == over.generation:
            began = found.started_at
        began = began or over.at
        kind = None if found is None else found.node.type
        is_slow = kind is StepType.ACTION and (over.at - began).total_seconds() >= tracing.slow_step_s()
        if not (self._is_sampled or is_slow or over.status is StepStatus.FAILED):
            return
        tracing.record(
            "step" if kind is None else f"step {kind.value}",
            start_ns=_ns(began),
            end_ns=_ns(over.at),
            attributes=self._of_step(over, is_slow=is_slow),
            parent=self._parent_of(state, over.key),
            span_id=span_id_of(_step_name(self._claimed, over.key, over.generation)) if self._is_sampled else None,
            error_type=None if over.failure is None else over.failure.code,
        )

    def _of_step(self, over: StepTransition, *, is_slow: bool) -> dict[str, Attribute]:
        found: dict[str, Attribute] = {
            tracing.EXECUTION_ID: str(self._claimed.id),
            **_of_key(over.key),
            "maestro.step.status": over.status.value,
            "maestro.step.attempts": over.attempt,
            "maestro.step.generation": over.generation,
        }
        return found if self._is_sampled else found | {"maestro.late": True, "maestro.step.slow": is_slow}

    def _parent_of(self, state: ExecutionState, key: StepKey) -> SpanContext | None:
        """The loop around a step, else the execution."""
        loop, _, _ = key.path.rpartition("/")
        if not loop or not self._is_sampled or self.context is None:
            return self.context
        outer = StepKey(loop, key.iteration.rpartition(".")[0])
        found = state.steps.get(outer)
        name = _step_name(self._claimed, outer, 0 if found is None else found.generation)
        return tracing.sibling(self.context, span_id_of(name))


def begin(
    claimed: Claimed,
    rung_by: Sequence[Ring | UnreadableMessage],
    reason: Reason,
    taken_ns: int,
    latest: datetime,
) -> ExecutionTrace | None:
    """The trace of an execution that was just claimed, with the span of the message that led to it.

    Args:
        claimed: what was claimed.
        rung_by: messages that spoke of it; none where the sweep found it.
        reason: why it goes on, where it was held before.
        taken_ns: when the messages were taken in hand.
        latest: when its newest checkpoint was made.
    """
    if not tracing.is_on():
        return None
    with _harmless(claimed):
        return _begin(claimed, rung_by, reason, taken_ns, latest)
    return None


def _begin(
    claimed: Claimed,
    rung_by: Sequence[Ring | UnreadableMessage],
    reason: Reason,
    taken_ns: int,
    latest: datetime,
) -> ExecutionTrace:
    stored = tracing.context_of(claimed.traceparent)
    if stored is None or not stored.trace_flags.sampled:
        return ExecutionTrace(claimed, stored, INVALID_SPAN)
    rings = [message for message in rung_by if isinstance(message, Ring)]
    links = [Link(one, {"maestro.link": "rung by"}) for ring in rings if (one := _foreign(ring, stored)) is not None]
    parent = _process(claimed, rings, stored, links, taken_ns) if rings else stored
    if claimed.epoch > 1:
        before = tracing.sibling(stored, span_id_of(_held_name(claimed, claimed.epoch - 1)))
        links.append(Link(before, {"maestro.link": "continues", "maestro.link.reason": reason}))
        if reason == "takeover":
            _stand_in(claimed, stored, latest)
    span = tracing.begin(
        "execution",
        parent,
        attributes=_of_execution(claimed, reason),
        links=links,
        span_id=span_id_of(_held_name(claimed, claimed.epoch)),
    )
    return ExecutionTrace(claimed, stored, span)


def reason_of(claimed: Claimed, mail: Sequence[Inboxed]) -> Reason:
    """Why an execution goes on that was held before: what came for it first, if its holder had not just gone away."""
    if claimed.rescued:
        return "takeover"
    return _REASONS.get(type(mail[0].event), "person") if mail else "bell"


@contextmanager
def attempting(action_type: str, context: ActionContext) -> Iterator[Span]:
    """The span of an attempt that waits for the outside, current while it is made; of a sampled trace only."""
    stored = tracing.sampled_context_of(context.traceparent)
    if stored is None:
        yield INVALID_SPAN
        return
    parent = tracing.sibling(stored, span_id_of(context.idempotency_key.removesuffix(_PROBE)))
    attributes = _of_attempt(StepKey(context.step_path, context.iteration), context.attempt, action_type)
    attributes[tracing.EXECUTION_ID] = str(context.execution_id)
    with tracing.span(f"attempt {action_type}", attributes=attributes, parent=parent) as span:
        yield span


def span_id_of(name: str) -> int:
    """The id of the span that stands for what has this name."""
    return int.from_bytes(blake2b(name.encode(), digest_size=8).digest()) or 1


def _process(
    claimed: Claimed, rings: Sequence[Ring], stored: SpanContext, foreign: Sequence[Link], taken_ns: int
) -> SpanContext:
    """`process`: child of the stored context and linked to it, and to whoever else rang."""
    attributes = operation("process", "process") | {
        "messaging.message.id": rings[0].message_id,
        tracing.EXECUTION_ID: str(claimed.id),
    }
    recorded = tracing.record(
        f"process {DESTINATION}",
        start_ns=taken_ns,
        end_ns=time.time_ns(),
        kind=SpanKind.CONSUMER,
        attributes=attributes,
        parent=stored,
        links=[Link(stored), *foreign],
    )
    return recorded or stored


def _stand_in(claimed: Claimed, stored: SpanContext, latest: datetime) -> None:
    """The span of the holder before, who cannot tell any more: what it had recorded beneath hangs on it."""
    epoch = claimed.epoch - 1
    tracing.record(
        "execution",
        start_ns=_ns(claimed.started_at if epoch == 1 else latest),
        end_ns=time.time_ns(),
        attributes=_of_execution(claimed, None) | {"maestro.lease.epoch": epoch, "maestro.late": True},
        parent=stored,
        span_id=span_id_of(_held_name(claimed, epoch)),
        error_type=LOST,
    )


def _foreign(ring: Ring, stored: SpanContext) -> SpanContext | None:
    """Who rang, where that is another span than the one that started the execution."""
    context = tracing.context_of(ring.traceparent)
    is_own = context is not None and (context.trace_id, context.span_id) == (stored.trace_id, stored.span_id)
    return None if is_own else context


def _of_execution(claimed: Claimed, reason: Reason | None) -> dict[str, Attribute]:
    found: dict[str, Attribute] = {
        tracing.EXECUTION_ID: str(claimed.id),
        "maestro.workflow.id": str(claimed.workflow_id),
        "maestro.workflow.version": claimed.workflow_version,
        "maestro.tenant": claimed.tenant,
        "maestro.lease.epoch": claimed.epoch,
    }
    return found if reason is None or claimed.epoch == 1 else found | {"maestro.resumed_by": reason}


def _of_key(key: StepKey) -> dict[str, Attribute]:
    found: dict[str, Attribute] = {"maestro.step.path": key.path}
    return found | {"maestro.step.iteration": key.iteration} if key.iteration else found


def _of_attempt(key: StepKey, attempt: int, action_type: str) -> dict[str, Attribute]:
    return _of_key(key) | {"maestro.step.attempt": attempt, "maestro.action.type": action_type}


def _step_name(claimed: Claimed, key: StepKey, generation: int) -> str:
    """As the idempotency key of its attempts."""
    return f"{claimed.id}:{key.path}:{key.iteration or '-'}:{generation}"


@contextmanager
def _harmless(claimed: Claimed) -> Iterator[None]:
    """What only tells of the work must never stop it."""
    try:
        yield
    except Exception:  # noqa: BLE001 - see there
        facts = {"action": "tracing", "execution_id": str(claimed.id)}
        _log.exception("Spans could not be recorded.", extra=facts)


def _held_name(claimed: Claimed, epoch: int) -> str:
    return f"{claimed.id}@{epoch}"


def _ns(at: datetime) -> int:
    return int(at.timestamp() * NS)
