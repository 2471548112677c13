"""A small keep-alive HTTP client: the driver's own CPU must not be what is measured."""

import asyncio
import json
import time
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from scripts.embedded.ports import LOOPBACK

_IDLE_S = 2.0
"""Servers close idle connections after five seconds; a call must not meet that."""


@dataclass(frozen=True, slots=True)
class Answer:
    """Status and body of one call."""

    status: int
    body: bytes

    def json(self) -> Any:
        """The body, read."""
        return json.loads(self.body)


@dataclass(slots=True)
class Client:
    """Calls of one caller, spread over the API processes; opens as many connections as calls overlap."""

    ports: Sequence[int]
    token: str
    _opened: int = 0
    _idle: deque[tuple[asyncio.StreamReader, asyncio.StreamWriter, float]] = field(default_factory=deque)

    async def call(self, method: str, path: str, document: object = None) -> Answer:
        """One request.

        Raises:
            OSError: the connection broke.
            EOFError: the server closed it in mid-answer.
        """
        body = b"" if document is None else json.dumps(document, separators=(",", ":")).encode()
        reader, writer = await self._connection()
        writer.write(
            f"{method} {path} HTTP/1.1\r\nhost: bench\r\nauthorization: Bearer {self.token}\r\n"
            f"content-type: application/json\r\ncontent-length: {len(body)}\r\n\r\n".encode()
            + body
        )
        head = (await reader.readuntil(b"\r\n\r\n")).lower()
        length = int(head.split(b"content-length:")[1].split(b"\r\n")[0])
        content = await reader.readexactly(length)
        self._idle.append((reader, writer, time.monotonic()))
        return Answer(int(head.split(b" ", 2)[1]), content)

    async def _connection(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """An idle connection that the server will not close just now, or a new one."""
        while self._idle:
            reader, writer, since = self._idle.pop()
            if time.monotonic() - since < _IDLE_S and not reader.at_eof():
                return reader, writer
            writer.close()
        port = self.ports[self._opened % len(self.ports)]
        self._opened += 1
        return await asyncio.open_connection(LOOPBACK, port)

    async def must(self, method: str, path: str, document: object = None) -> Any:
        """The body of a call that has to succeed."""
        answer = await self.call(method, path, document)
        if answer.status >= 300:
            raise RuntimeError(f"{method} {path}: {answer.status} {answer.body[:500]!r}")
        return answer.json()

    async def publish(self, definition: dict[str, object]) -> str:
        """Create and publish a workflow; its id."""
        workflow = await self.must("POST", "/api/workflows", definition)
        await self.must("POST", f"/api/workflows/{workflow['id']}/publish", {"bump": "major"})
        return str(workflow["id"])

    async def execute(self, workflow_id: str) -> str:
        """Start an execution; its id."""
        started = await self.must("POST", f"/api/workflows/{workflow_id}/execute", {"triggerData": {}})
        return str(started["id"])

    def close(self) -> None:
        """Close idle connections."""
        while self._idle:
            self._idle.pop()[1].close()


async def open_loop(rate: float, seconds: float, submit: Callable[[float], Awaitable[None]]) -> None:
    """Call `submit(due)` at a fixed rate without waiting for it: a stall is not hidden, latency counts from `due`."""
    started, tasks = time.perf_counter(), []
    for number in range(int(rate * seconds)):
        due = started + number / rate
        wait = due - time.perf_counter()
        if wait > 0:
            await asyncio.sleep(wait)
        tasks.append(asyncio.ensure_future(submit(due)))
    await asyncio.gather(*tasks)


async def closed_loop(count: int, in_flight: int, call: Callable[[], Awaitable[None]]) -> None:
    """Make `count` calls, at most `in_flight` at a time."""
    left = iter(range(count))

    async def caller() -> None:
        for _ in left:
            await call()

    await asyncio.gather(*(caller() for _ in range(in_flight)))
