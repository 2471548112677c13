"""Idempotency keys that were seen lately: the fast answer to repeats. It may be wrong both ways; PostgreSQL decides.

A key that was seen says *look before you write*; one that was not, or that Redis has lost, says nothing: the write
itself finds the earlier call.
"""

import hashlib
import logging
import math
from typing import Final

from engine.clock import Clock
from engine.queue.link import Link, RedisTrouble
from engine.queue.timing import Timing

_log = logging.getLogger(__name__)

_SET: Final = Timing("set")
AWAY_S: Final = 1.0
"""How long Redis is left alone after it did not answer."""


class KnownKeys:
    """Keys by what they are unique within; without a link nothing is ever known."""

    def __init__(self, link: Link | None, clock: Clock) -> None:
        self._link = link
        self._clock = clock
        self._away_until = -math.inf

    async def was_seen(self, parts: tuple[str, ...], kept_s: int) -> bool:
        """Whether the key was seen within `kept_s`; it is seen now. Never raises: without an answer it was not."""
        if self._link is None or self._clock.monotonic() < self._away_until:
            return False
        digest = hashlib.sha256("\x00".join(parts).encode()).hexdigest()
        try:
            with _SET.measured():
                is_new = await self._link.commands.set(f"maestro:idempotency:{digest}", b"1", nx=True, ex=kept_s)
        except RedisTrouble as error:
            self._away_until = self._clock.monotonic() + AWAY_S
            facts = {"action": "idempotency", "error": type(error).__name__}
            _log.warning("Redis knows no keys just now; PostgreSQL decides anyway.", extra=facts)
            return False
        return not is_new
