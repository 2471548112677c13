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

LOOK_EVERY_S: Final = 1.0
"""Between two looks where nothing is known to be due: another process may have made a schedule meanwhile."""
HELD_UP_AGAIN_S: Final = 0.1
"""Between two looks while ticks wait for executions to end."""
SPREAD_S: Final = 0.03
"""Workers that wait for the same tick come one after another: whoever comes later finds it dealt with."""
BLINK: Final = timedelta(seconds=5)
"""Looks further apart than this are no watch: what came due between them was missed."""
RECONCILE_EVERY_S: Final = 30.0


class Schedules:
    """Fires due ticks. Any number of workers do so at once; none leads."""

    def __init__(self, firing: Firing, clock: Clock, draw: Callable[[], float]) -> None:
        self._firing = firing
        self._clock = clock
        self._draw = draw
        self._watched_from: datetime | None = None
        self._looked_at: datetime | None = None

    async def run(self) -> None:
        """Fire for ever, each tick when it is due."""
        while True:
            try:
                pause_s = self._pause_s(await self.run_once())
            except MaestroError as error:
                facts = {"action": "schedule.fire", "error": error.code}
                _log.warning("Due ticks could not be looked for.", extra=facts)
                pause_s = LOOK_EVERY_S
            await asyncio.sleep(pause_s)

    async def run_once(self) -> Round:
        """One round.

        Raises:
            Unavailable: the database does not answer; this look does not count.
        """
        now = self._clock.now()
        watched_from = self._watched_from
        if watched_from is None or self._looked_at is None or now - self._looked_at > BLINK:
            watched_from = now
        found = await self._firing.run_once(now, watched_from)
        self._watched_from, self._looked_at = watched_from, now
        return found

    def _pause_s(self, found: Round) -> float:
        longest_s = HELD_UP_AGAIN_S if found.is_held_up else LOOK_EVERY_S
        if found.next_due_at is None:
            return longest_s
        due_in_s = (found.next_due_at - self._clock.now()).total_seconds()
        if due_in_s <= 0 and not found.started:
            # Overdue, and this round did not help: another worker is at it, or something is in the way.
            return HELD_UP_AGAIN_S
        return min(longest_s, max(0.0, due_in_s) + SPREAD_S * self._draw())


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
        return changed
