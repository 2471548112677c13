"""Drives one execution by hand. After every event it replays the recorded transitions and compares the states."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import TypeVar
from uuid import UUID

from engine.jsonvalue import Json, JsonObject
from engine.runtime.advance import Advance, advance
from engine.runtime.effects import Effect, Finish, RunAction, SetTimer
from engine.runtime.events import ActionFailed, ActionSucceeded, Event, Recovered, Started, TimerFired
from engine.runtime.fold import apply
from engine.runtime.plan import Plan
from engine.runtime.state import ExecutionHeader, ExecutionState
from engine.runtime.states import (
    EXECUTION_MOVES,
    STEP_MOVES,
    ExecutionStatus,
    StepKey,
    StepStatus,
    TimerKind,
)
from engine.runtime.transitions import Failure, StepTransition, Transition
from tests.runtime.simulation.digests import digest

T0 = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
EXECUTION = UUID("01900000-0000-7000-8000-000000000001")
WORKFLOW = UUID("01900000-0000-7000-8000-000000000002")
E = TypeVar("E", bound=Effect)


def header(trigger_data: Json = None) -> ExecutionHeader:
    return ExecutionHeader(
        id=EXECUTION,
        tenant="acme",
        workflow_id=WORKFLOW,
        version="1.2.0",
        trigger_type="manual",
        trigger_data={} if trigger_data is None else trigger_data,
        started_by="ada",
    )


class Driver:
    """One execution under a test's hands."""

    def __init__(self, plan: Plan, trigger_data: Json = None, draw: Callable[[], float] = lambda: 0.5) -> None:
        self.plan = plan
        self.header = header(trigger_data)
        self.state = ExecutionState.new(self.header)
        self.now = T0
        self.draw = draw
        self.records: list[Transition] = []
        self.runs: dict[StepKey, RunAction] = {}
        self.last = Advance((), ())

    def feed(self, event: Event) -> Advance:
        before = {key: step.status for key, step in self.state.steps.items()}
        status = self.state.status
        self.last = advance(self.plan, self.state, event, self.now, self.draw)
        self.records.extend(self.last.transitions)
        self._check_moves(before, status)
        for run in self.effects(RunAction):
            self.runs[run.key] = run
        assert digest(self.plan, self.replayed()) == digest(self.plan, self.state)
        return self.last

    def _check_moves(self, before: dict[StepKey, StepStatus], status: ExecutionStatus) -> None:
        for transition in self.last.transitions:
            if isinstance(transition, StepTransition):
                was = before.get(transition.key, StepStatus.PENDING)
                assert transition.status in STEP_MOVES[was], (transition.key, was, transition.status)
                before[transition.key] = transition.status
            else:
                assert transition.status in EXECUTION_MOVES[status], (status, transition.status)
                status = transition.status
        assert [t.seq for t in self.records] == list(range(1, len(self.records) + 1))

    def replayed(self) -> ExecutionState:
        state = ExecutionState.new(self.header)
        for transition in self.records:
            apply(self.plan, state, transition)
        return state

    def crash(self) -> Advance:
        self.state = self.replayed()
        return self.feed(Recovered())

    def start(self) -> "Driver":
        self.feed(Started())
        return self

    def run_of(self, path: str, iteration: str = "") -> RunAction:
        return self.runs[StepKey(path, iteration)]

    def succeed(self, path: str, output: Json = None, iteration: str = "") -> Advance:
        run = self.run_of(path, iteration)
        return self.feed(ActionSucceeded(run.key, run.generation, run.attempt, {} if output is None else output))

    def fail(
        self,
        path: str,
        code: str = "http.503",
        *,
        iteration: str = "",
        retryable: bool = True,
        retry_after_ms: int | None = None,
        details: JsonObject | None = None,
    ) -> Advance:
        run = self.run_of(path, iteration)
        failure = Failure(code, "It did not work.", details)
        return self.feed(ActionFailed(run.key, run.generation, run.attempt, failure, retryable, retry_after_ms))

    def fire(self, timer: SetTimer) -> Advance:
        self.now = max(self.now, timer.due_at)
        return self.feed(TimerFired(timer.key, timer.kind, timer.generation, timer.attempt))

    def later(self, milliseconds: int) -> "Driver":
        self.now += timedelta(milliseconds=milliseconds)
        return self

    def effects(self, kind: type[E]) -> list[E]:
        return [effect for effect in self.last.effects if isinstance(effect, kind)]

    def effect(self, kind: type[E]) -> E:
        (found,) = self.effects(kind)
        return found

    def timer(self, kind: TimerKind) -> SetTimer:
        (found,) = [timer for timer in self.effects(SetTimer) if timer.kind is kind]
        return found

    def finish(self) -> Finish:
        return self.effect(Finish)

    def execution_status(self) -> str:
        return self.state.status.value

    def status(self, path: str, iteration: str = "") -> StepStatus:
        step = self.state.steps.get(StepKey(path, iteration))
        return StepStatus.PENDING if step is None else step.status

    def statuses(self) -> dict[str, str]:
        return {
            f"{key.path}[{key.iteration}]" if key.iteration else key.path: step.status.value
            for key, step in self.state.steps.items()
        }
