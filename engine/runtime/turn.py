"""One turn of the core: the transitions and effects that one event leads to, gathered while they are folded."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from engine.definitions.conditions import evaluate
from engine.jsonvalue import Json, JsonObject
from engine.runtime.context import context_in, publish
from engine.runtime.effects import CancelTimers, Effect, SetTimer
from engine.runtime.fold import fold_execution, fold_step
from engine.runtime.plan import Plan
from engine.runtime.scopes import fixed_edges, is_inside
from engine.runtime.state import ExecutionState, StepState
from engine.runtime.states import ExecutionStatus, StepStatus, TimerKind
from engine.runtime.transitions import ExecutionTransition, Failure, StepTransition, Transition


@dataclass(frozen=True, slots=True)
class Advance:
    """What one event led to: transitions to commit, in order, and effects (see `engine.runtime.effects`).

    Both are empty where the event is stale: it changes nothing.
    """

    transitions: tuple[Transition, ...]
    effects: tuple[Effect, ...]


class Turn:
    """Emits transitions, folding each at once, and collects effects."""

    __slots__ = ("draw", "effects", "now", "plan", "state", "transitions")

    def __init__(self, plan: Plan, state: ExecutionState, now: datetime, draw: Callable[[], float]) -> None:
        self.plan = plan
        self.state = state
        self.now = now
        self.draw = draw
        self.transitions: list[Transition] = []
        self.effects: list[Effect] = []

    def result(self) -> Advance:
        """All that was gathered."""
        return Advance(tuple(self.transitions), tuple(self.effects))

    def emit(self, step: StepState, transition: StepTransition) -> None:
        """Record and fold a transition of a step."""
        self.transitions.append(transition)
        fold_step(self.plan, self.state, step, transition)
        if step.node.body is not None and step.generation > 0 and transition.status.is_final:
            self._drop_iterations(step)

    def _drop_iterations(self, loop: StepState) -> None:
        """A loop that a retry restarted has ended without some of its earlier iterations: they are cancelled."""
        for step in tuple(self.state.steps.values()):
            if step.status is StepStatus.PENDING and is_inside(step.key, loop.key):
                self.move(step, StepStatus.CANCELLED, step.attempt)

    def move(
        self, step: StepState, status: StepStatus, attempt: int, *, given: Json = None, detail: JsonObject | None = None
    ) -> None:
        """Move a step to an open status or to `skipped`; `given` is its recorded input."""
        transition = StepTransition(
            self.state.seq + 1, step.key, status, self.now, step.generation, attempt, given, None, None, detail
        )
        self.emit(step, transition)

    def back_off(self, step: StepState, due_at: datetime, failure: Failure | None, detail: JsonObject) -> None:
        """An attempt failed (or none could be made while the execution is paused); the next is due at an instant.

        Whoever lets time bring it about sets its timer with `set_retry_timer`; resuming looks at all of them anyway.
        """
        facts: JsonObject = {**detail, "retryAt": due_at.isoformat()}
        transition = StepTransition(
            self.state.seq + 1,
            step.key,
            StepStatus.WAITING,
            self.now,
            step.generation,
            step.attempt,
            None,
            None,
            failure,
            facts,
        )
        self.emit(step, transition)

    def set_retry_timer(self, step: StepState, due_at: datetime) -> None:
        """Have the next attempt of a step begin at an instant."""
        self.effects.append(SetTimer(step.key, TimerKind.RETRY, step.generation, step.attempt, due_at))

    def complete(
        self, step: StepState, attempt: int, output: Json, *, given: Json = None, detail: JsonObject | None = None
    ) -> None:
        """A step has done what it should."""
        if step.node.has_custom:
            detail = self._with_taken(step, StepStatus.COMPLETED, output, None, detail)
        transition = StepTransition(
            self.state.seq + 1,
            step.key,
            StepStatus.COMPLETED,
            self.now,
            step.generation,
            attempt,
            given,
            output,
            None,
            detail,
        )
        self.emit(step, transition)

    def fail(self, step: StepState, attempt: int, failure: Failure, detail: JsonObject | None = None) -> None:
        """A step has failed for good."""
        if step.node.has_custom:
            detail = self._with_taken(step, StepStatus.FAILED, None, failure, detail)
        transition = StepTransition(
            self.state.seq + 1,
            step.key,
            StepStatus.FAILED,
            self.now,
            step.generation,
            attempt,
            None,
            None,
            failure,
            detail,
        )
        self.emit(step, transition)

    def _with_taken(
        self, step: StepState, status: StepStatus, output: Json, failure: Failure | None, detail: JsonObject | None
    ) -> JsonObject:
        """Detail with the connections taken: custom conditions are evaluated once, and replay reads the answer."""
        publish(step.scope, step.node, status, output, failure)
        context = context_in(step.scope)
        probe = StepState(step.node, step.key, step.scope, status, output=output)
        taken: list[Json] = [
            position
            for position, (edge, hit) in enumerate(zip(step.node.out, fixed_edges(probe), strict=True))
            if hit or (edge.custom is not None and evaluate(edge.custom, context))
        ]
        return {**(detail or {}), "taken": taken}

    def move_execution(
        self,
        status: ExecutionStatus,
        *,
        failure: Failure | None = None,
        failed_steps: tuple[str, ...] = (),
        detail: JsonObject | None = None,
    ) -> None:
        """Record and fold a transition of the execution itself."""
        transition = ExecutionTransition(self.state.seq + 1, status, self.now, failure, failed_steps, detail)
        self.transitions.append(transition)
        fold_execution(self.plan, self.state, transition)

    def drop_step_timer(self, step: StepState) -> None:
        """A step that waited under a time limit of its own waits no more."""
        if step.node.holds_timer:
            self.effects.append(CancelTimers(step.key, TimerKind.STEP_TIMEOUT))
