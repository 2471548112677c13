"""Meters: budgets that are spent without asking anybody, and compared with the other processes now and then.

A call on a hot path must not wait for Redis. Each process spends from its own picture of a bucket, and every moment
adds what it has spent to the shared one and takes over what all together have spent. In between, N processes may give
out up to N moments' worth too much: a limit that is exact on average and soft for a moment.
"""

import asyncio
import logging
from collections import OrderedDict
from collections.abc import Callable
from typing import Final

from engine.clock import Clock
from engine.qos.buckets import Budget
from engine.queue.link import Link, RedisTrouble, heed_cancellation
from engine.queue.timing import Timing

_log = logging.getLogger(__name__)

SYNC_S: Final = 0.25
KEPT: Final = 20_000
BATCH: Final = 500
ANSWER_S: Final = 1.0

_TIMING: Final = Timing("meter")
_ADD: Final = """
local time = redis.call('TIME')
local now = tonumber(time[1]) * 1000000 + tonumber(time[2])
local full_at = tonumber(redis.call('GET', KEYS[1]) or '0')
if full_at < now then full_at = now end
full_at = full_at + tonumber(ARGV[1])
redis.call('SET', KEYS[1], string.format('%.0f', full_at), 'PX', math.ceil((full_at - now) / 1000) + 1000)
return string.format('%.0f', full_at - now)
"""

Key = tuple[Budget, str]


class Meters:
    """Buckets that may be overdrawn: spending always succeeds, and `wait_s` says when there is something again."""

    def __init__(self, clock: Clock, link: Link | None = None) -> None:
        """Take where they are shared; None: nowhere."""
        self._clock = clock
        self._link = link
        self._full_at_us: OrderedDict[Key, float] = OrderedDict()
        self._unshared_us: dict[Key, float] = {}

    def spend(self, budget: Budget, key: str, cost: int = 1) -> None:
        """Take tokens, whether they are there or not."""
        spent_us = budget.interval_us * cost
        self._unshared_us[budget, key] = self._unshared_us.get((budget, key), 0.0) + spent_us
        self._set(budget, key, self._filled_us(budget, key) + spent_us)

    def take(self, budget: Budget, key: str) -> float:
        """Take a token where there is one. Returns 0, or in how many seconds there will be one: nothing was taken."""
        wait_s = self.wait_s(budget, key, 1)
        if wait_s == 0.0:
            self.spend(budget, key)
        return wait_s

    def wait_s(self, budget: Budget, key: str, cost: int = 0) -> float:
        """In how many seconds `cost` tokens will be there (0: whether the bucket is overdrawn)."""
        over_us = self._filled_us(budget, key) + budget.interval_us * cost - budget.depth_us
        return max(0.0, over_us / 1_000_000)

    async def sync(self) -> None:
        """Tell the others what was spent here, and learn what they have spent. Without Redis each goes on by itself."""
        if self._link is None or not self._unshared_us:
            return
        told, self._unshared_us = self._unshared_us, {}
        keys = list(told)
        for start in range(0, len(keys), BATCH):
            batch = keys[start : start + BATCH]
            try:
                async with asyncio.timeout(ANSWER_S):
                    pipeline = self._link.commands.pipeline(transaction=False)
                    for budget, key in batch:
                        pipeline.eval(_ADD, 1, f"maestro:meter:{budget.name}:{key}", round(told[budget, key]))
                    with _TIMING.measured():
                        answers = await pipeline.execute()
            except RedisTrouble as error:
                _log.warning(
                    "Redis does not count; this process counts by itself.", extra={"error": type(error).__name__}
                )
                return
            for (budget, key), filled_us in zip(batch, answers, strict=True):
                self._set(budget, key, float(filled_us) + self._unshared_us.get((budget, key), 0.0))

    async def run(self, prepare: Callable[[], None] = lambda: None) -> None:
        """Compare for ever, each time after `prepare`."""
        while True:
            heed_cancellation()
            await asyncio.sleep(SYNC_S)
            prepare()
            await self.sync()

    def _filled_us(self, budget: Budget, key: str) -> float:
        return max(0.0, self._full_at_us.get((budget, key), 0.0) - self._now_us())

    def _set(self, budget: Budget, key: str, filled_us: float) -> None:
        self._full_at_us[budget, key] = self._now_us() + filled_us
        self._full_at_us.move_to_end((budget, key))
        if len(self._full_at_us) > KEPT:
            self._full_at_us.popitem(last=False)

    def _now_us(self) -> float:
        return self._clock.monotonic() * 1_000_000
