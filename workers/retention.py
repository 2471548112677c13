"""Retention: months of executions are made ahead and, where the operator limits how long they are kept, dropped.

With them go rows of the decision log that nothing rests on, and old rows of the ledgers of schedules.
"""

import asyncio
import logging
from collections.abc import Callable
from typing import Final

from engine.errors import MaestroError
from engine.store import decisions, partitions, ticks
from engine.store.hot import HotConnection

_log = logging.getLogger(__name__)

MONTHS_AHEAD: Final = 3
EVERY_S: Final = 3_600.0


class Retention:
    """One look an hour in every worker; what one has done the others find done."""

    def __init__(self, connection: HotConnection, keep_days: int | None, draw: Callable[[], float]) -> None:
        """Take how long finished executions are kept; None: for ever."""
        self._connection = connection
        self._keep_days = keep_days
        self._draw = draw

    async def run(self) -> None:
        """Look for ever. The first look comes soon, so that a database that was off for months gets its partitions."""
        while True:
            try:
                await self.run_once()
            except MaestroError as error:
                _log.warning("Partitions could not be seen to.", extra={"action": "retention", "error": error.code})
            await asyncio.sleep(EVERY_S * (0.9 + 0.2 * self._draw()))

    async def run_once(self) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """One look. Returns the partitions that were made, and those that were dropped.

        Raises:
            MaestroError: the database does not answer, or refuses.
        """
        made = await partitions.make(self._connection, MONTHS_AHEAD)
        dropped = () if self._keep_days is None else await partitions.drop(self._connection, self._keep_days)
        await decisions.forget(self._connection)
        if self._keep_days is not None:
            await ticks.forget(self._connection, self._keep_days)
        if made or dropped:
            _log.info("Partitions changed.", extra={"action": "retention", "made": made, "dropped": dropped})
        return made, dropped
