"""Acknowledges stream messages in bulk, behind the work and never in front of it."""

import asyncio
import logging
from collections.abc import Iterable
from typing import Final

from engine.errors import Unavailable
from engine.queue.dispatch import Dispatch, Message
from engine.telemetry.crash_points import reach

_log = logging.getLogger(__name__)

GATHER_S: Final = 0.03
"""What becomes needless within this time is acknowledged with one command; long before others would take it over."""


class Acknowledger:
    """What gathers for a moment leaves together."""

    def __init__(self, dispatch: Dispatch) -> None:
        self._dispatch = dispatch
        self._waiting: list[Message] = []
        self._task: asyncio.Task[None] | None = None

    def acknowledge(self, messages: Iterable[Message]) -> None:
        """These are needless now: what they spoke of is committed. Lost acknowledgements only cost a repeat."""
        self._waiting.extend(messages)
        if self._waiting and self._task is None:
            self._task = asyncio.get_running_loop().create_task(self._flush(), name="acknowledge")

    async def flushed(self) -> None:
        """Return when everything so far was acknowledged, or was given up."""
        while self._task is not None:
            await asyncio.shield(self._task)

    async def _flush(self) -> None:
        try:
            while self._waiting:
                await asyncio.sleep(GATHER_S)
                batch, self._waiting = self._waiting, []
                await self._dispatch.acknowledge(batch)
                reach("after_ack")
        except Unavailable:
            _log.warning("Messages could not be acknowledged; they come again.", extra={"action": "acknowledge"})
        finally:
            self._task = None
