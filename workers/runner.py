"""The runner: advances the executions that this worker holds, by callbacks; no task per execution or step."""

import logging
import time
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from typing import Final, TypeVar
from uuid import UUID

from engine.actions.interface import Action, ActionContext, Effect, Failed, InlineAction, Result
from engine.actions.registry import ActionRegistry
from engine.clock import Clock
from engine.definitions.model import Delivery
from engine.runtime.advance import advance
from engine.runtime.effects import Probe, RunAction, SetTimer
from engine.runtime.events import ActionFailed, ActionSucceeded, Event, Inboxed, Recovered
from engine.runtime.states import ExecutionStatus, StepKey, StepStatus
from engine.runtime.transitions import Failure
from engine.store.checkpoints import Commit
from engine.store.claims import Claimed, ExecutionRef
from engine.store.lent import LentId
from engine.telemetry.crash_points import reach
from engine.telemetry.metrics import DEAD_LETTERS, EXECUTIONS_ENDED, LEASES_LOST, STEPS_IN_DOUBT
from workers.attempts import CRASHED, Attempts
from workers.config import WorkerConfig
from workers.endings import ending_of
from workers.held import AttemptId, Held, OutsideEffect, attempt_id
from workers.leases import Lease
from workers.lending import Lender
from workers.meters import StepMeters
from workers.outcomes import attempt_context, outcome_of
from workers.probes import answer_of, probe_context
from workers.quarantine import BROKEN, UNSTORABLE, quarantine
from workers.writer import Fate, Writer

_log = logging.getLogger(__name__)

UNKNOWN_ACTION: Final = "action.unknown"
Given = TypeVar("Given")


class Runner:
    """Feeds events to the core, has the writer commit what it decided, and starts effects after their commit.

    Everything here runs on the loop's thread without awaiting: between two lines nothing else changes.
    """

    def __init__(  # noqa: PLR0913 - its collaborators, each a different one
        self,
        *,
        registry: ActionRegistry,
        writer: Writer,
        lease: Lease,
        clock: Clock,
        config: WorkerConfig,
        draw: Callable[[], float],
        new_id: Callable[[], UUID],
    ) -> None:
        # Sorted once: checking a protocol costs more than a whole step may.
        actions = [action for name in registry.names() if (action := registry.get(name)) is not None]
        self._inline = {action.name: action for action in actions if isinstance(action, InlineAction)}
        self._pure = frozenset(name for name, action in self._inline.items() if action.effect is Effect.NONE)
        self._waiting = {action.name: action for action in actions if not isinstance(action, InlineAction)}
        self._meters = StepMeters(registry.names())
        self._ended_counters = {
            status: EXECUTIONS_ENDED.labels(status.value) for status in ExecutionStatus if status.is_final
        }
        self._writer = writer
        self._lease = lease
        self._clock = clock
        self._config = config
        self._draw = draw
        self._new_id = new_id
        self._attempts = Attempts(config.attempts_limit, self._meters)
        self._held: dict[UUID, Held] = {}
        self._ending: set[UUID] = set()
        self._suspended: list[tuple[Held, list[OutsideEffect]]] = []
        self._is_draining = False
        self.lender: Lender | None = None
        self.on_rung: Callable[[ExecutionRef], None] = lambda _ref: None
        self.on_proven: Callable[[UUID], None] = lambda _execution_id: None
        self.on_slot: Callable[[ExecutionRef], None] = lambda _ref: None
        self.on_steps: Callable[[Claimed, int], None] = lambda _claimed, _count: None
        self.on_timer: Callable[[datetime], None] = lambda _due_at: None

    @property
    def held(self) -> int:
        """Executions in memory."""
        return len(self._held)

    @property
    def attempts_out(self) -> int:
        """Asynchronous attempts that run or wait for room."""
        return self._attempts.out

    def get(self, execution_id: UUID) -> Held | None:
        """The execution, if this worker holds it."""
        return self._held.get(execution_id)

    def is_ending(self, execution_id: UUID) -> bool:
        """Whether it is on its way into quarantine: to claim it anew would only fence off that way."""
        return execution_id in self._ending

    def leases(self) -> list[tuple[ExecutionRef, int]]:
        """All that is held, with the epochs."""
        return [(held.ref, held.claimed.epoch) for held in self._held.values()]

    def begin(self, held: Held, events: Iterable[Event], mail: Sequence[Inboxed]) -> None:
        """Take an execution that was just claimed: first `events`, then its mail."""
        self._held[held.ref.id] = held
        self._guarded(held, self._take_up, events)
        self.deliver(held, mail)

    def deliver(self, held: Held, mail: Sequence[Inboxed]) -> None:
        """Fold mail in. What comes while the execution is being given back is left for its next claim."""
        if held.is_lost:
            return
        if held.is_releasing:
            held.was_rung = True
            return
        self._guarded(held, self._read, mail)

    def drop(self, execution_ids: Iterable[UUID]) -> None:
        """These leases are gone: stop what runs for them and forget them."""
        for execution_id in list(execution_ids):
            held = self._held.get(execution_id)
            if held is not None:
                LEASES_LOST.inc()
                self._lose(held)

    def resume(self) -> None:
        """The lease is trusted again: start the effects that had to wait for that."""
        suspended, self._suspended = self._suspended, []
        for held, outside in suspended:
            held.is_suspended = False
            if not held.is_lost:
                self._guarded(held, self._go_on, outside)

    def drain(self) -> None:
        """Start no further action from now on; outcomes that come in go to the next holder."""
        self._is_draining = True

    async def attempts_ended(self) -> None:
        """Return when no attempt is out."""
        await self._attempts.ended()

    def lendable(self) -> Sequence[str]:
        """Types of the actions that it can make for other workers."""
        return list(self._waiting)

    def borrow(self, action_type: str, context: ActionContext, came: Callable[[Result], None]) -> Callable[[], object]:
        """Make an attempt of another worker's execution; `came` gets its result, once. Returns what stops it."""
        return self._attempts.start(self._waiting[action_type], context, came)

    async def interrupt(self) -> None:
        """Stop the attempts that are still out."""
        await self._attempts.interrupt()

    def _take_up(self, held: Held, events: Iterable[Event]) -> None:
        for event in events:
            self._feed(held, event)
            if isinstance(event, Recovered):
                STEPS_IN_DOUBT.inc(sum(step.status is StepStatus.IN_DOUBT for step in held.state.steps.values()))

    def _read(self, held: Held, mail: Sequence[Inboxed]) -> None:
        for letter in mail:
            if letter.id not in held.known_mail:
                held.consumed(letter.id)
                if isinstance(letter.event, ActionSucceeded | ActionFailed):
                    self._came_from_another(held, letter.event)
                self._feed(held, letter.event)
        self._settle(held)

    def _go_on(self, held: Held, outside: list[OutsideEffect]) -> None:
        self._start_all(held, outside)
        self._settle(held)

    def _feed(self, held: Held, event: Event) -> None:
        """Fold an event and the outcomes of the pure actions that it leads to; they share the coming commit."""
        now = held.later_of(self._clock.now())
        work = [event]
        while work:
            advanced = advance(held.plan, held.state, work.pop(), now, self._draw)
            for run in held.gather(advanced):
                if run.action_type in self._pure and held.pending < self._config.steps_per_commit:
                    work.append(self._compute(held, run))
                else:
                    held.after_commit(run)

    def _settle(self, held: Held) -> None:
        """Commit what has gathered, unless a commit is out already; give back what only waits."""
        if held.is_committing or held.is_suspended or held.is_lost or held.fault:
            return
        if held.out and not held.has_something:
            return
        commit, outside = held.take_commit(self._new_id, announces=self._config.announces)
        context = None if held.trace is None else held.trace.context
        self._writer.submit(commit, lambda fate: self._settled(held, commit, outside, fate), context)

    def _settled(self, held: Held, commit: Commit, outside: list[OutsideEffect], fate: Fate) -> None:
        if held.is_lost:
            return
        match fate:
            case Fate.WRITTEN:
                self._written(held, commit, outside)
            case Fate.LOST:
                LEASES_LOST.inc()
                _log.warning(
                    "Another worker holds the execution now.",
                    extra={"action": "commit", "execution_id": str(held.ref.id), "epoch": held.claimed.epoch},
                )
                self._lose(held)
            case Fate.REFUSED:
                held.failed(UNSTORABLE)
                self._lose(held)
                self.quarantine(held.claimed, commit.base_seq, UNSTORABLE)

    def _written(self, held: Held, commit: Commit, outside: list[OutsideEffect]) -> None:
        was_proven = held.is_proven
        held.committed(commit)
        if held.trace is not None:
            held.trace.committed(held.state, commit)
        if held.is_proven and not was_proven:
            self.on_proven(held.ref.id)
        self._tell_timers(commit)
        self.on_steps(held.claimed, len(commit.transitions))
        if commit.release:
            self._lose(held)
            if commit.status.is_final:
                self._ended_counters[commit.status].inc()
            if held.claimed.is_limited and commit.status.is_final:
                self.on_slot(held.ref)
            if held.was_rung:
                self.on_rung(held.ref)
        elif held.fault is not None:
            self._end(held, held.fault)
        else:
            self._guarded(held, self._go_on, outside)

    def _guarded(self, held: Held, work: Callable[[Held, Given], None], given: Given) -> None:
        """A failure of the engine on one execution ends that execution and no other."""
        try:
            work(held, given)
        except Exception:  # noqa: BLE001 - see there
            _log.exception("The engine failed on an execution.", extra={"execution_id": str(held.ref.id)})
            held.fault = BROKEN
            if not held.is_committing:
                self._end(held, BROKEN)

    def _end(self, held: Held, failure: Failure) -> None:
        held.failed(failure)
        self._lose(held)
        self.quarantine(held.claimed, held.base_seq, failure)

    def quarantine(self, claimed: Claimed, base_seq: int, failure: Failure) -> None:
        """End an execution that cannot be advanced, and keep it with its history among the dead letters."""
        DEAD_LETTERS.labels("execution").inc()
        self._ended_counters[ExecutionStatus.FAILED].inc()
        commit = quarantine(claimed, base_seq, failure, self._clock.now(), self._new_id)
        if self._config.announces:
            commit.announcements.append(ending_of(claimed, commit.status, commit.last_seq, self._new_id))
        self._ending.add(claimed.id)
        self._writer.submit(commit, lambda _fate: self._ending.discard(claimed.id))

    def _tell_timers(self, commit: Commit) -> None:
        if commit.effects is not None:
            for effect in commit.effects.asked:
                if isinstance(effect, SetTimer):
                    self.on_timer(effect.due_at)

    def _start_all(self, held: Held, outside: list[OutsideEffect]) -> None:
        if not outside:
            return
        if not self._lease.is_trusted():
            held.is_suspended = True
            self._suspended.append((held, outside))
            return
        reach("before_effect")
        for effect in outside:
            if isinstance(effect, RunAction):
                self._run(held, effect)
            elif isinstance(effect, Probe):
                self._probe(held, effect)
            else:
                stop = held.out.pop(attempt_id(effect), None)
                if stop is not None:
                    stop()

    def _run(self, held: Held, run: RunAction) -> None:
        action = self._waiting.get(run.action_type)
        if action is None:
            self._came_back(held, self._compute(held, run))
            return
        if self.lender is not None and self._is_surplus(held, run):
            stop = self.lender.lend(_lent_id(held, run.key), run, lambda: self._start(held, action, run))
            held.out[attempt_id(run)] = stop
        else:
            self._start(held, action, run)

    def _is_surplus(self, held: Held, run: RunAction) -> bool:
        """Whether another worker may make this attempt: of a wide fan-out, and one that may be made again."""
        is_repeatable = run.delivery is Delivery.EFFECTIVELY_ONCE
        return is_repeatable and len(held.out) >= self._config.lend_above and not self._is_draining

    def _start(self, held: Held, action: Action, run: RunAction) -> None:
        if held.is_lost:
            return
        found = attempt_id(run)
        held.out[found] = self._attempts.start(
            action, _context(held, run), lambda result: self._finished(held, found, self._outcome(run, result))
        )

    def _came_from_another(self, held: Held, outcome: ActionSucceeded | ActionFailed) -> None:
        """A lent attempt has its outcome. One that had to be started here all the same is stopped."""
        stop = held.out.pop((outcome.key, outcome.generation, outcome.attempt), None)
        if self.lender is not None:
            self.lender.arrived(_lent_id(held, outcome.key))
        if stop is not None:
            stop()

    def _probe(self, held: Held, probe: Probe) -> None:
        action = self._waiting.get(probe.action_type)
        if action is None:
            self._came_back(held, answer_of(probe, Failed(UNKNOWN_ACTION, "A probe must be an action that looks.")))
            return
        found = attempt_id(probe)
        held.out[found] = self._attempts.start(
            action,
            probe_context(held.claimed, probe),
            lambda result: self._finished(held, found, answer_of(probe, result)),
        )

    def _finished(self, held: Held, found: AttemptId, outcome: Event) -> None:
        if self.lender is not None:
            self.lender.room_grew()
        if held.is_lost or held.out.pop(found, None) is None:
            return
        self._guarded(held, self._came_late, outcome)

    def _came_late(self, held: Held, outcome: Event) -> None:
        self._came_back(held, outcome)
        self._settle(held)

    def _came_back(self, held: Held, outcome: Event) -> None:
        if self._is_draining:
            held.postpone(outcome)
        else:
            self._feed(held, outcome)

    def _compute(self, held: Held, run: RunAction) -> Event:
        action = self._inline.get(run.action_type)
        if action is None:
            return self._outcome(run, Failed(UNKNOWN_ACTION, f"This worker knows no action {run.action_type!r}."))
        began_ns = 0 if held.trace is None else time.time_ns()
        try:
            result = action.compute(_context(held, run))
        except Exception as error:  # noqa: BLE001 - an action is foreign code; its bug is its step's failure
            _log.exception("An action crashed.", extra={"action": "attempt", "execution_id": str(held.ref.id)})
            result = Failed(CRASHED, f"The action {action.name!r} ended with an unexpected {type(error).__name__}.")
        if held.trace is not None:
            held.trace.computed(run, result, began_ns)
        return self._outcome(run, result)

    def _outcome(self, run: RunAction, result: Result) -> Event:
        self._meters.came(run.action_type, result)
        return outcome_of(run, result)

    def _lose(self, held: Held) -> None:
        if held.trace is not None:
            held.trace.lost()
        self._forget(held)
        self.on_proven(held.ref.id)
        for stop in held.out.values():
            stop()
        held.out.clear()

    def _forget(self, held: Held) -> None:
        held.is_lost = True
        if self._held.get(held.ref.id) is held:
            del self._held[held.ref.id]


def _context(held: Held, run: RunAction) -> ActionContext:
    return attempt_context(held.claimed.tenant, held.claimed.id, held.claimed.traceparent, run)


def _lent_id(held: Held, key: StepKey) -> LentId:
    return LentId(held.claimed.tenant, held.claimed.id, key, held.claimed.epoch)
