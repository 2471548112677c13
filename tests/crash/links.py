"""The ways from workers to PostgreSQL and Redis: a TCP relay that can be cut, slowed down, or fall silent."""

import asyncio
import contextlib
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum
from urllib.parse import urlsplit, urlunsplit

CHUNK = 65_536
_Ends = tuple[asyncio.StreamReader, asyncio.StreamWriter]


class State(StrEnum):
    """What a wire does with what comes.

    `open` passes it on; `cut` has reset all connections and refuses new ones; `silent` passes nothing either way and
    tells nobody (half-open: both ends believe in their connection); `deaf` passes what workers ask and holds what they
    are answered, so that a commit may land whose answer never comes.
    """

    OPEN = "open"
    CUT = "cut"
    SILENT = "silent"
    DEAF = "deaf"


@dataclass(slots=True)
class Wire:
    """One listening port in front of one server.

    Attributes:
        target: host and port of the server, asked for at each connection: it may have moved.
        delay_s: that everything takes longer, each way.
    """

    target: Callable[[], tuple[str, int]]
    delay_s: float = 0.0
    state: State = State.OPEN
    port: int = 0
    _server: asyncio.Server | None = None
    _ends: set[asyncio.StreamWriter] = field(default_factory=set)
    _changed: asyncio.Event = field(default_factory=asyncio.Event)

    async def start(self) -> None:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0, backlog=256)
        self.port = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        if self._server is not None:
            self._server.close()
        self.become(State.CUT)

    def become(self, state: State) -> None:
        """Change what it does from now on."""
        self.state = state
        self._changed.set()
        self._changed = asyncio.Event()
        if state is State.CUT:
            self.reset()

    def reset(self) -> None:
        """Reset all connections, as a router does that has forgotten them."""
        for end in list(self._ends):
            end.transport.abort()

    def front_of(self, url: str) -> str:
        """The URL of the server, by way of this wire."""
        parts = urlsplit(url)
        login = parts.netloc.rpartition("@")[0]
        return urlunsplit(parts._replace(netloc=f"{login}@127.0.0.1:{self.port}"))

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self.state is State.CUT:
            writer.transport.abort()
            return
        try:
            there_reader, there = await asyncio.open_connection(*self.target())
        except OSError:
            writer.transport.abort()
            return
        self._ends |= {writer, there}
        with contextlib.suppress(asyncio.CancelledError):  # the round is over
            await self._pass_both_ways((reader, writer), (there_reader, there))

    async def _pass_both_ways(self, here: _Ends, there: _Ends) -> None:
        try:
            await asyncio.gather(
                self._pass_on(here[0], there[1], {State.SILENT}),
                self._pass_on(there[0], here[1], {State.SILENT, State.DEAF}),
            )
        finally:
            self._ends -= {here[1], there[1]}
            here[1].transport.abort()
            there[1].transport.abort()

    async def _pass_on(self, source: asyncio.StreamReader, to: asyncio.StreamWriter, held_while: set[State]) -> None:
        """Pass on what comes until either end is gone; then the other one shall hear of it."""
        with contextlib.suppress(ConnectionError, asyncio.CancelledError):
            while data := await source.read(CHUNK):
                if self.delay_s:
                    await asyncio.sleep(self.delay_s)
                while self.state in held_while:
                    await self._changed.wait()
                to.write(data)
                await to.drain()
        to.close()


def address_of(url: str) -> tuple[str, int]:
    """Host and port of a URL."""
    parts = urlsplit(url)
    assert parts.hostname is not None
    assert parts.port is not None
    return parts.hostname, parts.port


@dataclass(frozen=True, slots=True)
class Links:
    """The two ways of one worker."""

    postgres: Wire
    redis: Wire

    async def start(self) -> None:
        await self.postgres.start()
        await self.redis.start()

    async def stop(self) -> None:
        await self.postgres.stop()
        await self.redis.stop()

    def wires(self) -> tuple[Wire, Wire]:
        return self.postgres, self.redis
