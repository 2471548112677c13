"""Sums of executions: made by one worker at a time, away from the path of executions, each of which is counted once."""

import asyncio
import logging
from collections.abc import Callable
from typing import Final

from engine.errors import MaestroError
from engine.store import metrics
from engine.store.hot import HotConnection

_log = logging.getLogger(__name__)

EVERY_S: Final = 15.0
SETTLED_S: Final = 30.0
"""What ended less long ago is not summed yet: a commit may be under way. Readers count it themselves."""


class Sums:
    """Sums what is new, a bounded part at a time, until nothing is left that has settled."""

    def __init__(self, connection: HotConnection, draw: Callable[[], float]) -> None:
        self._connection = connection
        self._draw = draw

    async def run(self) -> None:
        """Sum for ever."""
        while True:
            try:
                while await self.run_once():
                    continue
            except MaestroError as error:
                _log.warning("Figures were not summed; they will be.", extra={"action": "metrics", "error": error.code})
            await asyncio.sleep(EVERY_S * (0.9 + 0.2 * self._draw()))

    async def run_once(self, *, settled_s: float = SETTLED_S, every_s: float = EVERY_S / 2) -> bool:
        """One part. Returns whether anything was due.

        Raises:
            MaestroError: the database does not answer, or refuses.
        """
        return await metrics.add(self._connection, settled_s, every_s) is not None
