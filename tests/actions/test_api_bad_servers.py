"""`api` against servers that are slow, lie, never end, or speak no HTTP."""

import asyncio
import gzip

import pytest

from engine.actions.api import Api
from engine.actions.tools import ActionTools
from engine.jsonvalue import JsonObject
from tests.actions.connected import context_of, failure
from tests.actions.servers import Handler, answer, listening, read_request


async def drip(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await read_request(reader)
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n")
    await writer.drain()
    await asyncio.Event().wait()


async def silent(reader: asyncio.StreamReader, _writer: asyncio.StreamWriter) -> None:
    await read_request(reader)
    await asyncio.Event().wait()


async def hang_up(reader: asyncio.StreamReader, _writer: asyncio.StreamWriter) -> None:
    await read_request(reader)


async def ends_early(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await read_request(reader)
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nshort")


async def claims_to_be_huge(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await read_request(reader)
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 999999999999\r\n\r\n")
    await writer.drain()
    await asyncio.Event().wait()


async def endless(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await read_request(reader)
    writer.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
    while True:
        writer.write(b"10000\r\n" + b"x" * 65_536 + b"\r\n")
        await writer.drain()


async def bomb(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await read_request(reader)
    body = gzip.compress(b"\0" * (64 * 2**20), 9)
    writer.write(answer(200, body, Content_Encoding="gzip"))
    await writer.drain()


async def nested_bomb(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await read_request(reader)
    writer.write(answer(200, b"x", Content_Encoding="gzip, gzip"))
    await writer.drain()


async def no_gzip(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await read_request(reader)
    writer.write(answer(200, b"plain", Content_Encoding="gzip"))
    await writer.drain()


async def half_gzip(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await read_request(reader)
    writer.write(answer(200, gzip.compress(b"x" * 1000)[:-8], Content_Encoding="gzip"))
    await writer.drain()


async def large_headers(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await read_request(reader)
    writer.write(answer(200, b"", **{f"X_{n}": "y" * 1000 for n in range(70)}))
    await writer.drain()


async def endless_headers(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await read_request(reader)
    writer.write(b"HTTP/1.1 200 OK\r\n")
    while True:
        writer.write(b"X-More: " + b"y" * 1000 + b"\r\n")
        await writer.drain()


async def no_http(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await read_request(reader)
    writer.write(b"220 mail.example ESMTP\r\n\r\n")
    await writer.drain()


@pytest.mark.parametrize(
    ("handler", "code", "retryable"),
    [
        (drip, "http.timeout", True),
        (silent, "http.timeout", True),
        (hang_up, "http.network", True),
        (ends_early, "http.network", True),
        (half_gzip, "http.network", True),
        (no_http, "http.network", True),
        (claims_to_be_huge, "http.too_large", False),
        (endless, "http.too_large", False),
        (bomb, "http.too_large", False),
        (nested_bomb, "http.encoding_refused", False),
        (no_gzip, "http.encoding_broken", False),
        (large_headers, "http.headers_too_large", False),
        (endless_headers, "http.headers_too_large", False),
    ],
)
async def test_bad_servers_end_in_a_failure(
    tools: ActionTools,
    handler: Handler,
    code: str,
    retryable: bool,  # noqa: FBT001 - a column of the table
) -> None:
    async with listening(handler) as port:
        config: JsonObject = {
            "url": f"http://127.0.0.1:{port}/",
            "timeoutMs": 1_000 if code == "http.timeout" else 30_000,
        }
        failed = failure(await Api(tools).run(context_of(config)))
    assert (failed.code, failed.retryable) == (code, retryable)
    assert failed.details == {"sent": True}
