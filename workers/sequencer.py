"""The sequencer: chains what the audit log has gained; one works at a time, however many workers there are."""

import asyncio
import logging
from collections.abc import Callable
from typing import Final

from engine.errors import Unavailable
from engine.store import audit_chain
from engine.store.hot import HotConnection

_log = logging.getLogger(__name__)

AT_ONCE: Final = 2_000
EVERY_S: Final = 1.0
IDLE_S: Final = 10.0
"""Between two passes at most, while nothing comes: each pass in vain doubles the pause."""


class Sequencer:
    """Chains in passes; what it has not come to yet shows as not chained, and is no less durable for it."""

    def __init__(self, connection: HotConnection, draw: Callable[[], float]) -> None:
        self._connection = connection
        self._draw = draw

    async def run(self) -> None:
        """Chain for ever."""
        pause_s = EVERY_S
        while True:
            seen = 0
            try:
                seen = await self.run_once()
            except Unavailable as error:
                _log.warning(
                    "The audit log was not chained; it will be.", extra={"action": "audit", "error": error.code}
                )
            pause_s = EVERY_S if seen else min(2 * pause_s, IDLE_S)
            if seen < AT_ONCE:
                await asyncio.sleep(pause_s * (0.9 + 0.2 * self._draw()))

    async def run_once(self) -> int:
        """One pass. Returns how many entries it has looked at.

        Raises:
            Unavailable: the database does not answer.
        """
        return await audit_chain.extend(self._connection, AT_ONCE)
