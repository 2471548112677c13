"""A model of everything around the core: store, queue, timers, tasks, children, a far side; under one seeded scheduler.

One worker at a time holds the execution. Whatever happens next (an attempt comes back, a timer comes due, a commit is
written, the worker crashes) is drawn from the seed, so that a failing run is run again by its seed.
"""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from random import Random
from uuid import UUID

from engine.definitions.model import Delivery
from engine.jsonvalue import Json
from engine.runtime.advance import Advance, advance
from engine.runtime.effects import (
    Await,
    CancelChild,
    CancelTimers,
    CloseTask,
    Effect,
    Finish,
    OpenTask,
    Probe,
    RunAction,
    SetTimer,
    StartChild,
    StopAction,
    StopAwaiting,
)
from engine.runtime.events import (
    ActionFailed,
    ActionSucceeded,
    ChildFinished,
    Event,
    EventReceived,
    PauseAsked,
    Recovered,
    ResumeAsked,
    RetryAsked,
    SignalReceived,
    Started,
    StepResolved,
    TaskClosed,
    TimerFired,
)
from engine.runtime.fold import apply
from engine.runtime.plan import Plan
from engine.runtime.state import ExecutionState
from engine.runtime.states import ExecutionStatus, StepKey, StepStatus, TimerKind
from engine.runtime.transitions import Failure, StepTransition, Transition
from tests.runtime.driver import T0, header
from tests.runtime.simulation.digests import digest

AttemptId = tuple[StepKey, int, int]
TASK = UUID("01900000-0000-7000-8000-00000000000a")
MOST_MOVES = 5_000


@dataclass(slots=True)
class Script:
    """How the far side behaves: the same in whatever order things happen.

    Attributes:
        failures: by step path: attempts that fail before one succeeds.
        crashes: crashes still allowed; a run without any is the measure of the others.
        pauses: times that a person holds the execution for a while.
    """

    failures: dict[str, int] = field(default_factory=dict)
    trigger_data: Json = None
    crashes: int = 0
    pauses: int = 0


@dataclass(slots=True)
class Store:
    """What survives a crash."""

    records: list[Transition] = field(default_factory=list)
    timers: dict[tuple[StepKey, TimerKind], SetTimer] = field(default_factory=dict)
    tasks: dict[StepKey, OpenTask] = field(default_factory=dict)
    children: dict[StepKey, StartChild] = field(default_factory=dict)
    waits: dict[StepKey, Await] = field(default_factory=dict)
    inbox: list[Event] = field(default_factory=list)
    finished: list[Finish] = field(default_factory=list)


class World:
    """One execution, from its acceptance to its end."""

    def __init__(self, plan: Plan, script: Script, random: Random) -> None:
        self.plan = plan
        self.script = script
        self.random = random
        self.now: datetime = T0
        self.store = Store()
        self.header = header(script.trigger_data)
        self.state = ExecutionState.new(self.header)
        self.out: dict[AttemptId, RunAction] = {}
        self.pending: list[Advance] = []
        self.mail_taken = 0
        self.sent: Counter[str] = Counter()
        self.sent_once: Counter[str] = Counter()
        self.signals = 0
        self.moves = 0
        self.left_timers: dict[tuple[StepKey, TimerKind], SetTimer] = {}
        self._feed(Started())

    def run(self) -> "World":
        """Let things happen until the execution has ended and all is written."""
        ends = len(self.store.finished) + 1
        while len(self.store.finished) < ends or self.pending:
            self.moves += 1
            assert self.moves < MOST_MOVES, "The execution does not end."
            moves = self._moves()
            assert moves, f"Nothing can happen any more: {self.state.status}"
            self.random.choice(moves)()
        return self

    def retry(self, asked: RetryAsked) -> "World":
        """A person asks for a retry after the end; from now on nothing fails."""
        self.script.failures = {}
        self.moves = 0
        self.store.inbox[:] = [asked]
        self._take_mail()
        if self.pending[-1].transitions:
            return self.run()
        self._commit()
        return self

    def _moves(self) -> list[Callable[[], None]]:
        moves: list[Callable[[], None]] = []
        if self.pending:
            moves += [self._commit, self._commit]
        if self.script.crashes > 0:
            moves.append(self._crash)
        if self.script.pauses > 0 and self.state.status is ExecutionStatus.RUNNING:
            moves.append(self._pause)
        if self.state.status is ExecutionStatus.PAUSED:
            moves.append(lambda: self.store.inbox.append(ResumeAsked("ada")))
        if len(self.store.inbox) > self.mail_taken:
            moves.append(self._take_mail)
        moves += [lambda run=run: self._come_back(run) for run in self.out.values()]  # type: ignore[misc]  # bound now
        moves += self._outside_moves()
        return moves

    def _outside_moves(self) -> list[Callable[[], None]]:
        store = self.store
        moves: list[Callable[[], None]] = []
        moves += [lambda timer=timer: self._fire(timer) for timer in store.timers.values()]  # type: ignore[misc]
        moves += [lambda task=task: self._close(task) for task in store.tasks.values()]  # type: ignore[misc]
        moves += [lambda child=child: self._end_child(child) for child in store.children.values()]  # type: ignore[misc]
        moves += [lambda wait=wait: self._tell(wait) for wait in store.waits.values()]  # type: ignore[misc]
        names = [name for name, found in self.state.listeners.items() if found]
        moves += [lambda name=name: self._signal(name) for name in names]  # type: ignore[misc]
        doubts = [s for s in self.state.open.values() if s.status is StepStatus.IN_DOUBT]
        moves += [lambda key=step.key: self._resolve(key) for step in doubts]  # type: ignore[misc]
        return moves

    def _feed(self, event: Event) -> None:
        advanced = advance(self.plan, self.state, event, self.now, self.random.random)
        self.pending.append(advanced)
        for transition in advanced.transitions:
            if isinstance(transition, StepTransition) and transition.status is StepStatus.RUNNING:
                self._check_decided(transition.key)

    def _check_decided(self, key: StepKey) -> None:
        """No step runs before everything that leads to it is decided."""
        for step in self.state.steps.values():
            leads_here = any(edge.target.path == key.path for edge in step.node.out)
            if leads_here and step.key.iteration == key.iteration:
                assert step.status.is_final, (step.key, key)

    def _commit(self) -> None:
        """Write all that is pending in one transaction; outside effects start after it."""
        advances, self.pending = self.pending, []
        effects = [effect for advanced in advances for effect in advanced.effects]
        for advanced in advances:
            self.store.records.extend(advanced.transitions)
        del self.store.inbox[: self.mail_taken]
        self.mail_taken = 0
        for effect in effects:
            self._write(effect)
        for effect in effects:
            if isinstance(effect, RunAction):
                self.out[(effect.key, effect.generation, effect.attempt)] = effect
            elif isinstance(effect, StopAction):
                self.out.pop((effect.key, effect.generation, effect.attempt), None)

    def _write(self, effect: Effect) -> None:
        match effect:
            case SetTimer(key=key, kind=kind):
                self.store.timers[(key, kind)] = effect
            case OpenTask(key=key):
                self.store.tasks[key] = effect
            case StartChild(key=key):
                self.store.children[key] = effect
            case Await(key=key):
                self.store.waits[key] = effect
            case Finish():
                self.store.finished.append(effect)
                self.left_timers = dict(self.store.timers)
                self.store.timers.clear()
            case CancelTimers() | CloseTask() | CancelChild() | StopAwaiting():
                self._withdraw(effect)
            case RunAction() | StopAction() | Probe():
                pass

    def _withdraw(self, effect: CancelTimers | CloseTask | CancelChild | StopAwaiting) -> None:
        match effect:
            case CancelTimers(key=key, kind=kind):
                for place in [p for p in self.store.timers if p[0] == key and kind in (None, p[1])]:
                    del self.store.timers[place]
            case CloseTask(key=key):
                self.store.tasks.pop(key, None)
            case CancelChild(key=key):
                self.store.children.pop(key, None)
            case StopAwaiting(key=key):
                self.store.waits.pop(key, None)

    def _crash(self) -> None:
        """The worker dies: what was not written is gone; another one takes over from the records."""
        self.script.crashes -= 1
        self.pending.clear()
        self.out.clear()
        self.mail_taken = 0
        self.state = ExecutionState.new(self.header)
        for transition in self.store.records:
            apply(self.plan, self.state, transition)
        again = ExecutionState.new(self.header)
        for transition in self.store.records:
            apply(self.plan, again, transition)
        assert digest(self.plan, again) == digest(self.plan, self.state)
        self._feed(Recovered())

    def _pause(self) -> None:
        self.script.pauses -= 1
        self.store.inbox.append(PauseAsked("ada"))

    def _take_mail(self) -> None:
        """Fold the next row of the inbox; it is deleted with the commit of what came of it."""
        event = self.store.inbox[self.mail_taken]
        self.mail_taken += 1
        self._feed(event)

    def _come_back(self, run: RunAction) -> None:
        """The far side has done its part; the worker may still die before it hears of it."""
        self.sent[run.idempotency_key] += 1
        if run.delivery is Delivery.AT_MOST_ONCE:
            self.sent_once[run.idempotency_key] += 1
        if self.script.crashes > 0 and self.random.random() < 0.1:
            self._crash()
            return
        del self.out[(run.key, run.generation, run.attempt)]
        step = self.state.steps[run.key]
        if step.failures < self.script.failures.get(run.key.path, 0):
            failure = Failure("http.503", "Busy.")
            self._feed(ActionFailed(run.key, run.generation, run.attempt, failure))
        else:
            output: Json = {"at": f"{run.key.path}#{run.key.iteration}"}
            self._feed(ActionSucceeded(run.key, run.generation, run.attempt, output))

    def _fire(self, timer: SetTimer) -> None:
        self.now = max(self.now, timer.due_at) + timedelta(milliseconds=1)
        del self.store.timers[(timer.key, timer.kind)]
        self.store.inbox.append(TimerFired(timer.key, timer.kind, timer.generation, timer.attempt))

    def _close(self, task: OpenTask) -> None:
        del self.store.tasks[task.key]
        failed = self.script.failures.get(task.key.path, 0) > 0
        outcome = "failed" if failed else "completed"
        self.store.inbox.append(TaskClosed(task.key, task.generation, TASK, outcome, {"by": "ada"}))

    def _end_child(self, child: StartChild) -> None:
        del self.store.children[child.key]
        step = self.state.steps.get(child.key)
        failures = 0 if step is None else step.failures
        failed = failures < self.script.failures.get(child.key.path, 0)
        status = ExecutionStatus.FAILED if failed else ExecutionStatus.COMPLETED
        self.store.inbox.append(ChildFinished(child.key, child.generation, child.child_id, status, {"done": True}))

    def _tell(self, wait: Await) -> None:
        del self.store.waits[wait.key]
        self.store.inbox.append(EventReceived(wait.key, wait.generation, wait.event_type, {"ok": True}, "e"))

    def _signal(self, name: str) -> None:
        self.signals += 1
        self.store.inbox.append(SignalReceived(name, {"on": True}, f"s{self.signals}"))

    def _resolve(self, key: StepKey) -> None:
        self.store.inbox.append(StepResolved(key, "completed", "ada", {"at": f"{key.path}#{key.iteration}"}))
