"""The loop of schedules asks the database only when something is due, or when nobody has looked for it."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime, timedelta

from engine.clock import SystemClock
from engine.services.firing import Firing, Round
from tests.clock import FakeClock
from workers.schedules import BLINK, Schedules


class Rounds(Firing):
    """Firing that finds what it is told, and remembers since when its caller has watched."""

    def __init__(self, *found: Round) -> None:
        self.found = list(found)
        self.watched_from: list[datetime] = []
        self.asked = asyncio.Event()

    async def run_once(self, now: datetime, watched_from: datetime) -> Round:
        assert watched_from <= now
        self.watched_from.append(watched_from)
        self.asked.set()
        return self.found.pop(0) if self.found else Round(0, None, is_held_up=False)

    async def again(self) -> None:
        async with asyncio.timeout(60):
            await self.asked.wait()
        self.asked.clear()


@asynccontextmanager
async def watching(firing: Rounds) -> AsyncIterator[Schedules]:
    schedules = Schedules(firing, SystemClock(), lambda: 0.5)
    task = asyncio.get_running_loop().create_task(schedules.run())
    try:
        await firing.again()
        yield schedules
    finally:
        task.cancel()


async def test_nothing_is_asked_until_the_sweep_has_seen_something_due() -> None:
    firing = Rounds()
    async with watching(firing) as schedules:
        schedules.seen(None, holds_ticks=False)
        schedules.seen(60.0, holds_ticks=False)
        for _ in range(20):
            await asyncio.sleep(0)
        assert not firing.asked.is_set()

        schedules.seen(0.02, holds_ticks=False)
        await firing.again()
        schedules.seen(None, holds_ticks=True)
        await firing.again()


async def test_a_tick_that_a_round_has_named_is_fired_without_the_sweep() -> None:
    due_at = SystemClock().now() + timedelta(seconds=0.05)
    firing = Rounds(Round(0, due_at, is_held_up=False))
    async with watching(firing):
        await firing.again()
        assert SystemClock().now() >= due_at


async def test_looks_of_the_sweep_count_as_watching() -> None:
    clock = FakeClock()
    firing = Rounds()
    schedules = Schedules(firing, clock, lambda: 0.5)
    began = clock.now()
    await schedules.run_once()
    for _ in range(3):
        clock.advance(BLINK)
        schedules.seen(None, holds_ticks=False)
    await schedules.run_once()
    clock.advance(2 * BLINK)
    await schedules.run_once()

    assert firing.watched_from == [began, began, clock.now()]
