"""Token buckets: how often something may happen, counted together by all processes.

A bucket is kept as one number, the instant at which it will be full again (GCRA), by a script in Redis on Redis' own
clock. While Redis does not answer, each process counts by itself with the same arithmetic: a limit that is then a few
times wider beats both an open door and a closed one.
"""

import asyncio
import logging
import math
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Protocol

from engine.clock import Clock
from engine.errors import RateLimited
from engine.queue.link import Link, RedisTrouble
from engine.queue.timing import Timing
from engine.telemetry.metrics import RATE_LIMIT_FALLBACKS, RATE_LIMITED

_log = logging.getLogger(__name__)

ANSWER_S: Final = 0.25
"""How long Redis may take; a limit is no reason to let callers wait."""
AWAY_S: Final = 1.0
"""How long it is left alone after it did not answer."""
KEPT: Final = 20_000
"""Buckets that a process keeps by itself; the longest unused ones are forgotten."""
JITTER: Final = 0.2
"""Share by which a wait is drawn out, so that those who were refused together do not come back together."""

_TIMING: Final = Timing("bucket")
_TAKE: Final = """
local now = tonumber(ARGV[1])
if now < 0 then
  local time = redis.call('TIME')
  now = tonumber(time[1]) * 1000000 + tonumber(time[2])
end
local interval, depth, cost = tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[4])
local full_at = tonumber(redis.call('GET', KEYS[1]) or '0')
if full_at < now then full_at = now end
local then_full_at = full_at + interval * cost
if then_full_at - now > depth then
  return {0, string.format('%.0f', full_at - now)}
end
redis.call('SET', KEYS[1], string.format('%.0f', then_full_at), 'PX', math.ceil((then_full_at - now) / 1000) + 1000)
return {1, string.format('%.0f', then_full_at - now)}
"""


@dataclass(frozen=True, slots=True)
class Budget:
    """A limit: `quota` in any `window_s` on average, at most `burst` at once.

    Attributes:
        name: in `RateLimit-Policy` and in metrics; fixed, never a client's.
    """

    name: str
    quota: int
    window_s: int
    burst: int

    @property
    def interval_us(self) -> int:
        """Time in which one token comes back."""
        return math.ceil(self.window_s * 1_000_000 / self.quota)

    @property
    def depth_us(self) -> int:
        """Time in which an empty bucket fills."""
        return self.interval_us * self.burst


@dataclass(frozen=True, slots=True)
class Standing:
    """What became of one wish.

    Attributes:
        remaining: tokens left.
        wait_s: until the wish could be granted; 0 where it was.
    """

    is_allowed: bool
    remaining: int
    wait_s: float


class Store(Protocol):
    """Where buckets are kept."""

    async def take(self, budget: Budget, key: str, cost: int) -> Standing:
        """Take `cost` tokens or none."""
        ...


class SharedStore:
    """Buckets in Redis. Raises what the client raises."""

    def __init__(self, link: Link, clock: Clock | None = None) -> None:
        """Take the way to a server or cluster; `clock` stands in for the server's own, for tests."""
        self._link = link
        self._clock = clock

    async def take(self, budget: Budget, key: str, cost: int) -> Standing:
        """Take `cost` tokens or none."""
        now = -1 if self._clock is None else int(self._clock.now().timestamp() * 1_000_000)
        name = f"maestro:bucket:{budget.name}:{key}"
        with _TIMING.measured():
            async with asyncio.timeout(ANSWER_S):
                taken, filled_in_us = await self._link.commands.eval(
                    _TAKE, 1, name, now, budget.interval_us, budget.depth_us, cost
                )
        return _standing(budget, bool(int(taken)), int(filled_in_us), cost)


class OwnStore:
    """Buckets of this process alone."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._full_at: OrderedDict[tuple[str, str], int] = OrderedDict()

    async def take(self, budget: Budget, key: str, cost: int) -> Standing:
        """Take `cost` tokens or none."""
        now = int(self._clock.monotonic() * 1_000_000)
        full_at = max(now, self._full_at.get((budget.name, key), 0))
        then_full_at = full_at + budget.interval_us * cost
        if then_full_at - now > budget.depth_us:
            return _standing(budget, False, full_at - now, cost)
        self._full_at[budget.name, key] = then_full_at
        self._full_at.move_to_end((budget.name, key))
        if len(self._full_at) > KEPT:
            self._full_at.popitem(last=False)
        return _standing(budget, True, then_full_at - now, cost)


class Buckets:
    """Buckets that all processes share while Redis answers, and each its own while it does not."""

    def __init__(self, shared: Store | None, clock: Clock, draw: Callable[[], float]) -> None:
        """Take where buckets are shared (None: nowhere), and where chance comes from: `draw` gives [0, 1)."""
        self._shared = shared
        self._own = OwnStore(clock)
        self._clock = clock
        self._draw = draw
        self._away_until = -math.inf

    async def take(self, budget: Budget, key: str, cost: int = 1) -> Standing:
        """Take `cost` tokens of the bucket of `key`, or none. Never raises."""
        if self._shared is not None and self._clock.monotonic() >= self._away_until:
            try:
                return await self._shared.take(budget, key, cost)
            except RedisTrouble as error:
                self._away_until = self._clock.monotonic() + AWAY_S
                facts = {"action": "rate_limit", "error": type(error).__name__}
                _log.warning("Redis does not count; this process counts by itself.", extra=facts)
        if self._shared is not None:
            RATE_LIMIT_FALLBACKS.inc()
        return await self._own.take(budget, key, cost)

    async def demand(self, budget: Budget, key: str, message: str) -> Standing:
        """Take a token.

        Raises:
            RateLimited: there is none; it says when to come back, drawn out a little.
        """
        standing = await self.take(budget, key)
        if standing.is_allowed:
            return standing
        RATE_LIMITED.labels(budget.name).inc()
        wait_s = max(1, math.ceil(standing.wait_s * (1 + JITTER * self._draw())))
        raise RateLimited(
            message, policy=budget.name, retry_after_s=wait_s, quota=budget.quota, window_s=budget.window_s
        )


def _standing(budget: Budget, is_allowed: bool, filled_in_us: int, cost: int) -> Standing:  # noqa: FBT001 - a fact
    missing_us = filled_in_us + budget.interval_us * cost - budget.depth_us
    return Standing(
        is_allowed=is_allowed,
        remaining=max(0, (budget.depth_us - filled_in_us) // budget.interval_us),
        wait_s=0.0 if is_allowed else missing_us / 1_000_000,
    )
