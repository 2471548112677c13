"""Plays one execution on the pure core: time jumps to whatever comes next, results come from the case."""

import heapq
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from engine.actions.interface import ActionContext, Failed, InlineAction
from engine.actions.registry import ActionRegistry
from engine.errors import MaestroError
from engine.jsonvalue import Json
from engine.runtime.advance import advance
from engine.runtime.effects import Await, Effect, OpenTask, RunAction, SetTimer, StartChild
from engine.runtime.events import (
    ActionFailed,
    ActionSucceeded,
    ChildFinished,
    Event,
    EventReceived,
    SignalReceived,
    Started,
    TaskClosed,
    TimerFired,
)
from engine.runtime.plan import Plan
from engine.runtime.state import ExecutionHeader, ExecutionState
from engine.runtime.states import ExecutionStatus
from engine.runtime.transitions import Failure

_EXECUTION: Final = UUID("01900000-0000-7000-8000-000000000001")
_WORKFLOW: Final = UUID("01900000-0000-7000-8000-000000000002")
_TASK: Final = UUID("01900000-0000-7000-8000-00000000000a")
_MIDDLE: Final = 0.5
"""What jitter draws: the wait before another attempt is half of the longest, each time."""
_MOST_EVENTS: Final = 100_000


class CaseError(Exception):
    """The case cannot be played: a result is missing, or the execution waits for what never comes."""


@dataclass(frozen=True, slots=True)
class Canned:
    """What comes back from a step's surroundings; a failure where `failure` is set."""

    output: Json = None
    after_ms: int = 0
    failure: Failure | None = None
    is_retryable: bool = True


@dataclass(frozen=True, slots=True)
class Signal:
    """A signal that is sent at a time after the start."""

    name: str
    payload: Json
    at_ms: int


@dataclass(frozen=True, slots=True)
class Script:
    """All that an execution meets.

    Attributes:
        results: by step id or path; one for each attempt, the last one repeats.
    """

    start: datetime
    trigger_data: Json = None
    results: Mapping[str, tuple[Canned, ...]] = field(default_factory=dict)
    signals: tuple[Signal, ...] = ()


class Play:
    """One execution from its start to its end; `state` and `now` are what is left of it."""

    def __init__(self, plan: Plan, script: Script, actions: ActionRegistry) -> None:
        self.plan = plan
        self.script = script
        self._actions = actions
        self._agenda: list[tuple[datetime, int, Event]] = []
        self._used: dict[tuple[str, str], int] = {}
        self.now = script.start
        self.state = ExecutionState.new(
            ExecutionHeader(
                _EXECUTION, "default", _WORKFLOW, "1.0.0", "manual", script.trigger_data or {}, "test", script.start
            )
        )
        self._added = 0

    def run(self) -> None:
        """Play until the execution has ended.

        Raises:
            CaseError: it cannot end.
        """
        self._add(0, Started())
        for number, signal in enumerate(self.script.signals):
            self._add(signal.at_ms, SignalReceived(signal.name, signal.payload, str(number)))
        for _ in range(_MOST_EVENTS):
            if self.state.status in (ExecutionStatus.COMPLETED, ExecutionStatus.FAILED, ExecutionStatus.CANCELLED):
                return
            if not self._agenda:
                waiting = sorted({key.path for key, step in self.state.steps.items() if not step.status.is_final})
                raise CaseError(f"It waits for ever, at: {', '.join(waiting)}.")
            due, _, event = heapq.heappop(self._agenda)
            self.now = max(self.now, due)
            for effect in advance(self.plan, self.state, event, self.now, lambda: _MIDDLE).effects:
                self._meet(effect)
        raise CaseError(f"It has not ended after {_MOST_EVENTS:,} events.")

    def _add(self, after_ms: int, event: Event) -> None:
        self._at(self.now + timedelta(milliseconds=after_ms), event)

    def _at(self, due: datetime, event: Event) -> None:
        heapq.heappush(self._agenda, (due, self._added, event))
        self._added += 1

    def _meet(self, effect: Effect) -> None:
        match effect:
            case SetTimer():
                self._at(effect.due_at, TimerFired(effect.key, effect.kind, effect.generation, effect.attempt))
            case RunAction():
                self._run_action(effect)
            case OpenTask():
                canned = self._next(effect.key.path, effect.key.iteration)
                if canned is not None:
                    outcome = "completed" if canned.failure is None else "failed"
                    closed = TaskClosed(effect.key, effect.generation, _TASK, outcome, canned.output, canned.failure)
                    self._add(canned.after_ms, closed)
            case StartChild():
                canned = self._needed(effect.key.path, effect.key.iteration)
                status = ExecutionStatus.COMPLETED if canned.failure is None else ExecutionStatus.FAILED
                ended = ChildFinished(
                    effect.key, effect.generation, effect.child_id, status, canned.output, canned.failure
                )
                self._add(canned.after_ms, ended)
            case Await():
                canned = self._next(effect.key.path, effect.key.iteration)
                if canned is not None:
                    event = EventReceived(effect.key, effect.generation, effect.event_type, canned.output, "1")
                    self._add(canned.after_ms, event)
            case _:
                # What stops or forgets needs no answer: the core ignores what comes back for it.
                pass

    def _run_action(self, run: RunAction) -> None:
        canned = self._next(run.key.path, run.key.iteration) or self._computed(run)
        if run.timeout_ms is not None and canned.after_ms >= run.timeout_ms:
            failure = Failure("action.timeout", "The attempt took longer than it may.")
            canned = Canned(after_ms=run.timeout_ms, failure=failure)
        event: Event
        if canned.failure is None:
            event = ActionSucceeded(run.key, run.generation, run.attempt, canned.output)
        else:
            event = ActionFailed(run.key, run.generation, run.attempt, canned.failure, canned.is_retryable)
        self._add(canned.after_ms, event)

    def _computed(self, run: RunAction) -> Canned:
        """Of an action that only computes: what it really gives."""
        try:
            action = self._actions.get(run.action_type)
        except MaestroError as error:
            raise CaseError(error.message) from error
        if not isinstance(action, InlineAction):
            raise CaseError(f"Step {run.key.path!r} reaches outside: give it a result.")
        result = action.compute(
            ActionContext(
                "default", _EXECUTION, run.key.path, run.key.iteration, run.attempt, run.config, run.input,
                run.idempotency_key,
            )
        )  # fmt: skip
        if isinstance(result, Failed):
            return Canned(failure=Failure(result.code, result.message), is_retryable=result.retryable)
        return Canned(result.output)

    def _needed(self, path: str, iteration: str) -> Canned:
        found = self._next(path, iteration)
        if found is None:
            raise CaseError(f"Step {path!r} reaches outside: give it a result.")
        return found

    def _next(self, path: str, iteration: str) -> Canned | None:
        results = self.script.results.get(path) or self.script.results.get(path.rpartition("/")[2])
        if not results:
            return None
        used = self._used.get((path, iteration), 0)
        self._used[path, iteration] = used + 1
        return results[min(used, len(results) - 1)]
