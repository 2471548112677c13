"""Server-sent events (WHATWG HTML, section 9.2)."""

import asyncio
from collections.abc import AsyncIterator

import orjson

from engine.errors import MalformedRequest
from engine.services.values import ExecutionEvent
from rest_shim.models.executions import EventBody
from rest_shim.shapes import write

KEEP_ALIVE_S = 15.0
RETRY_MS = 2_000


def last_event_id(header: str | None) -> int:
    """Sequence after which a stream goes on; 0: from the start.

    Raises:
        MalformedRequest: the header is no event id of ours.
    """
    if header is None or not header.strip():
        return 0
    text = header.strip()
    if not (text.isascii() and text.isdigit() and len(text) < 19):
        raise MalformedRequest("Last-Event-ID is not the id of an event.", code="request.last_event_id")
    return int(text)


async def event_stream(events: AsyncIterator[ExecutionEvent]) -> AsyncIterator[bytes]:
    """Bytes of a stream: an event each, and a comment where nothing happens for 15 s, so that proxies keep it open."""
    yield f"retry: {RETRY_MS}\n\n".encode()
    waiting = asyncio.ensure_future(anext(events))
    try:
        while True:
            done, _ = await asyncio.wait({waiting}, timeout=KEEP_ALIVE_S)
            if not done:
                yield b": still here\n\n"
                continue
            try:
                event = waiting.result()
            except StopAsyncIteration:
                return
            waiting = asyncio.ensure_future(anext(events))
            yield _framed(event)
    finally:
        waiting.cancel()


def _framed(event: ExecutionEvent) -> bytes:
    kind = b"execution" if event.step is None else b"step"
    return b"id: %d\nevent: %s\ndata: %s\n\n" % (event.seq, kind, orjson.dumps(write(EventBody.of(event))))
