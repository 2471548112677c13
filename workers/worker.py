"""One worker: its parts, its life, its end."""

import asyncio
import logging
import os
import secrets
import socket
from collections.abc import Iterable
from dataclasses import dataclass, field
from importlib.metadata import version
from uuid import UUID

from engine.actions.registry import ActionRegistry
from engine.clock import Clock
from engine.definitions.catalogue import ActionCatalogue, ActionEffect, ActionEntry
from engine.errors import Unavailable
from engine.ids import uuid7
from engine.provenance.ledger_client import LedgerClient
from engine.queue.bell import StreamBell
from engine.queue.changes import Teller
from engine.queue.dispatch import Dispatch
from engine.queue.link import Link
from engine.queue.streams import Streams
from engine.services.task_clocks import TaskClocks
from engine.store import workers
from engine.store.claims import ExecutionRef
from engine.store.database import APP_ROLE, LOOP_ROLE, Database
from engine.store.hot import HotConnection
from engine.telemetry.crash_points import reach
from workers.acknowledger import Acknowledger
from workers.clocks import DatabaseClock
from workers.config import WorkerConfig
from workers.intake import Intake
from workers.leases import Lease
from workers.ledger_relay import LedgerRelay
from workers.listener import Listener
from workers.plans import Plans
from workers.relay import DeadLetterPublisher, Publisher, Relay
from workers.runner import Runner
from workers.side_loops import Heartbeat, Sweep, Timers
from workers.writer import Writer

_log = logging.getLogger(__name__)

PRODUCT = "maestro-composer-backend"


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


class Worker:
    """A worker process's inside. `run` ends after `stop`, or with an error when one of its loops dies."""

    def __init__(self, surroundings: Surroundings, config: WorkerConfig) -> None:
        self._config = config
        self._clock = DatabaseClock(surroundings.clock)
        self.id = self._new_id()
        self.name = f"{socket.gethostname()}:{os.getpid()}"
        database, clock = surroundings.database, self._clock
        self._hearts, self._taking, self._looking, self._firing, self._listening = (
            HotConnection(database, LOOP_ROLE) for _ in range(5)
        )
        writing = [HotConnection(database, APP_ROLE) for _ in range(config.writers)]
        self._connections = [self._hearts, self._taking, self._looking, self._firing, self._listening, *writing]
        self.lease = Lease(clock, config.trusted_s)
        self.bell = StreamBell(surroundings.link, surroundings.streams)
        self._teller = Teller(surroundings.link)
        self.dispatch = Dispatch(surroundings.link, surroundings.streams, self.id)
        self.writer = Writer(writing, self.id, self.lease, config, self._ring, self._teller.tell)
        self.runner = Runner(
            registry=surroundings.registry,
            writer=self.writer,
            lease=self.lease,
            clock=clock,
            config=config,
            draw=_draw,
            new_id=self._new_id,
        )
        self._acknowledger = Acknowledger(self.dispatch)
        self.intake = Intake(
            worker_id=self.id,
            connection=self._taking,
            runner=self.runner,
            plans=Plans(self._taking, catalogue_of(surroundings.registry)),
            bell=self.bell,
            acknowledger=self._acknowledger,
            config=config,
            settled=self.writer.drained,
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
        tasks = TaskClocks(database, self.bell, clock, self._new_id)
        self.timers = Timers(self._firing, self.intake, clock, (tasks,))
        self.ledger_relay = self._ledger_relay(surroundings)
        elsewhere = {} if self.ledger_relay is None else dict.fromkeys(LedgerRelay.topics, self.ledger_relay.wake)
        self.relay = Relay(self._looking, (DeadLetterPublisher(self.dispatch), *surroundings.publishers), elsewhere)
        self.sweep = Sweep(
            worker_id=self.id,
            connection=self._looking,
            intake=self.intake,
            timers=self.timers,
            relay=self.relay,
            clock=clock,
            config=config,
            draw=_draw,
        )
        self.runner.on_timer = self.timers.expect
        self.runner.on_rung = self._rung
        self.runner.on_proven = self.intake.proven
        self._stop = asyncio.Event()
        self._hurry = asyncio.Event()

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

    def _loops(self) -> Iterable[tuple[str, Heartbeat | Intake | Listener | Writer | Timers | Sweep | LedgerRelay]]:
        yield "heartbeat", self.heartbeat
        yield "intake", self.intake
        yield "listener", self.listener
        yield "writer", self.writer
        yield "timers", self.timers
        yield "sweep", self.sweep
        if self.ledger_relay is not None:
            yield "ledger", self.ledger_relay

    def _ledger_relay(self, surroundings: Surroundings) -> LedgerRelay | None:
        if surroundings.ledger is None:
            return None
        connection = HotConnection(surroundings.database, LOOP_ROLE)
        self._connections.append(connection)
        return LedgerRelay(connection, surroundings.ledger, version(PRODUCT), self._new_id)

    async def _drain(self, loops: Iterable[asyncio.Task[None]]) -> None:
        """Take nothing more, let attempts come back until the deadline, interrupt the rest. No commit is cut short."""
        reach("draining")
        self.intake.stop()
        for task in loops:
            if task.get_name() in {"intake", "listener", "timers", "sweep", "ledger"}:
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

    def _has_room(self) -> bool:
        return self.intake.room > 0 and self.writer.backlog < self._config.backlog_limit

    def _new_id(self) -> UUID:
        return uuid7(self._clock.now(), secrets.token_bytes(10))


def catalogue_of(registry: ActionRegistry) -> ActionCatalogue:
    """What definitions need to know of the actions of this process."""
    effects, schemas = registry.effects(), registry.schemas()
    return ActionCatalogue.of(
        *(ActionEntry(name, schemas[name], ActionEffect(effects[name].value)) for name in registry.names())
    )


def _draw() -> float:
    return _random.random()


_random = secrets.SystemRandom()
