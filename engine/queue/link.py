"""The way to Redis: one client for commands, one for blocking reads; a single server or a cluster behind one URL."""

from dataclasses import dataclass
from typing import Any, Final

from redis.asyncio import Redis
from redis.asyncio.cluster import RedisCluster
from redis.asyncio.retry import Retry
from redis.backoff import ExponentialBackoff
from redis.exceptions import RedisError, ResponseError

from engine.errors import Unavailable

AnyRedis = Redis | RedisCluster

COMMAND_TIMEOUT_S: Final = 3.0
_RETRIES: Final = 1
"""Few: a caller that waits for a dead server is worse off than one that is told, and PostgreSQL holds the truth."""

RedisTrouble = (RedisError, OSError, TimeoutError)
"""What this room catches at its edge."""


@dataclass(frozen=True, slots=True)
class Link:
    """Two clients of one server or cluster.

    Attributes:
        commands: answers within `COMMAND_TIMEOUT_S`, or fails.
        blocking: has no time limit of its own: a read that waits is no dead server.
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
    probe = Redis.from_url(url, socket_timeout=COMMAND_TIMEOUT_S, retry=_retry())
    try:
        facts = await probe.info("cluster")
    except RedisTrouble as error:
        raise unavailable(error) from error
    finally:
        await probe.aclose()
    if facts.get("cluster_enabled"):
        return Link(_cluster(url, COMMAND_TIMEOUT_S), _cluster(url, None), is_cluster=True)
    return Link(_single(url, COMMAND_TIMEOUT_S), _single(url, None), is_cluster=False)


def unavailable(error: BaseException) -> Unavailable:
    """The family's error for trouble with Redis."""
    return Unavailable("redis", f"Redis does not answer: {type(error).__name__}.")


def is_missing_group(error: BaseException) -> bool:
    """True where the consumer group is gone with its stream: Redis lost its data and starts anew."""
    return isinstance(error, ResponseError) and str(error).startswith(("NOGROUP", "UNBLOCKED"))


def _retry() -> Retry:
    return Retry(ExponentialBackoff(cap=0.1, base=0.01), _RETRIES)


def _single(url: str, timeout_s: float | None) -> Redis:
    return Redis.from_url(url, socket_timeout=timeout_s, socket_connect_timeout=COMMAND_TIMEOUT_S, retry=_retry())


def _cluster(url: str, timeout_s: float | None) -> RedisCluster:
    return RedisCluster.from_url(
        url, socket_timeout=timeout_s, socket_connect_timeout=COMMAND_TIMEOUT_S, cluster_error_retry_attempts=2
    )
