"""The receiving end of the dispatch streams: read, reclaim, acknowledge, trim. Redis 7.0 is the floor."""

import asyncio
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

from redis.exceptions import ResponseError

from engine.queue.link import Link, RedisTrouble, is_missing_group, unavailable
from engine.queue.messages import Ring, UnreadableMessage, decode
from engine.queue.spans import acknowledged, received
from engine.queue.streams import DEAD, DESTINATION, GROUP, Streams
from engine.queue.timing import Timing
from engine.telemetry.metrics import MESSAGES_CONSUMED, REDIS_FAILURES
from engine.telemetry.tracing import is_on

RECLAIM_IDLE_MS: Final = 3_500
"""Above three heartbeats: a consumer that is only slow keeps its messages."""
MAX_DELIVERIES: Final = 5
DEAD_KEPT: Final = 100_000
OWN_STREAM_TTL_S: Final = 3_600

_CONSUMED: Final = MESSAGES_CONSUMED.labels("redis", DESTINATION)
_XACK: Final = Timing("xack")
_XAUTOCLAIM: Final = Timing("xautoclaim")

Message = Ring | UnreadableMessage


@dataclass(frozen=True, slots=True)
class Exhausted:
    """A message that was delivered too often and never acknowledged: whoever took it died of it."""

    message: Message
    deliveries: int


@dataclass(frozen=True, slots=True)
class Received:
    """What one read brought.

    Attributes:
        messages: to be acknowledged after the commit that makes them needless.
        own: executions this worker holds and is told of; nothing is to be acknowledged.
    """

    messages: tuple[Message, ...] = ()
    own: tuple[tuple[str, UUID], ...] = ()
    exhausted: tuple[Exhausted, ...] = ()


class Dispatch:
    """One consumer of the group, over all shards, and over the worker's own stream."""

    def __init__(
        self, link: Link, streams: Streams, worker_id: UUID, *, reclaim_idle_ms: int = RECLAIM_IDLE_MS
    ) -> None:
        self._link = link
        self._reclaim_idle_ms = reclaim_idle_ms
        self._consumer = str(worker_id)
        self._own = streams.of_worker(worker_id)
        self._streams = (*streams.all(), self._own)
        self._dispatch = streams.all()
        self._cursor: dict[str, str] = dict.fromkeys(self._dispatch, "0-0")
        self._reads: dict[str, asyncio.Task[list[Any]]] = {}

    async def open(self) -> None:
        """Create the groups that are missing, from the beginning of their streams.

        Raises:
            Unavailable: Redis does not answer.
        """
        try:
            await self._create_groups()
        except RedisTrouble as error:
            raise unavailable(error) from error

    async def read(self, count: int, block_ms: int) -> Received:
        """New messages, up to about `count`; waits up to `block_ms` for the first one. A lost group is made again.

        Raises:
            Unavailable: Redis does not answer.
        """
        per_stream = max(1, count // len(self._dispatch))
        try:
            if self._link.is_cluster:
                answer = await self._read_shards(per_stream, block_ms)
            else:
                answer = await self._read(dict.fromkeys(self._streams, ">"), per_stream, block_ms)
        except RedisTrouble as error:
            if not is_missing_group(error):
                REDIS_FAILURES.labels("xreadgroup").inc()
                raise unavailable(error) from error
            await self.open()
            return Received()
        return await self._received(answer)

    async def reclaim(self, count: int) -> Received:
        """Messages that other consumers took and left, following the cursor of each stream to its end.

        Raises:
            Unavailable: Redis does not answer.
        """
        taken: list[Message] = []
        exhausted: list[Exhausted] = []
        try:
            for stream in self._dispatch:
                for message, deliveries in await self._reclaim(stream, count):
                    if deliveries > MAX_DELIVERIES:
                        exhausted.append(Exhausted(message, deliveries))
                    else:
                        taken.append(message)
        except RedisTrouble as error:
            if not is_missing_group(error):
                raise unavailable(error) from error
            await self.open()
        return Received(messages=tuple(taken), exhausted=tuple(exhausted))

    async def acknowledge(self, messages: Iterable[Message]) -> None:
        """Done with these: after the commit, never before. In bulk, one command for each stream.

        Raises:
            Unavailable: Redis does not answer; the messages come again, which does no harm.
        """
        by_stream: dict[str, list[str]] = {}
        messages, began_ns = list(messages), time.time_ns()
        for message in messages:
            by_stream.setdefault(message.stream, []).append(message.message_id)
        if not by_stream:
            return
        try:
            pipeline = self._link.commands.pipeline(transaction=False)
            for stream, ids in by_stream.items():
                pipeline.xack(stream, GROUP, *ids)
            with _XACK.measured(one.traceparent for one in messages if isinstance(one, Ring)):
                await pipeline.execute()
        except RedisTrouble as error:
            raise unavailable(error) from error
        if is_on():
            acknowledged(messages, began_ns)

    async def bury(self, fields: Mapping[str, str]) -> None:
        """Put a record on the dead-letter stream; the table `dead_letters` has it with its whole history.

        Raises:
            Unavailable: Redis does not answer.
        """
        try:
            await self._link.commands.xadd(DEAD, dict(fields), maxlen=DEAD_KEPT, approximate=True)
        except RedisTrouble as error:
            raise unavailable(error) from error

    async def trim(self) -> int:
        """Drop what every group has read and acknowledged. Returns how many entries.

        Nothing at or after the oldest pending entry of any group, or after the last one delivered, is touched.

        Raises:
            Unavailable: Redis does not answer.
        """
        dropped = 0
        try:
            for stream in self._dispatch:
                first_needed = await self._first_needed(stream)
                if first_needed is not None:
                    dropped += await self._link.commands.xtrim(stream, minid=first_needed, approximate=False)
            await self._link.commands.expire(self._own, OWN_STREAM_TTL_S)
        except RedisTrouble as error:
            raise unavailable(error) from error
        return dropped

    async def close(self) -> None:
        """Leave: the worker's own stream goes; a consumer with pending messages stays, for others to reclaim them."""
        for task in self._reads.values():
            task.cancel()
        await asyncio.gather(*self._reads.values(), return_exceptions=True)
        self._reads.clear()
        try:
            await self._link.commands.delete(self._own)
            for stream in self._dispatch:
                if not await self._link.commands.xpending_range(stream, GROUP, "-", "+", 1, self._consumer):
                    await self._link.commands.xgroup_delconsumer(stream, GROUP, self._consumer)
        except RedisTrouble:
            return

    async def _create_groups(self) -> None:
        for stream in self._streams:
            try:
                await self._link.commands.xgroup_create(stream, GROUP, id="0", mkstream=True)
            except ResponseError as error:
                if not str(error).startswith("BUSYGROUP"):
                    raise
        await self._link.commands.expire(self._own, OWN_STREAM_TTL_S)

    async def _read(self, streams: dict[str, str], count: int, block_ms: int) -> list[Any]:
        answer = await self._link.blocking.xreadgroup(
            GROUP, self._consumer, streams, count=count, block=block_ms if block_ms > 0 else None
        )
        return list(answer or ())

    async def _read_shards(self, count: int, block_ms: int) -> list[Any]:
        """In a cluster one command cannot read streams of several slots: a read stays out on each of them."""
        loop = asyncio.get_running_loop()
        for stream in self._streams:
            if stream not in self._reads:
                self._reads[stream] = loop.create_task(self._read_shard(stream, count, max(block_ms, 1)))
        done, _ = await asyncio.wait(self._reads.values(), return_when=asyncio.FIRST_COMPLETED)
        found: list[Any] = []
        failed: BaseException | None = None
        for stream, task in list(self._reads.items()):
            if task in done:
                del self._reads[stream]
                failed = task.exception() or failed
                found.extend(() if task.exception() else task.result())
        if failed is not None and not found:
            raise failed
        return found

    async def _read_shard(self, stream: str, count: int, block_ms: int) -> list[Any]:
        """The node is named outright: left to itself, the client asks a server where the keys of the command stand."""
        cluster = self._link.blocking
        node = cluster.get_node_from_key(stream)
        limits = ("COUNT", count, "BLOCK", block_ms)
        command = ("XREADGROUP", "GROUP", GROUP, self._consumer, *limits, "STREAMS", stream, ">")
        return list(await cluster.execute_command(*command, target_nodes=node) or ())

    async def _received(self, answer: list[Any]) -> Received:
        messages: list[Message] = []
        own: list[Message] = []
        for name, entries in answer:
            stream = name.decode()
            into = own if stream == self._own else messages
            into.extend(decode(stream, entry_id.decode(), fields or {}) for entry_id, fields in entries)
        if own:
            await self._forget_own(own)
        if messages:
            _CONSUMED.inc(len(messages))
            if is_on():
                received(messages, time.time_ns())
        told = tuple((m.tenant, m.execution_id) for m in own if isinstance(m, Ring))
        return Received(messages=tuple(messages), own=told)

    async def _forget_own(self, messages: list[Message]) -> None:
        """Hints for this worker alone: the mail they speak of stands in PostgreSQL, where the sweep sees it too."""
        ids = [message.message_id for message in messages]
        try:
            pipeline = self._link.commands.pipeline(transaction=False)
            pipeline.xack(self._own, GROUP, *ids)
            pipeline.xdel(self._own, *ids)
            await pipeline.execute()
        except RedisTrouble as error:
            raise unavailable(error) from error

    async def _reclaim(self, stream: str, count: int) -> list[tuple[Message, int]]:
        """One call scans only ten times `count` pending entries: the cursor goes on from where the last one ended."""
        found: list[tuple[Message, int]] = []
        while len(found) < count:
            with _XAUTOCLAIM.measured():
                answer = await self._link.commands.xautoclaim(
                    stream, GROUP, self._consumer, self._reclaim_idle_ms, start_id=self._cursor[stream], count=count
                )
            cursor, entries = answer[0], answer[1]
            self._cursor[stream] = cursor.decode() if isinstance(cursor, bytes) else str(cursor)
            for entry_id, fields in entries:
                message = decode(stream, entry_id.decode(), fields or {})
                found.append((message, await self._deliveries(stream, message.message_id)))
            if self._cursor[stream] == "0-0":
                break
        return found

    async def _deliveries(self, stream: str, message_id: str) -> int:
        pending = await self._link.commands.xpending_range(stream, GROUP, message_id, message_id, 1)
        return int(pending[0]["times_delivered"]) if pending else 0

    async def _first_needed(self, stream: str) -> str | None:
        """The oldest entry that some group still needs; None: a group has read nothing yet, all are needed."""
        needed: list[str] = []
        for group in await self._link.commands.xinfo_groups(stream):
            summary = await self._link.commands.xpending(stream, group["name"])
            oldest = summary["min"] if summary["pending"] else group["last-delivered-id"]
            needed.append(oldest.decode() if isinstance(oldest, bytes) else str(oldest))
        if not needed:
            return None
        return min(needed, key=_order)


def _order(entry_id: str) -> tuple[int, int]:
    milliseconds, _, sequence = entry_id.partition("-")
    return int(milliseconds), int(sequence or 0)
