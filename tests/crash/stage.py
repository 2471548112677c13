"""What a round happens on: servers, workers, the ledger, the receiver, callers; and what is remembered of it."""

import asyncio
import random
import socket
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar
from uuid import UUID

import asyncpg

from tests.crash.fleet import Death, Fleet
from tests.crash.front import Front
from tests.crash.invariants import Orphan, orphans_of
from tests.crash.links import Links
from tests.crash.receiver import Receiver
from tests.crash.servers import Servers

ENDS_WITHIN_S = 180.0
T = TypeVar("T")
_TROUBLE = (OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError)
"""What a connection says while its server goes down or comes up."""


@dataclass(slots=True)
class Round:
    """One round under way.

    Attributes:
        links: each worker's own, where the round has faults of links.
        poisoned: executions that kill every worker which takes them.
        waiting: executions that wait for a signal nobody has sent yet.
        later: what goes on beside the next faults and has its end after them.
    """

    seed: int
    servers: Servers
    fleet: Fleet
    receiver: Receiver
    front: Front
    chance: random.Random
    tenant: str
    links: Sequence[Links] = ()
    poison: str = ""
    poisoned: list[UUID] = field(default_factory=list)
    waiting: list[UUID] = field(default_factory=list)
    orphans: list[Orphan] = field(default_factory=list)
    faults: Counter[str] = field(default_factory=Counter)
    later: list[asyncio.Task[None]] = field(default_factory=list)
    is_over: bool = False

    async def reader(self) -> asyncpg.Connection:
        """A connection that sees everything, as soon as the server gives one."""
        async with asyncio.timeout(ENDS_WITHIN_S):
            while True:
                try:
                    return await asyncpg.connect(self.servers.superuser_url)
                except _TROUBLE:
                    await asyncio.sleep(0.05)

    async def ask(self, question: str, *arguments: object) -> Any:
        """The answer to a question of one value; asked again for as long as the server has trouble."""

        async def answer(connection: asyncpg.Connection) -> Any:
            return await connection.fetchval(question, *arguments)

        return await self.insist(answer)

    async def insist(self, look: Callable[[asyncpg.Connection], Awaitable[T]]) -> T:
        """Look at the tables through a connection of its own, again for as long as the server has trouble."""
        async with asyncio.timeout(ENDS_WITHIN_S):
            while True:
                connection = await self.reader()
                try:
                    return await look(connection)
                except _TROUBLE:
                    await asyncio.sleep(0.05)
                finally:
                    connection.terminate()

    async def until_live(self, count: int) -> None:
        """Return when so many workers have a lease."""
        live = "select count(*) from workers where lease_until > now() and stopped_at is null and name = any($1)"
        async with asyncio.timeout(ENDS_WITHIN_S):
            while True:
                await self.tend()
                names = [f"{socket.gethostname()}:{worker.pid}" for worker in self.fleet.workers]
                if await self.ask(live, names) >= count:
                    return
                await asyncio.sleep(0.02)

    async def tend(self) -> None:
        """Start again what has died, and remember what it had held."""
        self.servers.ledger.keep_alive()
        await self.note(self.fleet.fill())

    async def note(self, deaths: Sequence[Death]) -> None:
        """Remember what the dead had held."""

        async def look(connection: asyncpg.Connection) -> list[Orphan]:
            return [orphan for death in deaths for orphan in await orphans_of(connection, death.pid, death.at)]

        if deaths:
            self.orphans += await self.insist(look)

    def meanwhile(self, work: Awaitable[None]) -> None:
        """Let this go on beside what comes next; the round waits for its end."""

        async def do() -> None:
            await work

        self.later.append(asyncio.get_running_loop().create_task(do()))


Fault = Callable[[Round], Awaitable[None]]
