"""Hostile messages over a socket: each is refused for what it is, and none is taken for a fault of ours."""

import json
import logging
from collections.abc import AsyncIterator, Iterator
from typing import Any

import httpx
import pytest
import pytest_asyncio
import websockets
from prometheus_client import CollectorRegistry

from engine.clock import SystemClock
from engine.identity.tokens import TokenRules, TokenVerifier
from federation.app import create_app
from federation.config import AppConfig
from tests.federation.edge import SECRET, Edge, serving, token
from tests.federation.test_streams import connect, exchange, receive

INIT = {"type": "connection_init", "payload": {"authorization": f"Bearer {token()}"}}
ASKED = {"query": "query ($a: JSON) { __typename }"}
EXPENSIVE = "{" + " ".join(f"a{n}: executions(first: 200) {{ edges {{ node {{ id }} }} }}" for n in range(14)) + "}"


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def address(edge: Edge) -> AsyncIterator[str]:
    async with serving(edge.app) as found:
        yield found


@pytest.fixture
def _no_fault_of_ours(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    yield
    # What the collector finds of other tests' tasks, asyncio says whenever that is.
    errors = [record for record in caplog.records if record.levelno >= logging.ERROR and record.name != "asyncio"]
    assert [record.message for record in errors] == []


def operation(payload: Any, name: Any = "1") -> str:
    return json.dumps({"id": name, "type": "subscribe", "payload": payload})


@pytest.mark.usefixtures("_no_fault_of_ours")
@pytest.mark.parametrize(
    ("message", "code", "reason"),
    [
        ("{", 4400, "must be valid JSON"),
        (b"\x00\xff", 4400, "must be text"),
        ("[]", 4400, "Failed to parse"),
        ('"text"', 4400, "Failed to parse"),
        ('{"id": "1"}', 4400, "Failed to parse"),
        ('{"type": ["subscribe"]}', 4400, "Failed to parse"),
        (json.dumps({"type": "x" * 500}), 4400, "Failed to parse"),
        (operation(ASKED, name=["1"]), 4400, "id is a string"),
        (operation(ASKED, name="x" * 101), 4400, "id is a string"),
        ('{"type": "complete", "id": {}}', 4400, "id is a string"),
        ('{"type": "ping", "payload": "\\ud800"}', 4400, "no JSON of this service"),
        (operation(ASKED)[:-1] + ', "deep": ' + "[" * 50_000 + "]" * 50_000 + "}", 4400, "no JSON of this service"),
        (json.dumps(INIT), 4429, "Too many"),
    ],
)  # fmt: skip
async def test_what_is_no_message_closes_the_socket(address: str, message: str | bytes, code: int, reason: str) -> None:
    async with connect(address) as socket:
        assert (await exchange(socket, INIT))["type"] == "connection_ack"
        await socket.send(message)
        with pytest.raises(websockets.ConnectionClosed) as closed:
            await receive(socket)

    assert closed.value.rcvd is not None
    assert closed.value.rcvd.code == code
    assert reason in closed.value.rcvd.reason


@pytest.mark.usefixtures("_no_fault_of_ours")
@pytest.mark.parametrize(
    ("message", "code"),
    [
        (operation(None), "BAD_REQUEST"),
        (operation([]), "BAD_REQUEST"),
        (operation({}), "BAD_REQUEST"),
        (operation({"query": 7}), "BAD_REQUEST"),
        (operation({**ASKED, "variables": [1]}), "BAD_REQUEST"),
        (operation({**ASKED, "operationName": 1}), "BAD_REQUEST"),
        (operation({**ASKED, "variables": {"a": "\0"}}), "validation.failed"),
        (operation(ASKED)[:-2] + ', "variables": {"a": 1, "a": 2}}}', "validation.failed"),
        (operation(ASKED)[:-2] + ', "variables": {"a": 123456789012345678901234567890}}}', "validation.failed"),
        (operation({"query": "{ __typename }" + "#" * 32_768}), "GRAPHQL_LIMIT_EXCEEDED"),
        (operation({"query": EXPENSIVE}), "GRAPHQL_LIMIT_EXCEEDED"),
        (operation({"query": "{ a } " + "x" * 400}), "GRAPHQL_PARSE_FAILED"),
        (operation({"query": "query A { __typename }", "operationName": "B"}), "GRAPHQL_OPERATION_UNKNOWN"),
        (operation({"query": "{ a" * 400}), "GRAPHQL_PARSE_FAILED"),
        (operation({"query": "{ __typename " * 1_000}), "GRAPHQL_PARSE_FAILED"),
        (operation({"query": "{ nothing }"}), "GRAPHQL_VALIDATION_FAILED"),
        (operation({"query": "{ __typename }", "extensions": 1}), "BAD_REQUEST"),
    ],
)
async def test_what_cannot_be_run_is_refused_and_the_socket_goes_on(address: str, message: str, code: str) -> None:
    async with connect(address) as socket:
        await exchange(socket, INIT)
        await socket.send(message)
        refused = await receive(socket)
        answer = await exchange(socket, {"id": "2", "type": "subscribe", "payload": {"query": "{ __typename }"}})

    assert (refused["id"], refused["type"]) == ("1", "error")
    assert refused["payload"][0]["extensions"]["code"] == code
    assert answer["payload"]["data"] == {"__typename": "Query"}


async def test_more_operations_at_once_than_may_be_are_refused(address: str) -> None:
    watch = {"query": "subscription { humanTaskUpdated { eventId } }"}
    async with connect(address) as socket:
        await exchange(socket, INIT)
        for number in range(101):
            await socket.send(operation(watch, name=str(number)))
        refused = await receive(socket)

    assert (refused["id"], refused["type"]) == ("100", "error")


async def test_nothing_is_run_before_somebody_has_said_who_calls(address: str) -> None:
    async with connect(address) as socket:
        await socket.send(operation(ASKED))
        with pytest.raises(websockets.ConnectionClosed) as closed:
            await receive(socket)

    assert closed.value.rcvd is not None
    assert closed.value.rcvd.code == 4401


async def test_a_query_over_a_stream_ends_in_time(edge: Edge) -> None:
    verifier = TokenVerifier(TokenRules(SECRET), SystemClock())
    app = create_app(edge.services, verifier, AppConfig(graphql_timeout_s=0), CollectorRegistry())
    query = {"query": "{ workflows { totalCount } }"}
    async with serving(app) as address, connect(address) as socket:
        await exchange(socket, INIT)
        over_socket = await exchange(socket, json.loads(operation(query)))
        async with httpx.AsyncClient(timeout=60) as client:
            headers = {**edge.headers(), "accept": "text/event-stream"}
            answer = await client.post(f"http://{address}/graphql", json=query, headers=headers)

    assert "request.timeout" in answer.text
    assert over_socket["payload"]["errors"][0]["extensions"]["code"] == "request.timeout"


@pytest.mark.parametrize(
    "query", ["{", "{ nothing }", "{ a" * 400, EXPENSIVE, "query A { __typename } query B { __typename }"]
)
async def test_what_cannot_be_run_as_a_stream_is_one_event_with_its_errors(edge: Edge, query: str) -> None:
    headers = {**edge.headers(), "accept": "text/event-stream"}

    answer = await edge.client.post("/graphql", json={"query": query}, headers=headers)

    [event] = [json.loads(line[6:]) for line in answer.text.split("\n") if line.startswith("data: {")]
    assert "data" not in event
    assert event["errors"][0]["extensions"]["code"].startswith("GRAPHQL_")
    assert answer.text.endswith("event: complete\ndata: \n\n")
