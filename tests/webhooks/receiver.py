"""A receiver of callbacks: a real HTTP server that answers as it is told and keeps what came."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

NEVER = "never"
"""As an answer: none, and the connection stays open."""


@dataclass
class Received:
    headers: dict[str, str]
    body: bytes


@dataclass
class Receiver:
    """Answers with the next of `answers`, the last one for ever."""

    answers: list[str] = field(default_factory=lambda: ["200 OK"])
    received: list[Received] = field(default_factory=list)
    came: asyncio.Event = field(default_factory=asyncio.Event)
    port: int = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/hook"

    async def handle(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
            headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in head[1:-2])}
            body = await reader.readexactly(int(headers.get("content-length", "0")))
            self.received.append(Received(headers, body))
            self.came.set()
            answer = self.answers[0] if len(self.answers) == 1 else self.answers.pop(0)
            if answer == NEVER:
                await reader.read()  # until the caller gives up
                return
            status, *further = answer.split("|")
            lines = [f"HTTP/1.1 {status}", "content-length: 0", "connection: close", *further, "", ""]
            writer.write("\r\n".join(lines).encode())
            await writer.drain()
        finally:
            writer.close()


@asynccontextmanager
async def open_receiver(*answers: str) -> AsyncIterator[Receiver]:
    receiver = Receiver(list(answers) or ["200 OK"])
    server = await asyncio.start_server(receiver.handle, "127.0.0.1", 0)
    receiver.port = server.sockets[0].getsockname()[1]
    async with server:
        yield receiver
