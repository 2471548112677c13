"""The bell: tells workers that there is something to look at. Losing a ring costs time, never work."""

import asyncio
import logging
from collections.abc import Mapping, Sequence
from typing import Final, Protocol
from uuid import UUID

from engine.queue.link import Link, RedisTrouble
from engine.queue.messages import encode
from engine.queue.spans import Cause, cause, sent
from engine.queue.streams import DESTINATION, Streams
from engine.queue.timing import Timing
from engine.telemetry.metrics import MESSAGES_SENT
from engine.telemetry.tracing import is_on

_log = logging.getLogger(__name__)

BATCH: Final = 500
_SENT: Final = MESSAGES_SENT.labels("redis", DESTINATION)
_XADD: Final = Timing("xadd")
_Entry = tuple[str, str, UUID]
"""stream, tenant, execution"""
WAITING_AT_MOST: Final = 100_000
"""Rings kept while Redis is slow; what comes on top is left to the sweep."""


class Bell(Protocol):
    """Rings after commit. PostgreSQL is the truth: a sweep rings again for what was not heard."""

    async def ring(self, tenant: str, execution_ids: Sequence[UUID], traceparent: str | None = None) -> None:
        """Have some worker look at these executions, soon. Never raises, and does not wait for Redis.

        `traceparent` is the W3C trace context of what they are rung for; None: that of the current span.
        """
        ...


class StreamBell:
    """A bell over the dispatch streams: rings of one tick of the loop leave in one round trip."""

    def __init__(self, link: Link, streams: Streams) -> None:
        self._link = link
        self._streams = streams
        self._waiting: dict[_Entry, Cause | None] = {}
        self._flushing: asyncio.Task[None] | None = None
        self._closed = False

    async def ring(self, tenant: str, execution_ids: Sequence[UUID], traceparent: str | None = None) -> None:
        """Have some worker look at these executions. Never raises, does not wait for Redis."""
        for execution_id in execution_ids:
            self._put(self._streams.of(execution_id), tenant, execution_id, cause(traceparent))

    def ring_now(self, tenant: str, execution_id: UUID) -> None:
        """The same for one execution, for callers that cannot await."""
        self._put(self._streams.of(execution_id), tenant, execution_id, None)

    def forward(self, worker_id: UUID, tenant: str, execution_id: UUID) -> None:
        """Have the worker that holds this execution look at it. Never raises, does not wait for Redis."""
        self._put(self._streams.of_worker(worker_id), tenant, execution_id, None)

    async def flushed(self) -> None:
        """Wait until every ring so far was sent, or was given up."""
        while self._flushing is not None:
            await asyncio.shield(self._flushing)

    async def close(self) -> None:
        """Send what waits; later rings are left to the sweep. The link is the caller's."""
        await self.flushed()
        self._closed = True

    def _put(self, stream: str, tenant: str, execution_id: UUID, rung_by: Cause | None) -> None:
        if self._closed or len(self._waiting) >= WAITING_AT_MOST:
            return
        entry = (stream, tenant, execution_id)
        self._waiting[entry] = rung_by or self._waiting.get(entry)
        if self._flushing is None:
            self._flushing = asyncio.get_running_loop().create_task(self._flush(), name="bell")

    async def _flush(self) -> None:
        try:
            while self._waiting:
                batch = {entry: self._waiting.pop(entry) for entry in list(self._waiting)[:BATCH]}
                await self._send(batch)
        finally:
            self._flushing = None

    async def _send(self, batch: Mapping[_Entry, Cause | None]) -> None:
        failed: str | None = None
        ids: Sequence[bytes | None] = [None] * len(batch)
        try:
            pipeline = self._link.commands.pipeline(transaction=False)
            for (stream, tenant, execution_id), rung_by in batch.items():
                traceparent = None if rung_by is None else rung_by.traceparent
                pipeline.xadd(stream, encode(tenant, execution_id, traceparent))
            with _XADD.measured(one.traceparent for one in batch.values() if one is not None):
                ids = await pipeline.execute()
            _SENT.inc(len(batch))
        except RedisTrouble as error:
            failed = type(error).__name__
            _log.warning(
                "Rings were not heard; the sweep will find their executions.",
                extra={"action": "bell.ring", "count": len(batch), "error": failed},
            )
        if is_on():
            sent(zip(batch.values(), ids, strict=True), failed)
