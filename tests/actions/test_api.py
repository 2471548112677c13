"""`api` against real servers: what it sends, what it reads, and what it makes of their answers."""

import asyncio
import gzip
import json
import zlib
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest

from engine.actions.api import Api
from engine.actions.tools import ActionTools
from engine.jsonvalue import JsonObject
from tests.actions.connected import KEY, TRACE, context_of, failure, output, tools_allowing
from tests.actions.servers import Received, answer, http_server, json_answer, listening, read_request
from tests.clock import FakeClock


async def test_a_request_carries_what_the_step_says_and_what_marks_the_step(tools: ActionTools) -> None:
    async with http_server(lambda _: json_answer(b'{"id": 7}', 201, X_Trace="a")) as server:
        config: JsonObject = {
            "method": "POST",
            "url": f"{server.url}/tickets?open=1",
            "query": {"tag": ["a b", "c"], "n": 2, "on": True, "none": None},
            "headers": {"X-Own": "1"},
            "body": {"title": "ü"},
        }
        result = await Api(tools).run(context_of(config))
    assert output(result) == {
        "status": 201,
        "headers": {"content-length": "9", "content-type": "application/json", "x-trace": "a"},
        "body": {"id": 7},
    }
    (request,) = server.requests
    assert (request.method, request.target) == ("POST", "/tickets?open=1&tag=a+b&tag=c&n=2&on=true")
    assert json.loads(request.body) == {"title": "ü"}
    assert request.headers["idempotency-key"] == KEY
    assert request.headers["traceparent"] == TRACE
    assert request.headers["x-own"] == "1"
    assert request.headers["content-type"] == "application/json"


async def test_attempts_share_their_key_and_their_connection(tools: ActionTools) -> None:
    async with http_server(lambda _: answer(204)) as server:
        for attempt in (1, 2, 3):
            assert output(await Api(tools).run(context_of({"url": server.url}, attempt=attempt)))["body"] is None
    assert {request.headers["idempotency-key"] for request in server.requests} == {KEY}
    assert server.connections == 1


@pytest.mark.parametrize("method", ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"])
async def test_all_methods(tools: ActionTools, method: str) -> None:
    async with http_server(lambda _: answer(200)) as server:
        assert output(await Api(tools).run(context_of({"url": server.url, "method": method})))["status"] == 200
    assert server.requests[0].method == method


@pytest.mark.parametrize(
    ("body", "content_type", "expected"),
    [
        (b'{"a": [1, null]}', "application/json; charset=utf-8", {"a": [1, None]}),
        (b'{"a": 1}', "application/problem+json", {"a": 1}),
        (b"{oops", "application/json", "{oops"),
        (b"[" * 500 + b"]" * 500, "application/json", "[" * 500 + "]" * 500),
        ("grün".encode(), "text/plain", "grün"),
        ("grün".encode("latin-1"), "text/plain; charset=iso-8859-1", "grün"),
        (b"\xff\x00", "application/octet-stream", {"base64": "/wA="}),
        (b"x", "text/plain; charset=no-such", {"base64": "eA=="}),
    ],
)
async def test_bodies_become_json_values(tools: ActionTools, body: bytes, content_type: str, expected: object) -> None:
    async with http_server(lambda _: answer(200, body, Content_Type=content_type)) as server:
        assert output(await Api(tools).run(context_of({"url": server.url})))["body"] == expected


@pytest.mark.parametrize(("encoding", "encode"), [("gzip", gzip.compress), ("deflate", zlib.compress)])
async def test_compressed_bodies_are_read(tools: ActionTools, encoding: str, encode: Callable[[bytes], bytes]) -> None:
    body = encode(b'"' + b"x" * 100_000 + b'"')
    async with http_server(lambda _: json_answer(body, Content_Encoding=encoding)) as server:
        assert output(await Api(tools).run(context_of({"url": server.url})))["body"] == "x" * 100_000


@pytest.mark.parametrize(
    ("status", "retryable"),
    [(400, False), (404, False), (408, True), (409, False), (425, True), (429, True), (500, True), (503, True)],
)
async def test_unexpected_statuses(tools: ActionTools, status: int, retryable: bool) -> None:  # noqa: FBT001 - a column
    async with http_server(lambda _: answer(status, b"why")) as server:
        failed = failure(await Api(tools).run(context_of({"url": server.url})))
    assert (failed.code, failed.retryable) == (f"http.{status}", retryable)
    assert failed.details == {"status": status, "sent": True, "body": "why"}


@pytest.mark.parametrize(("expected", "status"), [(404, 404), ("4xx", 404), ([200, "4xx"], 404), ("3xx", 302)])
async def test_expected_statuses_succeed(tools: ActionTools, expected: object, status: int) -> None:
    async with http_server(lambda _: answer(status)) as server:
        config = {"url": server.url, "expectedStatus": expected}
        assert output(await Api(tools).run(context_of(config)))["status"] == status  # type: ignore[arg-type] # JSON


@pytest.mark.parametrize(
    ("value", "expected_ms"),
    [
        ("7", 7_000),
        ("999999999999", 86_400_000),
        ("soon", None),
        ("", None),
        (format_datetime(datetime(2026, 1, 5, 9, 0, 30, tzinfo=UTC), usegmt=True), 30_000),
        (format_datetime(datetime(2020, 1, 1, tzinfo=UTC), usegmt=True), 0),
    ],
)
async def test_retry_after_is_honoured(fake_clock: FakeClock, value: str, expected_ms: int | None) -> None:
    tools = tools_allowing("127.0.0.1", clock=fake_clock)
    async with http_server(lambda _: answer(429, Retry_After=value)) as server:
        assert failure(await Api(tools).run(context_of({"url": server.url}))).retry_after_ms == expected_ms
    await tools.close()


async def test_a_step_that_is_delivered_at_most_once_is_not_repeated_once_it_was_sent(tools: ActionTools) -> None:
    async with http_server(lambda _: answer(503)) as server:
        failed = failure(await Api(tools).run(context_of({"url": server.url}, at_most_once=True)))
        port = server.port
    assert not failed.retryable
    unreached = failure(await Api(tools).run(context_of({"url": f"http://127.0.0.1:{port}"}, at_most_once=True)))
    assert (unreached.code, unreached.retryable) == ("outbound.unreachable", True)


@pytest.mark.parametrize(
    "headers",
    [{"Host": "x"}, {"content-length": "1"}, {"Transfer-Encoding": "chunked"}, {"Idempotency-Key": "mine"},
     {"X": "a\r\nY: b"}, {"X Y": "a"}, {"X\r\n": "a"}, {"X": "\u2603"}],
)  # fmt: skip
async def test_headers_that_are_the_engines_or_unwritable_are_refused(
    tools: ActionTools, headers: dict[str, str]
) -> None:
    async with http_server(lambda _: answer(200)) as server:
        failed = failure(await Api(tools).run(context_of({"url": server.url, "headers": dict(headers)})))
    assert failed.code == "outbound.header_refused"
    assert server.requests == []


async def test_config_that_does_not_fit_is_refused_with_its_faults(tools: ActionTools) -> None:
    failed = failure(await Api(tools).run(context_of({"url": 7, "metod": "GET", "timeoutMs": 0})))
    assert (failed.code, failed.retryable) == ("action.config_invalid", False)
    assert failed.details is not None
    assert isinstance(failed.details["faults"], list)
    assert len(failed.details["faults"]) == 3


async def test_a_redirect_after_post_goes_on_as_get() -> None:
    def respond(request: Received) -> bytes:
        return answer(200) if request.target == "/done" else answer(303, Location="/done")

    tools = tools_allowing("127.0.0.1")
    async with http_server(respond) as server:
        config: JsonObject = {"url": server.url, "method": "POST", "body": {}, "followRedirects": True}
        assert output(await Api(tools).run(context_of(config)))["status"] == 200
    assert [(r.method, r.target, r.body) for r in server.requests] == [("POST", "/", b"{}"), ("GET", "/done", b"")]
    await tools.close()


async def test_cancellation_passes_through_and_leaves_the_client_usable(tools: ActionTools) -> None:
    asked = asyncio.Event()

    async def stuck(reader: asyncio.StreamReader, _writer: asyncio.StreamWriter) -> None:
        await read_request(reader)
        asked.set()
        await asyncio.Event().wait()

    async with listening(stuck) as port, http_server(lambda _: answer(200)) as good:
        task = asyncio.ensure_future(Api(tools).run(context_of({"url": f"http://127.0.0.1:{port}/"})))
        await asked.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert output(await Api(tools).run(context_of({"url": good.url})))["status"] == 200


async def test_a_far_side_that_keeps_failing_is_left_alone_and_then_tried_once(fake_clock: FakeClock) -> None:
    status = 500
    tools = tools_allowing("127.0.0.1", clock=fake_clock)
    async with http_server(lambda _: answer(status)) as server:
        context = context_of({"url": server.url})
        for _ in range(50):
            assert failure(await Api(tools).run(context)).code == "http.500"
        failed = failure(await Api(tools).run(context))
        assert (failed.code, failed.retryable, failed.retry_after_ms) == ("outbound.circuit_open", True, 5_000)
        assert len(server.requests) == 50
        fake_clock.advance(timedelta(seconds=5))
        assert failure(await Api(tools).run(context)).code == "http.500"
        assert failure(await Api(tools).run(context)).retry_after_ms == 10_000
        fake_clock.advance(timedelta(seconds=10))
        status = 200
        assert output(await Api(tools).run(context))["status"] == 200
        assert output(await Api(tools).run(context))["status"] == 200
    assert len(server.requests) == 53
    await tools.close()
