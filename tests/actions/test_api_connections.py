"""`api` over a connection: what its credentials reach, where they stay, and how many calls it carries at once."""

import asyncio
import json

import pytest

from engine.actions.api import Api
from engine.actions.connections.values import ConnectionKind
from engine.jsonvalue import JsonObject
from tests.actions.connected import KEY, Connections, context_of, failure, output, tools_allowing
from tests.actions.servers import Received, answer, http_server, json_answer, listening, read_request


def http_connection(base_url: str, **secrets: object) -> Connections:
    connections = Connections()
    settings = {"baseUrl": base_url, "headers": {"X-Team": "ops"}}
    if "password" in secrets:
        settings["username"] = "ada"
    connections.add("crm", ConnectionKind.HTTP, settings, secrets)  # type: ignore[arg-type] # JSON by construction
    return connections


@pytest.mark.parametrize(
    ("secrets", "header", "value"),
    [
        ({"token": "tok-123456"}, "authorization", "Bearer tok-123456"),
        ({"password": "pass-123456"}, "authorization", "Basic YWRhOnBhc3MtMTIzNDU2"),
        ({"headers": {"X-Api-Key": "key-123456"}}, "x-api-key", "key-123456"),
    ],
)
async def test_a_connection_lets_in_and_its_secrets_are_masked_when_echoed(
    secrets: dict[str, object], header: str, value: str
) -> None:
    def echo(request: Received) -> bytes:
        return json_answer(json.dumps({"seen": request.headers, value: 1}).encode(), X_Echo=value)

    async with http_server(echo) as server:
        tools = tools_allowing("127.0.0.1", connections=http_connection(server.url + "/v1", **secrets))
        result = await Api(tools).run(context_of({"connection": "crm", "url": "/me"}))
        await tools.close()
    (request,) = server.requests
    assert (request.target, request.headers[header], request.headers["x-team"]) == ("/v1/me", value, "ops")
    assert output(result)["status"] == 200
    assert "123456" not in repr(result)
    assert "MTIzNDU2" not in repr(result)


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1:1/",
        "https://evil.example/",
        "//evil.example/",
        "/../admin",
        "/%2e%2e/admin",
        "/%252e%252e/admin",
        "/a%2f..%2f..%2fadmin",
        "{base}.evil.example/",
        "{origin}/other",
    ],
)
async def test_a_connections_credentials_stay_under_its_base_url(url: str) -> None:
    async with http_server(lambda _: answer(200)) as server:
        tools = tools_allowing("127.0.0.1", connections=http_connection(server.url + "/v1", token="tok-123456"))
        asked = url.format(base=server.url + "/v1", origin=server.url)
        failed = failure(await Api(tools).run(context_of({"connection": "crm", "url": asked})))
        await tools.close()
    assert failed.code == "outbound.url_refused"
    assert server.requests == []


async def test_a_redirect_to_another_origin_gets_no_credentials() -> None:
    async with http_server(lambda _: answer(200)) as other:
        target = f"http://localhost:{other.port}/in"
        async with http_server(lambda _: answer(307, Location=target)) as server:
            connections = http_connection(server.url, token="tok-123456")
            tools = tools_allowing("127.0.0.1", "localhost", connections=connections)
            config: JsonObject = {
                "connection": "crm",
                "url": "/",
                "method": "POST",
                "body": 1,
                "followRedirects": True,
                "headers": {"Cookie": "a=b", "X-Own": "1"},
            }
            assert output(await Api(tools).run(context_of(config)))["status"] == 200
            await tools.close()
    assert "authorization" in server.requests[0].headers
    (request,) = other.requests
    assert (request.method, request.body) == ("POST", b"1")
    assert not {"authorization", "cookie", "x-own", "x-team"} & request.headers.keys()
    assert request.headers["idempotency-key"] == KEY


@pytest.mark.parametrize(
    ("kind", "code"), [(None, "connection.not_found"), (ConnectionKind.CUSTOM, "connection.wrong_kind")]
)
async def test_a_connection_that_is_none_fails_the_step(kind: ConnectionKind | None, code: str) -> None:
    connections = Connections()
    if kind is not None:
        connections.add("crm", kind, {})
    tools = tools_allowing(connections=connections)
    failed = failure(await Api(tools).run(context_of({"connection": "crm", "url": "/"})))
    assert (failed.code, failed.retryable) == (code, False)
    await tools.close()


async def test_calls_over_a_connection_wait_for_a_free_place() -> None:
    release = asyncio.Event()
    entered = asyncio.Semaphore(0)
    most = now = 0

    async def counting(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal most, now
        while True:
            await read_request(reader)
            now += 1
            most = max(most, now)
            entered.release()
            await release.wait()
            now -= 1
            writer.write(answer(200))
            await writer.drain()

    async with listening(counting) as port:
        connections = Connections()
        settings: JsonObject = {"baseUrl": f"http://127.0.0.1:{port}", "maxConcurrency": 2}
        connections.add("crm", ConnectionKind.HTTP, settings)
        tools = tools_allowing("127.0.0.1", connections=connections)
        context = context_of({"connection": "crm", "url": "/"})
        calls = [asyncio.ensure_future(Api(tools).run(context)) for _ in range(6)]
        await entered.acquire()
        await entered.acquire()
        starved = await Api(tools).run(context_of({"connection": "crm", "url": "/", "timeoutMs": 20}))
        release.set()
        results = await asyncio.gather(*calls)
        await tools.close()
    assert failure(starved).code == "outbound.saturated"
    assert [output(result)["status"] for result in results] == [200] * 6
    assert most == 2
