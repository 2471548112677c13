"""The way to Redis: one client for commands, one for blocking reads; a single server or a cluster behind one URL."""

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from typing import Any, Final

from redis.asyncio import Redis
from redis.asyncio.cluster import RedisCluster
from redis.asyncio.retry import Retry
from redis.backoff import ExponentialBackoff
from redis.exceptions import RedisClusterException, RedisError, ResponseError

from engine.errors import Unavailable
from engine.telemetry.metrics import DATABASE_CONNECTIONS

_log = logging.getLogger(__name__)

COMMAND_TIMEOUT_S: Final = 3.0
BLOCKING_TIMEOUT_S: Final = 8.0
"""Longer than any read waits (`WorkerConfig.read_block_s`): a server that is silent beyond it is gone, and a connection
that it has forgotten would otherwise be listened to for ever."""
_RETRIES: Final = 1
"""Few: a caller that waits for a dead server is worse off than one that is told, and PostgreSQL holds the truth."""

RedisTrouble = (RedisError, RedisClusterException, OSError, TimeoutError)
"""What this room catches at its edge."""


AGAIN_S: Final = 1.0
"""Between two looks for a server that has never answered."""

_IDLE: Final = DATABASE_CONNECTIONS.labels("redis", "idle")
_USED: Final = DATABASE_CONNECTIONS.labels("redis", "used")


@dataclass(slots=True)
class Link:
    """Two clients of one server or cluster. Ask it for them each time: one that was opened late may change them.

    Attributes:
        commands: answers within `COMMAND_TIMEOUT_S`, or fails.
        blocking: answers within `BLOCKING_TIMEOUT_S`: a read that waits is no dead server.
    """

    commands: Any
    blocking: Any
    is_cluster: bool

    async def close(self) -> None:
        """Close both."""
        await self.blocking.aclose()
        await self.commands.aclose()


async def connect(url: str) -> Link:
    """Clients for the server or the cluster at `url`.

    Raises:
        Unavailable: it does not answer, so that it is not known which of the two it is.
    """
    probe = Redis.from_url(
        url, socket_timeout=COMMAND_TIMEOUT_S, socket_connect_timeout=COMMAND_TIMEOUT_S, retry=_retry()
    )
    try:
        facts = await probe.info("cluster")
        if facts.get("cluster_enabled"):
            return Link(
                await _cluster(url, COMMAND_TIMEOUT_S), await _cluster(url, BLOCKING_TIMEOUT_S), is_cluster=True
            )
    except RedisTrouble as error:
        raise unavailable(error) from error
    finally:
        await probe.aclose()
    return Link(_single(url, COMMAND_TIMEOUT_S), _single(url, BLOCKING_TIMEOUT_S), is_cluster=False)


@asynccontextmanager
async def late_link(url: str, pause: Callable[[], Awaitable[None]] | None = None) -> AsyncIterator[Link]:
    """Clients for the server or the cluster at `url`, whether it answers already or only later; closed at the end.

    Until it has answered once it is taken for a single server, whose clients connect by themselves when it comes; that
    it is a cluster is found out as soon as it answers. `pause` waits between two looks.
    """
    try:
        link = await connect(url)
    except Unavailable as error:
        _log.warning("Redis does not answer yet; the work goes on without it.", extra={"error": error.message})
    else:
        try:
            yield link
        finally:
            await link.close()
        return
    link = Link(_single(url, COMMAND_TIMEOUT_S), _single(url, BLOCKING_TIMEOUT_S), is_cluster=False)
    looking = asyncio.get_running_loop().create_task(_find_out(link, url, pause or _wait), name="redis link")
    try:
        yield link
    finally:
        looking.cancel()
        with suppress(asyncio.CancelledError):
            await looking
        await link.close()


async def _wait() -> None:
    await asyncio.sleep(AGAIN_S)


async def _find_out(link: Link, url: str, pause: Callable[[], Awaitable[None]]) -> None:
    while True:
        await pause()
        try:
            found = await connect(url)
        except Unavailable:
            continue
        if found.is_cluster:
            early = Link(link.commands, link.blocking, is_cluster=False)
            link.commands, link.blocking, link.is_cluster = found.commands, found.blocking, True
            await early.close()
        else:
            await found.close()
        _log.info("Redis answers.", extra={"action": "connect"})
        return


def subscriber(url: str) -> Redis:
    """A client of one server for what is published; in a cluster each node passes on what any of them is told."""
    return Redis.from_url(url, socket_timeout=None, socket_connect_timeout=COMMAND_TIMEOUT_S, retry=_retry())


def unavailable(error: BaseException) -> Unavailable:
    """The family's error for trouble with Redis."""
    return Unavailable("redis", f"Redis does not answer: {type(error).__name__}.")


def heed_cancellation() -> None:
    """End a loop over Redis that was asked to end.

    A cancellation that meets the client in the middle of connecting may be lost in it; a loop that only relied on the
    exception would go on for ever.

    Raises:
        CancelledError: somebody has cancelled the running task.
    """
    task = asyncio.current_task()
    if task is not None and task.cancelling():
        raise asyncio.CancelledError


def is_missing_group(error: BaseException) -> bool:
    """True where the consumer group is gone with its stream: Redis lost its data and starts anew."""
    return isinstance(error, ResponseError) and str(error).startswith(("NOGROUP", "UNBLOCKED"))


def _retry() -> Retry:
    return Retry(ExponentialBackoff(cap=0.1, base=0.01), _RETRIES)


def _single(url: str, timeout_s: float) -> Redis:
    client = Redis.from_url(url, socket_timeout=timeout_s, socket_connect_timeout=COMMAND_TIMEOUT_S, retry=_retry())
    if timeout_s == COMMAND_TIMEOUT_S:
        _show_connections(client)
    return client


def _show_connections(client: Redis) -> None:
    """Show the pool of the client for commands; the nodes of a cluster have pools of their own, which are not shown."""
    pool = client.connection_pool
    _IDLE.set_function(lambda: pool.get_connection_count()[0][0])
    _USED.set_function(lambda: pool.get_connection_count()[1][0])


async def _cluster(url: str, timeout_s: float) -> RedisCluster:
    return await RedisCluster.from_url(
        url, socket_timeout=timeout_s, socket_connect_timeout=COMMAND_TIMEOUT_S, retry=_retry()
    )
