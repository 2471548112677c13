"""How late the event loop wakes a sleeper: what every waiter of the process feels."""

import asyncio
import time
from typing import Final

from engine.telemetry.metrics import EVENT_LOOP_LAG_SECONDS

EVERY_S: Final = 0.25


async def watch_loop_lag() -> None:
    """Measure for ever, a few times a second."""
    while True:
        asked_at = time.perf_counter()
        await asyncio.sleep(EVERY_S)
        EVENT_LOOP_LAG_SECONDS.observe(max(0.0, time.perf_counter() - asked_at - EVERY_S))
