"""Changes: tells whoever watches executions, or the tasks of a tenant, that something was recorded.

Losing one costs a moment, never an event: what is shown is read from PostgreSQL, and watchers look by themselves too.
"""

import asyncio
import logging
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any, Final
from uuid import UUID, uuid5

from engine.queue.link import Link, RedisTrouble, heed_cancellation, subscriber
from engine.queue.timing import Timing

_log = logging.getLogger(__name__)

CHANNEL: Final = "maestro:changes"
_PUBLISH: Final = Timing("publish")
GATHER_S: Final = 0.01
"""Changes of this time leave together."""
DEAF_S: Final = 0.25
"""After nobody listened, nothing is told for this long: telling the air costs a round trip each."""
TOLD_AT_ONCE: Final = 1_000
KEPT: Final = 100_000
LOOK_SOON_S: Final = 0.25
LOOK_AGAIN_S: Final = 2.0
SETTLED_S: Final = 1.0
_ID_BYTES: Final = 16
_RECONNECT_S: Final = 0.5
_TASKS: Final = UUID("6f1c8f1e-5d0b-5c59-9a52-6a6f2f2d7a10")

Tell = Callable[[Iterable[UUID]], None]
"""Has all watchers of these look."""


def tasks_of(tenant: str) -> UUID:
    """What watchers of human tasks watch: all of a tenant's tasks together."""
    return uuid5(_TASKS, tenant)


class Teller:
    """Tells of executions that have changed: after the commit, never raising, without waiting for Redis."""

    def __init__(self, link: Link) -> None:
        self._link = link
        self._waiting: dict[UUID, None] = {}
        self._telling: asyncio.Task[None] | None = None
        self._deaf_until = 0.0

    def tell(self, execution_ids: Iterable[UUID]) -> None:
        """Have all watchers of these look."""
        loop = asyncio.get_running_loop()
        if loop.time() < self._deaf_until or len(self._waiting) >= KEPT:
            return
        self._waiting.update(dict.fromkeys(execution_ids))
        if self._telling is None and self._waiting:
            self._telling = loop.create_task(self._tell(), name="changes")

    async def close(self) -> None:
        """Tell what waits. The link is the caller's."""
        while self._telling is not None:
            await asyncio.shield(self._telling)

    async def _tell(self) -> None:
        try:
            while self._waiting:
                await asyncio.sleep(GATHER_S)
                batch = list(self._waiting)[:TOLD_AT_ONCE]
                for one in batch:
                    del self._waiting[one]
                await self._publish(b"".join(one.bytes for one in batch))
        finally:
            self._telling = None

    async def _publish(self, message: bytes) -> None:
        try:
            with _PUBLISH.measured(()):  # of whatever has changed since the last time: nobody's call
                heard = await self._link.commands.publish(CHANNEL, message)
        except RedisTrouble as error:
            facts = {"action": "changes.tell", "error": type(error).__name__}
            _log.debug("Watchers were not told; they look by themselves.", extra=facts)
            heard = 0
        # A node of a cluster counts its own listeners only, so that none there means nothing.
        if not heard and not self._link.is_cluster:
            self._waiting.clear()
            self._deaf_until = asyncio.get_running_loop().time() + DEAF_S


class Watching:
    """One watcher of one execution."""

    def __init__(self, listener: "Listener") -> None:
        self._listener = listener
        self._told = asyncio.Event()

    def told(self) -> None:
        """There is something new."""
        self._told.set()

    async def changed(self) -> None:
        """Wait until the watcher was told since the last call, or should look by itself."""
        try:
            async with asyncio.timeout(self._listener.patience_s):
                await self._told.wait()
        except TimeoutError:
            return
        finally:
            self._told.clear()


class Listener:
    """Hears changes for the watchers of a process. It is connected only while somebody watches."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._watchers: dict[UUID, set[Watching]] = {}
        self._hearing: asyncio.Task[None] | None = None
        self._settled_at: float | None = None

    @property
    def patience_s(self) -> float:
        """How long to wait for word before looking: short while the connection is down, or new and not heard yet."""
        settled = self._settled_at is not None and self._settled_at <= asyncio.get_running_loop().time()
        return LOOK_AGAIN_S if settled else LOOK_SOON_S

    @contextmanager
    def watch(self, execution_id: UUID) -> Iterator[Watching]:
        """Watch an execution. What is told from now on counts, so that nothing falls between a look and a wait."""
        watching = Watching(self)
        self._watchers.setdefault(execution_id, set()).add(watching)
        if self._hearing is None:
            self._hearing = asyncio.get_running_loop().create_task(self._hear(), name="changes")
        try:
            yield watching
        finally:
            watchers = self._watchers[execution_id]
            watchers.remove(watching)
            if not watchers:
                del self._watchers[execution_id]

    async def close(self) -> None:
        """Hear no more."""
        if self._hearing is not None:
            self._hearing.cancel()
            await asyncio.wait({self._hearing})

    async def _hear(self) -> None:
        try:
            while self._watchers:
                try:
                    await self._listen()
                except RedisTrouble as error:
                    facts = {"action": "changes.hear", "error": type(error).__name__}
                    _log.warning("Changes are not heard; watchers look by themselves.", extra=facts)
                    self._settled_at = None
                    heed_cancellation()
                    await asyncio.sleep(_RECONNECT_S)
        finally:
            self._settled_at = None
            self._hearing = None

    async def _listen(self) -> None:
        """Hear until nobody watches.

        Raises:
            RedisTrouble: the connection is lost.
        """
        self._settled_at = None
        client = subscriber(self._url)
        try:
            async with client.pubsub(ignore_subscribe_messages=True) as channel:
                await channel.subscribe(CHANNEL)
                self._settled_at = asyncio.get_running_loop().time() + SETTLED_S
                while self._watchers:
                    heed_cancellation()
                    self._pass_on(await channel.get_message(timeout=LOOK_AGAIN_S))
        finally:
            await client.aclose()

    def _pass_on(self, message: Any) -> None:
        data = message["data"] if message else b""
        for start in range(0, len(data), _ID_BYTES):
            found = data[start : start + _ID_BYTES]
            if len(found) == _ID_BYTES:
                for watching in self._watchers.get(UUID(bytes=found), ()):
                    watching.told()
