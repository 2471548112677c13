"""Plays one execution on the pure core: time jumps to whatever comes next, results come from the case."""

import heapq
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from engine.actions.interface import ActionContext, Failed, InlineAction
from engine.actions.registry import ActionRegistry
from engine.errors import MaestroError
from engine.runtime.advance import advance
from engine.runtime.effects import Await, CloseTask, Effect, OpenTask, RunAction, SetTimer, StartChild
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
from engine.runtime.states import ExecutionStatus, StepKey
from engine.runtime.transitions import Failure
from scripts.workflow_tests.canned import Canned, CaseError, Script
from scripts.workflow_tests.desk import Alarm, Desk, Due, Work

_EXECUTION: Final = UUID("01900000-0000-7000-8000-000000000001")
_WORKFLOW: Final = UUID("01900000-0000-7000-8000-000000000002")
_MIDDLE: Final = 0.5
"""What jitter draws: the wait before another attempt is half of the longest, each time."""
_MOST_EVENTS: Final = 100_000


class Play:
    """One execution from its start to its end; `state` and `now` are what is left of it."""

    def __init__(self, plan: Plan, script: Script, actions: ActionRegistry) -> None:
        self.plan = plan
        self.script = script
        self._actions = actions
        self.desk = Desk(script.started_by)
        self._agenda: list[tuple[datetime, int, Event | Work | Alarm]] = []
        self._used: dict[tuple[str, str], int] = {}
        self.now = script.start
        self.state = ExecutionState.new(
            ExecutionHeader(
                _EXECUTION,
                "default",
                _WORKFLOW,
                "1.0.0",
                "manual",
                script.trigger_data or {},
                script.started_by,
                script.start,
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
            due, _, entry = heapq.heappop(self._agenda)
            self.now = max(self.now, due)
            event = self._at_the_desk(entry) if isinstance(entry, Work | Alarm) else entry
            if event is not None:
                for effect in advance(self.plan, self.state, event, self.now, lambda: _MIDDLE).effects:
                    self._meet(effect)
        raise CaseError(f"It has not ended after {_MOST_EVENTS:,} events.")

    def _add(self, after_ms: int, event: Event) -> None:
        self._at(self.now + timedelta(milliseconds=after_ms), event)

    def _at(self, due: datetime, entry: Event | Work | Alarm) -> None:
        heapq.heappush(self._agenda, (due, self._added, entry))
        self._added += 1

    def _meet(self, effect: Effect) -> None:
        match effect:
            case SetTimer():
                self._at(effect.due_at, TimerFired(effect.key, effect.kind, effect.generation, effect.attempt))
            case RunAction():
                self._run_action(effect)
            case OpenTask():
                self._open(effect)
            case CloseTask():
                self.desk.close(effect.key, self.now)
            case StartChild():
                canned = self._needed(effect.key.path, effect.key.iteration)
                status = ExecutionStatus.COMPLETED if canned.failure is None else ExecutionStatus.FAILED
                ended = ChildFinished(
                    effect.key, effect.generation, effect.child_id, status, canned.output, canned.failure
                )
                self._add(canned.after_ms, ended)
            case Await():
                heard = self._next(effect.key.path, effect.key.iteration)
                if heard is not None:
                    event = EventReceived(effect.key, effect.generation, effect.event_type, heard.output, "1")
                    self._add(heard.after_ms, event)
            case _:
                # What stops or forgets needs no answer: the core ignores what comes back for it.
                pass

    def _open(self, effect: OpenTask) -> None:
        opened = self.desk.open(effect, self.now)
        if isinstance(opened, TaskClosed):
            self._add(0, opened)
            return
        self._plan_for(opened)
        self._occupy(effect.key)

    def _at_the_desk(self, entry: Work | Alarm) -> Event | None:
        news, due = self.desk.meet(entry, self.now)
        self._plan_for(due)
        if news is None and isinstance(entry, Work) and entry.hands_in and self.desk.held[entry.key].task.votes:
            self._occupy(entry.key)
        return news

    def _occupy(self, key: StepKey) -> None:
        """Let the next result of the case be somebody's work on a task; without one the task waits."""
        canned = self._next(key.path, key.iteration)
        if canned is not None:
            self._plan_for(self.desk.work_on(key, canned, self.now))

    def _plan_for(self, due: Iterable[Due]) -> None:
        for at, entry in due:
            self._at(at, entry)

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
