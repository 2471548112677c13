"""The far side of HTTP steps: applies each effect once per key, and writes down every request before it answers."""

import asyncio
import json
import random
from collections import Counter
from dataclasses import dataclass, field


def _open() -> asyncio.Event:
    event = asyncio.Event()
    event.set()
    return event


@dataclass(frozen=True, slots=True)
class Request:
    """One request as it arrived.

    Attributes:
        caller: port that it came from.
    """

    key: str
    execution: str
    step: str
    delivery: str
    caller: int


@dataclass(slots=True)
class Receiver:
    """An HTTP/1.1 server on the loopback interface, with a log of its own.

    Attributes:
        slowest_s: answers take up to this long.
        fastest_s: and at least this long.
        lost_replies: share of requests whose effect is applied and whose connection is then cut.
        opened: set, it answers; a test that clears it holds all who ask.
    """

    chance: random.Random
    slowest_s: float = 0.25
    fastest_s: float = 0.0
    lost_replies: float = 0.0
    log: list[Request] = field(default_factory=list)
    applied: set[str] = field(default_factory=set)
    opened: asyncio.Event = field(default_factory=_open)
    port: int = 0
    _server: asyncio.Server | None = None

    async def start(self) -> None:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0, backlog=1_024)
        self.port = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        if self._server is not None:
            self._server.close()

    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/effects"

    def requests(self) -> Counter[tuple[str, str]]:
        """How many requests came for each step of each execution."""
        return Counter((request.execution, request.step) for request in self.log)

    def keys(self) -> dict[tuple[str, str], set[str]]:
        """Under which keys each step of each execution was asked for: what a receiver that honours keys sees."""
        found: dict[tuple[str, str], set[str]] = {}
        for request in self.log:
            found.setdefault((request.execution, request.step), set()).add(request.key)
        return found

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while await self._answer(reader, writer):
                pass
        except (ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass  # whoever asked is dead, or the test is over
        finally:
            writer.close()

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        head = await reader.readuntil(b"\r\n\r\n")
        lines = (line.partition(":") for line in head.decode().split("\r\n")[1:] if line)
        headers = {name.strip().lower(): value.strip() for name, _, value in lines}
        body = json.loads(await reader.readexactly(int(headers.get("content-length", "0"))))
        key = headers["idempotency-key"].strip('"')
        self.log.append(
            Request(key, body["execution"], body["step"], body["delivery"], writer.get_extra_info("peername")[1])
        )
        self.applied.add(key)
        await self.opened.wait()
        await asyncio.sleep(self.fastest_s + self.chance.random() * (self.slowest_s - self.fastest_s))
        if self.chance.random() < self.lost_replies:
            return False
        text = json.dumps({"applied": key}).encode()
        kind = b"content-type: application/json\r\ncontent-length: %d" % len(text)
        writer.write(b"HTTP/1.1 200 OK\r\n" + kind + b"\r\n\r\n" + text)
        await writer.drain()
        return True
