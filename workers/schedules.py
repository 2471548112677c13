"""The part of a worker that watches the clock for schedules, and keeps schedules equal to their triggers."""

import asyncio
import logging
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Final

from engine.clock import Clock
from engine.errors import MaestroError
from engine.services.firing import Firing, Round
from engine.services.reconciler import Reconciler

_log = logging.getLogger(__name__)

AGAIN_S: Final = 1.0
"""Before the next look after one that failed."""
UNSEEN: Final = timedelta(seconds=2.5)
"""The sweep looks at all schedules every second. When it has not for so long, this loop looks by itself."""
HELD_UP_AGAIN_S: Final = 0.1
"""Between two looks while ticks wait for executions to end."""
SPREAD_S: Final = 0.03
"""Workers that wait for the same tick come one after another: whoever comes later finds it dealt with."""
BLINK: Final = timedelta(seconds=5)
"""Looks further apart than this are no watch: what came due between them was missed."""
RECONCILE_EVERY_S: Final = 30.0


class Schedules:
    """Fires due ticks. Any number of workers do so at once; none leads.

    While nothing is due it asks nothing: the sweep's look, which it is told of, sees what others have made meanwhile.
    """

    def __init__(self, firing: Firing, clock: Clock, draw: Callable[[], float]) -> None:
        self._firing = firing
        self._clock = clock
        self._draw = draw
        self._watched_from: datetime | None = None
        self._looked_at: datetime | None = None
        self._next_at: datetime | None = None
        self._seen = asyncio.Event()

    def seen(self, next_tick_in_s: float | None, holds_ticks: bool) -> None:  # noqa: FBT001 - a finding of the sweep
        """The sweep has looked at all schedules: when the next tick is due, and whether any waits for its turn."""
        now = self._clock.now()
        self._watch(now)
        due_in_s = 0.0 if holds_ticks else next_tick_in_s
        if due_in_s is not None:
            due_at = now + timedelta(seconds=max(0.0, due_in_s) + SPREAD_S * self._draw())
            self._next_at = due_at if self._next_at is None else min(due_at, self._next_at)
        self._seen.set()

    async def run(self) -> None:
        """Fire for ever, each tick when it is due."""
        while True:
            try:
                self._next_at = self._after(await self.run_once())
            except MaestroError as error:
                facts = {"action": "schedule.fire", "error": error.code}
                _log.warning("Due ticks could not be looked for.", extra=facts)
                await asyncio.sleep(AGAIN_S)
            else:
                await self._until_due()

    async def run_once(self) -> Round:
        """One round.

        Raises:
            Unavailable: the database does not answer; this look does not count.
        """
        now = self._clock.now()
        found = await self._firing.run_once(now, self._watching_since(now))
        self._watch(now)
        return found

    def _watch(self, now: datetime) -> None:
        self._watched_from, self._looked_at = self._watching_since(now), now

    def _watching_since(self, now: datetime) -> datetime:
        is_unbroken = self._looked_at is not None and now - self._looked_at <= BLINK
        return self._watched_from if is_unbroken and self._watched_from is not None else now

    def _after(self, found: Round) -> datetime | None:
        """When the next round is, after one; None: when the sweep says so."""
        now = self._clock.now()
        again_at = now + timedelta(seconds=HELD_UP_AGAIN_S)
        if found.next_due_at is None:
            return again_at if found.is_held_up else None
        if found.next_due_at <= now and not found.started:
            # Overdue, and this round did not help: another worker is at it, or something is in the way.
            return again_at
        due_at = max(now, found.next_due_at) + timedelta(seconds=SPREAD_S * self._draw())
        return min(due_at, again_at) if found.is_held_up else due_at

    async def _until_due(self) -> None:
        """Return when a round is due, or when the sweep has not looked for too long."""
        while True:
            self._seen.clear()
            now = self._clock.now()
            due_at = (self._looked_at or now) + UNSEEN
            if self._next_at is not None:
                due_at = min(due_at, self._next_at)
            if due_at <= now:
                return
            try:
                async with asyncio.timeout((due_at - now).total_seconds()):
                    await self._seen.wait()
            except TimeoutError:
                return


class Reconciling:
    """Reconciles now and then; publish and archive do so themselves, this finds what they have not."""

    def __init__(self, reconciler: Reconciler, clock: Clock, draw: Callable[[], float]) -> None:
        self._reconciler = reconciler
        self._clock = clock
        self._draw = draw

    async def run(self) -> None:
        """Reconcile for ever; at once, and then every half minute, give or take."""
        while True:
            try:
                await self.run_once()
            except MaestroError as error:
                facts = {"action": "schedule.reconcile", "error": error.code}
                _log.warning("Schedules could not be reconciled.", extra=facts)
            await asyncio.sleep(RECONCILE_EVERY_S * (0.9 + 0.2 * self._draw()))

    async def run_once(self) -> int:
        """One round. Returns how many schedules were changed.

        Raises:
            Unavailable: the database does not answer.
        """
        changed = await self._reconciler.run_once()
        await self._reconciler.find_gaps(self._clock.now())
        await self._reconciler.fold_runs()
        return changed
