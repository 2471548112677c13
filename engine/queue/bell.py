"""The bell: tells workers that there is something to look at. Losing a ring costs time, never work."""

import asyncio
import logging
from collections.abc import Sequence
from typing import Final, Protocol
from uuid import UUID

from engine.queue.link import Link, RedisTrouble
from engine.queue.messages import encode
from engine.queue.streams import DESTINATION, Streams
from engine.queue.timing import Timing
from engine.telemetry.metrics import MESSAGES_SENT

_log = logging.getLogger(__name__)

BATCH: Final = 500
_SENT: Final = MESSAGES_SENT.labels("redis", DESTINATION)
_XADD: Final = Timing("xadd")
WAITING_AT_MOST: Final = 100_000
"""Rings kept while Redis is slow; what comes on top is left to the sweep."""


class Bell(Protocol):
    """Rings after commit. PostgreSQL is the truth: a sweep rings again for what was not heard."""

    async def ring(self, tenant: str, execution_ids: Sequence[UUID]) -> None:
        """Have some worker look at these executions, soon. Never raises, and does not wait for Redis."""
        ...


class StreamBell:
    """A bell over the dispatch streams: rings of one tick of the loop leave in one round trip."""

    def __init__(self, link: Link, streams: Streams) -> None:
        self._link = link
        self._streams = streams
        self._waiting: dict[tuple[str, str, UUID], None] = {}
        self._flushing: asyncio.Task[None] | None = None
        self._closed = False

    async def ring(self, tenant: str, execution_ids: Sequence[UUID]) -> None:
        """Have some worker look at these executions. Never raises, does not wait for Redis."""
        for execution_id in execution_ids:
            self.ring_now(tenant, execution_id)

    def ring_now(self, tenant: str, execution_id: UUID) -> None:
        """The same for one execution, for callers that cannot await."""
        self._put(self._streams.of(execution_id), tenant, execution_id)

    def forward(self, worker_id: UUID, tenant: str, execution_id: UUID) -> None:
        """Have the worker that holds this execution look at it. Never raises, does not wait for Redis."""
        self._put(self._streams.of_worker(worker_id), tenant, execution_id)

    async def flushed(self) -> None:
        """Wait until every ring so far was sent, or was given up."""
        while self._flushing is not None:
            await asyncio.shield(self._flushing)

    async def close(self) -> None:
        """Send what waits; later rings are left to the sweep. The link is the caller's."""
        await self.flushed()
        self._closed = True

    def _put(self, stream: str, tenant: str, execution_id: UUID) -> None:
        if self._closed or len(self._waiting) >= WAITING_AT_MOST:
            return
        self._waiting[stream, tenant, execution_id] = None
        if self._flushing is None:
            self._flushing = asyncio.get_running_loop().create_task(self._flush(), name="bell")

    async def _flush(self) -> None:
        try:
            while self._waiting:
                batch = list(self._waiting)[:BATCH]
                for entry in batch:
                    del self._waiting[entry]
                await self._send(batch)
        finally:
            self._flushing = None

    async def _send(self, batch: list[tuple[str, str, UUID]]) -> None:
        try:
            pipeline = self._link.commands.pipeline(transaction=False)
            for stream, tenant, execution_id in batch:
                pipeline.xadd(stream, encode(tenant, execution_id))
            with _XADD.measured():
                await pipeline.execute()
            _SENT.inc(len(batch))
        except RedisTrouble as error:
            _log.warning(
                "Rings were not heard; the sweep will find their executions.",
                extra={"action": "bell.ring", "count": len(batch), "error": type(error).__name__},
            )
