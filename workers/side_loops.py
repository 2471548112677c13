"""The side loops of a worker: heartbeat, sweep with relay, timers. Each has a `run_once` that tests call."""

import asyncio
import logging
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Final, Protocol
from uuid import UUID

from engine.clock import Clock
from engine.errors import MaestroError, Unavailable
from engine.store import claims, slots, sweeps, timers, workers
from engine.store.hot import HotConnection
from engine.store.sweeps import Findings
from engine.telemetry.crash_points import reach
from workers.clocks import DatabaseClock
from workers.config import WorkerConfig
from workers.intake import Intake
from workers.leases import Lease
from workers.relay import Relay
from workers.runner import Runner

_log = logging.getLogger(__name__)

TIMERS_AT_ONCE: Final = 500
AFTER_LEASE_S: Final = 0.01
AGAIN_S: Final = 0.1
AGAIN_AT_MOST_S: Final = 0.5
"""While the database does not answer, it is asked again so soon: each moment that it is back unnoticed is one in which
nobody's work goes on."""
FORGET_AFTER_S: Final = 3_600.0
FORGET_EVERY_S: Final = 600.0
HEAL_EVERY_S: Final = 5.0


class WorkerStoppedError(MaestroError):
    """The row of this worker was stopped or removed: it holds nothing any more and must end."""

    code = "worker.stopped"


class Heartbeat:
    """Extends the lease; after a lapse, finds out what is still held before it is trusted again."""

    def __init__(
        self,
        worker_id: UUID,
        connection: HotConnection,
        lease: Lease,
        runner: Runner,
        clock: DatabaseClock,
        config: WorkerConfig,
    ) -> None:
        self._worker_id = worker_id
        self._connection = connection
        self._lease = lease
        self._runner = runner
        self._clock = clock
        self._config = config

    async def run(self) -> None:
        """Beat for ever."""
        again_s = AGAIN_S
        while True:
            asked_at = self._clock.monotonic()
            try:
                await self.run_once()
            except Unavailable as error:
                _log.warning("A heartbeat had no answer.", extra={"action": "heartbeat", "error": error.code})
                await asyncio.sleep(again_s)
                again_s = min(2 * again_s, AGAIN_AT_MOST_S)
                continue
            again_s = AGAIN_S
            await asyncio.sleep(max(0.05, self._config.heartbeat_s - (self._clock.monotonic() - asked_at)))

    async def run_once(self) -> int:
        """One heartbeat. Returns how many leases a lapse had cost.

        Raises:
            Unavailable: no answer; the lease runs on from the last confirmed one.
            WorkerStoppedError: the worker's row is gone or stopped.
        """
        had_lapsed = not self._lease.is_trusted()
        asked_at = self._clock.monotonic()
        timeout_s = self._config.trusted_s
        present = await workers.heartbeat(self._connection, self._worker_id, self._config.lease_s, timeout_s)
        if present is None:
            raise WorkerStoppedError("This worker was stopped from outside.")
        reach("heartbeat")
        self._clock.learn(present, asked_at)
        lost = await self._verify() if had_lapsed and self._runner.held else 0
        self._lease.renew(asked_at)
        self._runner.resume()
        return lost

    async def _verify(self) -> int:
        """While the lease had lapsed others may have claimed; from this heartbeat on nobody can."""
        leases = self._runner.leases()
        still = await claims.still_held(self._connection, self._worker_id, leases)
        gone = [ref.id for ref, _ in leases if ref.id not in still]
        self._runner.drop(gone)
        if gone:
            _log.warning("Executions were taken by others.", extra={"action": "heartbeat", "count": len(gone)})
        return len(gone)


class TimerRoute(Protocol):
    """Where due timers go whose subject is no execution."""

    @property
    def kinds(self) -> tuple[str, ...]:
        """Kinds that go there."""
        ...

    async def run_once(self) -> int:
        """Fire what is due. Returns how much it was; 0: nothing is left.

        Raises:
            Unavailable: the database does not answer.
        """
        ...


class Timers:
    """Fires due timers. It asks the database only when one is known to be due: idle it costs nothing."""

    def __init__(
        self, connection: HotConnection, intake: Intake, clock: Clock, routes: tuple[TimerRoute, ...] = ()
    ) -> None:
        self._connection = connection
        self._intake = intake
        self._clock = clock
        self._routes = routes
        self.kinds = (*timers.EXECUTION_KINDS, *(kind for route in routes for kind in route.kinds))
        self._next_at: datetime | None = None
        self._changed = asyncio.Event()

    def expect(self, due_at: datetime) -> None:
        """A timer is due then: set by this worker, or seen by the sweep."""
        if self._next_at is None or due_at < self._next_at:
            self._next_at = due_at
            self._changed.set()

    async def run(self) -> None:
        """Fire for ever, each timer when it is due."""
        while True:
            self._changed.clear()
            wait_s = None if self._next_at is None else (self._next_at - self._clock.now()).total_seconds()
            if wait_s is None or wait_s > 0:
                try:
                    async with asyncio.timeout(wait_s):
                        await self._changed.wait()
                except TimeoutError:
                    pass
                else:
                    continue
            self._next_at = None
            try:
                await self.run_once()
            except Unavailable as error:
                _log.warning(
                    "Timers could not be fired; the sweep sees them.", extra={"action": "timers", "error": error.code}
                )

    async def run_once(self) -> int:
        """Fire what is due. Returns for how many subjects.

        Raises:
            Unavailable: the database does not answer.
        """
        fired = await timers.fire(self._connection, TIMERS_AT_ONCE)
        if fired:
            reach("timers_fired")
            self._intake.offer(fired)
        count = len(fired)
        for route in self._routes:
            count += await route.run_once()
        if count:
            self.expect(self._clock.now())
        return count


class Sweep:
    """One look a second at all that waits, and what follows from it."""

    def __init__(  # noqa: PLR0913 - its collaborators, each a different one
        self,
        *,
        worker_id: UUID,
        connection: HotConnection,
        intake: Intake,
        timers: Timers,
        relay: Relay,
        clock: Clock,
        config: WorkerConfig,
        draw: Callable[[], float],
        on_schedules: Callable[[float | None, bool], None] | None = None,
    ) -> None:
        self._worker_id = worker_id
        self._connection = connection
        self._intake = intake
        self._timers = timers
        self._on_schedules = on_schedules
        self._relay = relay
        self._clock = clock
        self._config = config
        self._draw = draw
        self._forget_at = clock.monotonic() + FORGET_EVERY_S * draw()
        self._heal_at = clock.monotonic() + HEAL_EVERY_S * draw()
        self._pause_s = config.sweep_s

    async def run(self) -> None:
        """Sweep for ever."""
        again_s = AGAIN_S
        while True:
            try:
                await self.run_once()
            except Unavailable as error:
                _log.warning("A sweep had no answer.", extra={"action": "sweep", "error": error.code})
                await asyncio.sleep(again_s)
                again_s = min(2 * again_s, AGAIN_AT_MOST_S)
                continue
            again_s = AGAIN_S
            await asyncio.sleep(self._pause_s)

    async def run_once(self) -> Findings:
        """One look; what it finds is offered to the intake, the timers and the relay.

        Raises:
            Unavailable: the database does not answer.
        """
        # A little jitter keeps many workers from looking all at once.
        self._pause_s = self._config.sweep_s * (0.9 + 0.2 * self._draw())
        limit = min(self._config.claim_batch, self._intake.room)
        findings = await sweeps.look(
            self._connection,
            self._worker_id,
            older_than_s=self._config.sweep_age_s,
            limit=limit,
            timer_kinds=self._timers.kinds,
            topics=self._relay.topics,
        )
        reach("swept")
        self._intake.offer(findings.orphans)
        if len(findings.unrung) < limit:
            self._intake.offer(findings.unrung)
        else:
            # There is more than one look shows: who is next is a matter of shares.
            self._intake.grew_scarce()
        self._intake.offer(ref for ref, owner in findings.unread if owner is None or owner == self._worker_id)
        if findings.next_timer_in_s is not None:
            self._timers.expect(self._clock.now() + timedelta(seconds=max(0.0, findings.next_timer_in_s)))
        if self._on_schedules is not None:
            self._on_schedules(findings.next_tick_in_s, findings.holds_ticks)
        if findings.next_lease_in_s is not None:
            # Should that worker be dead, its executions are found as soon as its lease allows.
            self._pause_s = min(self._pause_s, findings.next_lease_in_s + AFTER_LEASE_S)
        if findings.topics:
            await self._relay.run_once(findings.topics)
        await self._tidy(uses_slots=findings.uses_slots)
        return findings

    async def _tidy(self, *, uses_slots: bool) -> None:
        if self._clock.monotonic() >= self._forget_at:
            self._forget_at = self._clock.monotonic() + FORGET_EVERY_S
            await workers.forget(self._connection, FORGET_AFTER_S)
        if uses_slots and self._clock.monotonic() >= self._heal_at:
            self._heal_at = self._clock.monotonic() + HEAL_EVERY_S
            self._intake.slots_granted(await slots.heal(self._connection))
