"""One worker: its parts, its life, its end."""

import asyncio
import contextlib
import logging
import os
import secrets
import socket
from collections.abc import Iterable
from dataclasses import dataclass, field
from importlib.metadata import version
from typing import Protocol
from uuid import UUID

import httpx

from engine.actions.registry import ActionRegistry
from engine.clock import Clock
from engine.errors import Unavailable
from engine.ids import uuid7
from engine.provenance.ledger_client import LedgerClient
from engine.qos.live import LiveQos
from engine.qos.steps import StepBudgets
from engine.queue.bell import StreamBell
from engine.queue.changes import Teller
from engine.queue.dispatch import Dispatch
from engine.queue.link import Link
from engine.queue.streams import Streams
from engine.services.task_clocks import TaskClocks
from engine.services.trigger_assembly import Triggers
from engine.store import workers
from engine.store.claims import ExecutionRef
from engine.store.database import APP_ROLE, LOOP_ROLE, Database
from engine.store.hot import HotConnection
from engine.telemetry.crash_points import reach
from engine.telemetry.metrics import ATTEMPTS_OUT, COMMITS_WAITING, EXECUTIONS_HELD
from workers.acknowledger import Acknowledger
from workers.borrowing import Borrower
from workers.callbacks import EVENT_TOPICS, CallbackSender, EventPublisher, Way
from workers.clocks import DatabaseClock
from workers.config import WorkerConfig
from workers.decision_log import DecisionLog
from workers.event_relay import EmittedEvents
from workers.intake import Intake
from workers.leases import Lease
from workers.ledger_relay import LedgerRelay
from workers.lending import Lender
from workers.listener import Listener
from workers.meters import Gauges
from workers.notifications import Notifier
from workers.plans import Plans
from workers.relay import DeadLetterPublisher, Publisher, Relay
from workers.retention import Retention
from workers.runner import Runner
from workers.schedules import Reconciling, Schedules
from workers.sequencer import Sequencer
from workers.side_loops import Heartbeat, Sweep, Timers
from workers.sums import Sums
from workers.writer import Writer

_log = logging.getLogger(__name__)

PRODUCT = "maestro-composer-backend"


class _Loop(Protocol):
    async def run(self) -> None: ...


@dataclass(frozen=True, slots=True)
class DecisionSink:
    """Where decisions of policy are sent."""

    client: httpx.AsyncClient
    url: str


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What a worker works with; all of it belongs to the caller, who also closes it."""

    database: Database
    link: Link
    registry: ActionRegistry
    clock: Clock
    streams: Streams = field(default_factory=Streams)
    publishers: tuple[Publisher, ...] = ()
    ledger: LedgerClient | None = None
    decision_sink: DecisionSink | None = None
    way: Way | None = None
    qos: LiveQos = field(default_factory=LiveQos)
    retention_days: int | None = None
    triggers: Triggers | None = None


class Worker:
    """A worker process's inside. `run` ends after `stop`, or with an error when one of its loops dies."""

    def __init__(self, surroundings: Surroundings, config: WorkerConfig) -> None:
        self._config = config
        self._clock = DatabaseClock(surroundings.clock)
        self.id = self._new_id()
        self.name = f"{socket.gethostname()}:{os.getpid()}"
        self._connections: list[HotConnection] = []
        self._hearts, self._taking, self._looking, self._firing, self._listening = (
            self._another(surroundings.database) for _ in range(5)
        )
        self._stop = asyncio.Event()
        self._hurry = asyncio.Event()
        self._make_what_advances(surroundings)
        self._make_what_takes(surroundings)
        self._make_what_tells(surroundings)
        self._make_what_looks_after(surroundings)
        self.runner.on_timer = self.timers.expect
        self.runner.on_rung = self._rung
        self.runner.on_proven = self.intake.proven
        self.runner.on_slot = self.intake.slot_freed
        self.runner.on_steps = self.steps.spend

    def _make_what_advances(self, surroundings: Surroundings) -> None:
        """The lease, the bell, and what executions are advanced and written by."""
        config, link = self._config, surroundings.link
        writing = [HotConnection(surroundings.database, APP_ROLE) for _ in range(config.writers)]
        self._connections += writing
        self.lease = Lease(self._clock, config.trusted_s)
        self.bell = StreamBell(link, surroundings.streams)
        self._teller = Teller(link)
        self.writer = Writer(writing, self.id, self.lease, config, self._ring, self._teller.tell)
        self.runner = Runner(
            registry=surroundings.registry,
            writer=self.writer,
            lease=self.lease,
            clock=self._clock,
            config=config,
            draw=_draw,
            new_id=self._new_id,
        )

    def _make_what_takes(self, surroundings: Surroundings) -> None:
        """How executions come in, and how the right to them is kept."""
        config, clock = self._config, self._clock
        self.dispatch = Dispatch(surroundings.link, surroundings.streams, self.id)
        self._acknowledger = Acknowledger(self.dispatch)
        self.qos = surroundings.qos
        self.steps = StepBudgets(surroundings.qos, surroundings.link, clock)
        self.intake = Intake(
            worker_id=self.id,
            connection=self._taking,
            runner=self.runner,
            plans=Plans(self._taking, surroundings.registry.catalogue()),
            bell=self.bell,
            acknowledger=self._acknowledger,
            config=config,
            settled=self.writer.drained,
            qos=surroundings.qos,
            steps=self.steps,
        )
        self.listener = Listener(
            dispatch=self.dispatch,
            intake=self.intake,
            connection=self._listening,
            acknowledger=self._acknowledger,
            has_room=self._has_room,
            clock=clock,
            new_id=self._new_id,
            config=config,
        )
        self.heartbeat = Heartbeat(
            worker_id=self.id,
            connection=self._hearts,
            lease=self.lease,
            runner=self.runner,
            clock=clock,
            config=config,
        )

    def _make_what_tells(self, surroundings: Surroundings) -> None:
        """What carries news out: to the ledger, to logs, to people, to callbacks, to workflows that listen."""
        self.ledger_relay = self._ledger_relay(surroundings)
        elsewhere = {} if self.ledger_relay is None else dict.fromkeys(LedgerRelay.topics, self.ledger_relay.wake)
        self.decision_log = self._decision_log(surroundings)
        if self.decision_log is not None:
            elsewhere |= dict.fromkeys(DecisionLog.topics, self.decision_log.wake)
        self.notifier = Notifier(self._another(surroundings.database), surroundings.registry, self._new_id)
        elsewhere |= dict.fromkeys(Notifier.topics, self.notifier.wake)
        self.callbacks = self._callbacks(surroundings)
        publishers: list[Publisher] = [DeadLetterPublisher(self.dispatch), *self._events(surroundings)]
        if surroundings.triggers is not None:
            publishers.append(EmittedEvents(surroundings.triggers.delivery))
        self.relay = Relay(self._looking, (*publishers, *surroundings.publishers), self._new_id, elsewhere)

    def _make_what_looks_after(self, surroundings: Surroundings) -> None:
        """What goes by the clock: timers, schedules, sweeps, house-keeping; and what shares wide fan-outs."""
        database, clock, triggers = surroundings.database, self._clock, surroundings.triggers
        tasks = TaskClocks(database, self.bell, clock, self._new_id, self._teller.tell)
        self.timers = Timers(self._firing, self.intake, clock, (tasks,))
        self.schedules = None if triggers is None else Schedules(triggers.firing, clock, _draw)
        self.reconciling = None if triggers is None else Reconciling(triggers.reconciler, clock, _draw)
        self.sweep = Sweep(
            worker_id=self.id,
            connection=self._looking,
            intake=self.intake,
            timers=self.timers,
            relay=self.relay,
            clock=clock,
            config=self._config,
            draw=_draw,
            on_schedules=None if self.schedules is None else self.schedules.seen,
        )
        self.retention = Retention(self._another(database), surroundings.retention_days, _draw)
        self.sequencer = Sequencer(self._another(database), _draw)
        self.gauges = self._figures(database)
        self.sums = Sums(self._another(database), _draw)
        self.lender, self.borrower = self._lending(database)

    def stop(self) -> None:
        """Ask it to end: it takes nothing more and lets attempts finish for a while. Asked twice, it does not wait."""
        if self._stop.is_set():
            self._hurry.set()
        self._stop.set()

    async def run(self) -> None:
        """Work until asked to stop.

        Raises:
            ExceptionGroup: a loop died; the leases were given up, so that others go on at once.
        """
        await workers.register(self._hearts, self.id, self.name, self._config.lease_s)
        await self.heartbeat.run_once()
        await self._open_streams()
        _log.info("The worker works.", extra={"action": "start", "worker_id": str(self.id)})
        try:
            async with asyncio.TaskGroup() as group:
                loops = [group.create_task(loop.run(), name=name) for name, loop in self._loops()]
                await self._stop.wait()
                await self._drain(loops)
                for task in loops:
                    task.cancel()
        finally:
            await asyncio.shield(self._leave())

    def _loops(self) -> Iterable[tuple[str, _Loop]]:
        yield "heartbeat", self.heartbeat
        yield "intake", self.intake
        yield "listener", self.listener
        yield "writer", self.writer
        yield "timers", self.timers
        yield "sweep", self.sweep
        yield "lender", self.lender
        yield "borrower", self.borrower
        yield "step budgets", self.steps
        yield "limits", self.qos
        yield "retention", self.retention
        yield "sequencer", self.sequencer
        yield "gauges", self.gauges
        yield "sums", self.sums
        if self.schedules is not None:
            yield "schedules", self.schedules
        if self.reconciling is not None:
            yield "reconciling", self.reconciling
        if self.ledger_relay is not None:
            yield "ledger", self.ledger_relay
        if self.decision_log is not None:
            yield "decision log", self.decision_log
        yield "notifier", self.notifier
        if self.callbacks is not None:
            yield "callbacks", self.callbacks

    def _lending(self, database: Database) -> tuple[Lender, Borrower]:
        lender = Lender(self.id, self._another(database), self.bell, self._lending_room, self._config)
        borrower = Borrower(
            worker_id=self.id,
            connection=self._another(database),
            maker=self.runner,
            room=self._lending_room,
            lease=self.lease,
            bell=self.bell,
            new_id=self._new_id,
        )
        self.runner.lender = lender
        self.intake.on_offered = borrower.offered
        return lender, borrower

    def _figures(self, database: Database) -> Gauges:
        EXECUTIONS_HELD.set_function(lambda: self.runner.held)
        ATTEMPTS_OUT.set_function(lambda: self.runner.attempts_out)
        COMMITS_WAITING.set_function(lambda: self.writer.backlog)
        return Gauges(self._another(database))

    def _ledger_relay(self, surroundings: Surroundings) -> LedgerRelay | None:
        if surroundings.ledger is None:
            return None
        connection = self._another(surroundings.database)
        return LedgerRelay(connection, surroundings.ledger, version(PRODUCT), self._new_id, self.writer.drained)

    def _decision_log(self, surroundings: Surroundings) -> DecisionLog | None:
        sink = surroundings.decision_sink
        return (
            None
            if sink is None
            else DecisionLog(self._another(surroundings.database), sink.client, sink.url, self._new_id)
        )

    def _callbacks(self, surroundings: Surroundings) -> CallbackSender | None:
        if surroundings.way is None:
            return None
        return CallbackSender(self._another(surroundings.database), surroundings.way, self._clock, _draw, self._new_id)

    def _events(self, surroundings: Surroundings) -> Iterable[EventPublisher]:
        connection = self._another(surroundings.database)
        wake = (lambda: None) if self.callbacks is None else self.callbacks.wake
        return (EventPublisher(topic, connection, wake) for topic in EVENT_TOPICS)

    def _another(self, database: Database) -> HotConnection:
        """A connection of a loop's own, closed with the worker."""
        connection = HotConnection(database, LOOP_ROLE)
        self._connections.append(connection)
        return connection

    async def _drain(self, loops: Iterable[asyncio.Task[None]]) -> None:
        """Take nothing more, let attempts come back until the deadline, interrupt the rest. No commit is cut short."""
        reach("draining")
        self.intake.stop()
        self.borrower.stop()
        for task in loops:
            if task.get_name() not in {"heartbeat", "writer", "borrower"}:
                task.cancel()
        self.runner.drain()
        waits = [asyncio.ensure_future(self._hurry.wait()), asyncio.ensure_future(self.runner.attempts_ended())]
        await asyncio.wait(waits, timeout=self._config.drain_s, return_when=asyncio.FIRST_COMPLETED)
        for wait in waits:
            wait.cancel()
        if self.runner.attempts_out:
            facts = {"action": "stop", "count": self.runner.attempts_out}
            _log.warning("Attempts are interrupted; others make them again.", extra=facts)
        await self.runner.interrupt()
        with contextlib.suppress(Unavailable):  # what is not posted is made again by its lender, under the same key
            await self.borrower.settled()
        await self.writer.drained()

    async def _leave(self) -> None:
        """Give up all leases in one write and ring for what was held: others go on with it at once."""
        left = [ref for ref, _ in self.runner.leases()]
        try:
            async with asyncio.timeout(5):
                await workers.stop(self._hearts, self.id)
                self._ring(left)
                await self.bell.close()
                await self._teller.close()
                await self._acknowledger.flushed()
                await self.dispatch.close()
        except (Unavailable, TimeoutError):
            _log.warning("The leases run out by themselves: nobody could be told.", extra={"action": "stop"})
        for connection in self._connections:
            await connection.close()
        _log.info("The worker has ended.", extra={"action": "stop", "worker_id": str(self.id), "released": len(left)})

    async def _open_streams(self) -> None:
        try:
            await self.dispatch.open()
        except Unavailable as error:
            _log.warning(
                "Redis does not answer; the sweep finds work.", extra={"action": "start", "error": error.message}
            )

    def _ring(self, refs: Iterable[ExecutionRef]) -> None:
        for ref in refs:
            self.bell.ring_now(ref.tenant, ref.id)

    def _rung(self, ref: ExecutionRef) -> None:
        """Somebody rang while it was being given back: it may have mail that nobody has seen."""
        self.intake.offer((ref,))

    def _lending_room(self) -> int:
        """Attempts more that it makes rather than lends, be they its own or another worker's."""
        return self._config.lend_above - self.runner.attempts_out

    def _has_room(self) -> bool:
        return self.intake.room > 0 and self.writer.backlog < self._config.backlog_limit

    def _new_id(self) -> UUID:
        return uuid7(self._clock.now(), secrets.token_bytes(10))


def _draw() -> float:
    return _random.random()


_random = secrets.SystemRandom()
