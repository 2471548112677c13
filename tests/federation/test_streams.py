"""What is watched over a real server: server-sent events, subscriptions over both protocols."""

import asyncio
import contextlib
import json
import socket as socketlib
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

import httpx
import pytest
import websockets
from prometheus_client import CollectorRegistry

from engine.clock import SystemClock
from engine.identity.tokens import TokenRules, TokenVerifier
from engine.store import executions as rows
from federation.app import create_app
from federation.config import AppConfig
from federation.graphql import sockets, view
from federation.graphql.patience import Patience
from resolvers.trusted import TrustedDocuments
from tests.clock import FakeClock
from tests.federation.edge import SECRET, Edge, serving, token

SUBSCRIPTION = """subscription ($id: ID!, $after: ID) { executionUpdated(id: $id, lastEventId: $after) {
  eventId id executionId status execution { id status } step { stepId } } }"""


@pytest.fixture
async def address(edge: Edge) -> AsyncIterator[str]:
    async with serving(edge.app) as found:
        yield found


async def finished(edge: Edge) -> dict[str, Any]:
    """An execution that a worker has brought to its end, as its checkpoints tell it."""
    execution = await edge.executed()
    async with edge.database.transaction("acme") as connection:
        for seq, status in ((1, "running"), (2, "completed")):
            await connection.exec_driver_sql(
                """insert into step_checkpoints (tenant_id, execution_id, seq, step_path, status, at, lease_epoch)
                   values ('acme', $1, $2, '', $3, now(), 1)""",
                (execution["id"], seq, status),
            )
        await connection.exec_driver_sql(
            "update executions set status = 'completed', finished_at = now(), last_seq = 2 where id = $1",
            (execution["id"],),
        )
    return execution


async def lines_of(response: httpx.Response) -> list[str]:
    return [line async for line in response.aiter_lines()]


async def test_a_stream_tells_all_and_ends_with_the_execution(edge: Edge, address: str) -> None:
    execution = await finished(edge)
    url = f"http://{address}/api/executions/{execution['id']}/events"

    async with httpx.AsyncClient(timeout=60) as client:
        async with client.stream("GET", url, headers=edge.headers()) as response:
            everything = await lines_of(response)
        async with client.stream("GET", url, headers={**edge.headers(), "last-event-id": "1"}) as response:
            rest = await lines_of(response)

    assert response.headers["content-type"].startswith("text/event-stream")
    assert [line for line in everything if line.startswith("id: ")] == ["id: 1", "id: 2"]
    assert [line for line in rest if line.startswith("id: ")] == ["id: 2"]
    data = [json.loads(line.removeprefix("data: ")) for line in everything if line.startswith("data: ")]
    assert [(one["seq"], one["status"]) for one in data] == [(1, "running"), (2, "completed")]


async def test_a_subscription_over_events_ends_with_the_execution(edge: Edge, address: str) -> None:
    execution = await finished(edge)
    body = {"query": SUBSCRIPTION, "variables": {"id": execution["id"]}}
    headers = {**edge.headers(), "accept": "text/event-stream"}

    async with (
        httpx.AsyncClient(timeout=60) as client,
        client.stream("POST", f"http://{address}/graphql", json=body, headers=headers) as response,
    ):
        lines = await lines_of(response)

    data = [json.loads(line.removeprefix("data: ")) for line in lines if line.startswith("data: {")]
    assert [one["data"]["executionUpdated"]["eventId"] for one in data] == ["1", "2"]
    last = data[-1]["data"]["executionUpdated"]
    assert last["execution"] == {"id": execution["id"], "status": "completed"}
    assert (last["id"], last["executionId"], last["status"]) == (execution["id"], execution["id"], "completed")
    assert [line for line in lines if line.startswith("event: ")] == ["event: next", "event: next", "event: complete"]


async def test_a_subscription_as_json_is_refused(edge: Edge) -> None:
    response = await edge.post_graphql(SUBSCRIPTION, {"id": "x"})

    assert response.status_code == 406


def connect(address: str, *, narrow: socketlib.socket | None = None, **headers: str) -> Any:
    """A socket of the protocol; over a narrow connection it takes one message at a time."""
    return websockets.connect(
        f"ws://{address}/graphql",
        subprotocols=[websockets.Subprotocol("graphql-transport-ws")],
        additional_headers=headers,
        sock=narrow,
        open_timeout=60,
        ping_interval=None,
        max_queue=16 if narrow is None else 1,
        compression=None,
    )


async def exchange(socket: Any, message: dict[str, Any]) -> dict[str, Any]:
    await socket.send(json.dumps(message))
    return await receive(socket)


async def receive(socket: Any) -> dict[str, Any]:
    answer: dict[str, Any] = json.loads(await asyncio.wait_for(socket.recv(), 60))
    return answer


async def subscribe(socket: Any, **variables: Any) -> None:
    payload = {"query": SUBSCRIPTION, "variables": variables}
    await socket.send(json.dumps({"id": "1", "type": "subscribe", "payload": payload}))


async def test_a_socket_tells_all_from_the_event_asked_for(edge: Edge, address: str) -> None:
    execution = await finished(edge)

    async with connect(address) as socket:
        hello = {"type": "connection_init", "payload": {"authorization": f"Bearer {token()}"}}
        assert (await exchange(socket, hello))["type"] == "connection_ack"
        await subscribe(socket, id=execution["id"], after="1")
        first, end = await receive(socket), await receive(socket)

    assert first["payload"]["data"]["executionUpdated"]["eventId"] == "2"
    assert end == {"id": "1", "type": "complete"}


async def test_a_socket_takes_the_token_of_its_handshake(address: str) -> None:
    async with connect(address, authorization=f"Bearer {token()}") as socket:
        assert (await exchange(socket, {"type": "connection_init"}))["type"] == "connection_ack"


@pytest.mark.parametrize("form", ["Bearer {}", "bearer {}", "{}"])
async def test_a_socket_takes_the_token_of_its_first_message_with_its_scheme_or_alone(address: str, form: str) -> None:
    async with connect(address) as socket:
        hello = {"type": "connection_init", "payload": {"authorization": form.format(token())}}
        assert (await exchange(socket, hello))["type"] == "connection_ack"


BAD = [
    {},
    {"authorization": "Bearer nonsense"},
    {"authorization": "nonsense"},
    {"authorization": ""},
    {"authorization": 7},
]


@pytest.mark.parametrize("payload", BAD)
async def test_a_bad_token_refuses_the_connection(address: str, payload: dict[str, Any]) -> None:
    async with connect(address) as socket:
        with pytest.raises(websockets.ConnectionClosed) as closed:
            await exchange(socket, {"type": "connection_init", "payload": payload})

    assert closed.value.rcvd is not None
    assert closed.value.rcvd.code == 4403


async def test_another_tenants_execution_cannot_be_watched(edge: Edge, address: str) -> None:
    execution = await finished(edge)

    async with connect(address, authorization=f"Bearer {token(tenant='other')}") as socket:
        await exchange(socket, {"type": "connection_init"})
        await subscribe(socket, id=execution["id"])
        answer = await receive(socket)

    errors = answer["payload"] if isinstance(answer["payload"], list) else answer["payload"]["errors"]
    assert errors[0]["extensions"]["code"] == "execution.not_found"


async def test_watching_ends_with_the_token(edge: Edge) -> None:
    execution = await edge.executed()
    clock = FakeClock()  # it stands still: a second is left of the token whenever it is looked at
    verifier = TokenVerifier(TokenRules(SECRET), clock)
    app = create_app(edge.services, verifier, AppConfig(), CollectorRegistry())
    text = token(exp=clock.now().timestamp() + 1)

    async with serving(app) as address, connect(address, authorization=f"Bearer {text}") as socket:
        await exchange(socket, {"type": "connection_init"})
        await subscribe(socket, id=execution["id"])
        answer = await receive(socket)

    errors = answer["payload"] if isinstance(answer["payload"], list) else answer["payload"]["errors"]
    assert errors[0]["extensions"]["code"] == "token.expired"


async def test_pages_of_other_origins_open_no_socket(address: str) -> None:
    with pytest.raises(websockets.InvalidStatus) as refused:
        async with connect(address, origin="https://evil.test"):
            pass

    assert refused.value.response.status_code == 403


MANY = 2_000
"""Events of some kilobytes each: far more than sockets and buffers hold."""


async def talkative(edge: Edge) -> dict[str, Any]:
    """An execution with many large events, at its end."""
    execution = await edge.executed()
    async with edge.database.transaction("acme") as connection:
        await connection.exec_driver_sql(
            """insert into step_checkpoints
                 (tenant_id, execution_id, seq, step_path, iteration, attempt, status, input, at, lease_epoch)
               select 'acme', $1, seq, 'greet', '', 1, 'running', to_json(repeat('x', 8000)), now(), 1
                 from generate_series(1, $2) seq""",
            (execution["id"], MANY),
        )
        await connection.exec_driver_sql(
            "update executions set status = 'completed', finished_at = now(), last_seq = $2 where id = $1",
            (execution["id"], MANY),
        )
    return execution


async def whatever_comes(reader: asyncio.StreamReader) -> bytes:
    """All that a connection still has to give, however it ends."""
    found = bytearray()
    with contextlib.suppress(ConnectionError):
        while chunk := await reader.read(1 << 20):
            found += chunk
    return bytes(found)


@dataclass
class Slow:
    """An application with little patience: what it has read for its clients, and whom it gave up."""

    app: Any
    read: int = 0
    watched: asyncio.Queue[Patience] = field(default_factory=asyncio.Queue)

    async def until_given_up(self) -> int:
        """How many events were read until the client was let go."""
        patience = await asyncio.wait_for(self.watched.get(), 60)
        await asyncio.wait_for(patience.lost.wait(), 60)
        return self.read


@pytest.fixture
def slow(edge: Edge, monkeypatch: pytest.MonkeyPatch) -> Slow:
    verifier = TokenVerifier(TokenRules(SECRET), SystemClock())
    made = Slow(create_app(edge.services, verifier, AppConfig(patience_s=0.3), CollectorRegistry()))
    find = rows.find_checkpoints_after

    async def counting(*arguments: Any) -> Any:
        found = await find(*arguments)
        made.read += len(found)
        return found

    class Watched(Patience):
        def __init__(self, *arguments: Any) -> None:
            super().__init__(*arguments)
            made.watched.put_nowait(self)

    monkeypatch.setattr(rows, "find_checkpoints_after", counting)
    monkeypatch.setattr(view, "Patience", Watched)
    monkeypatch.setattr(sockets, "Patience", Watched)
    return made


async def test_a_slow_client_slows_its_stream_down_and_goes_on_where_it_was_let_go(edge: Edge, slow: Slow) -> None:
    execution = await talkative(edge)
    query = "subscription ($id: ID!) { executionUpdated(id: $id) { eventId step { input } } }"
    body = json.dumps({"query": query, "variables": {"id": execution["id"]}}).encode()
    async with serving(slow.app) as address:
        host, port = address.split(":")
        reader, writer = await asyncio.open_connection(host, int(port), limit=1_024)
        head = f"POST /graphql HTTP/1.1\r\nhost: {address}\r\nauthorization: Bearer {token()}\r\n"
        head += f"accept: text/event-stream\r\ncontent-type: application/json\r\ncontent-length: {len(body)}\r\n\r\n"
        writer.write(head.encode() + body)
        before = await slow.until_given_up()
        seen = await whatever_comes(reader)
        writer.close()
        last = max(int(line.removeprefix(b"id: ")) for line in seen.split(b"\n") if line.startswith(b"id: ")) - 1
    headers = {**edge.headers(), "accept": "text/event-stream", "last-event-id": str(last)}
    again = httpx.AsyncClient(timeout=60, headers={**headers, "content-type": "application/json"})
    async with (
        serving(edge.app) as address,  # this time with patience
        again as client,
        client.stream("POST", f"http://{address}/graphql", content=body) as response,
    ):
        rest = [line for line in await lines_of(response) if line.startswith("id: ")]

    assert before < MANY, "the server must not read ahead of its client"
    assert b"event: complete" not in seen
    assert rest == [f"id: {number}" for number in range(last + 1, MANY + 1)]


async def test_a_slow_socket_slows_its_subscription_down_and_goes_on_where_it_was_let_go(
    edge: Edge, slow: Slow
) -> None:
    execution = await talkative(edge)
    query = """subscription ($id: ID!, $after: ID) {
      executionUpdated(id: $id, lastEventId: $after) { eventId step { input } } }"""

    async def ids(socket: Any) -> list[int]:
        """Events in the order in which they come, until the subscription or the connection ends."""
        found = []
        with contextlib.suppress(websockets.ConnectionClosed):
            while (message := await receive(socket))["type"] == "next":
                found.append(int(message["payload"]["data"]["executionUpdated"]["eventId"]))
        return found

    async def watch(socket: Any, after: int) -> None:
        await exchange(socket, {"type": "connection_init"})
        payload = {"query": query, "variables": {"id": execution["id"], "after": str(after)}}
        await socket.send(json.dumps({"id": "1", "type": "subscribe", "payload": payload}))

    async with serving(slow.app) as address:
        narrow = socketlib.socket()
        narrow.setsockopt(socketlib.SOL_SOCKET, socketlib.SO_RCVBUF, 4_096)
        host, port = address.split(":")
        narrow.connect((host, int(port)))
        async with connect(address, narrow=narrow, authorization=f"Bearer {token()}") as socket:
            await watch(socket, 0)
            before = await slow.until_given_up()
            seen = await ids(socket)
    async with serving(edge.app) as address, connect(address, authorization=f"Bearer {token()}") as socket:
        await watch(socket, seen[-1])  # this time with patience
        rest = await ids(socket)

    assert before < MANY, "the server must not read ahead of its client"
    assert 0 < len(seen) < MANY
    assert seen + rest == list(range(1, MANY + 1))


async def test_the_list_of_trusted_documents_holds_for_sockets_too(edge: Edge) -> None:
    execution = await finished(edge)
    verifier = TokenVerifier(TokenRules(SECRET), SystemClock())
    app = create_app(
        edge.services,
        verifier,
        AppConfig(trusted_documents=TrustedDocuments.of({"ab" * 32: SUBSCRIPTION})),
        CollectorRegistry(),
    )
    async with serving(app) as address, connect(address, authorization=f"Bearer {token()}") as socket:
        await exchange(socket, {"type": "connection_init"})
        other = {"query": SUBSCRIPTION + " ", "variables": {"id": execution["id"], "after": "1"}}
        await socket.send(json.dumps({"id": "listed", "type": "subscribe", "payload": other}))
        listed = [await receive(socket), await receive(socket)]
        unlisted = {"query": SUBSCRIPTION.replace("status", "at"), "variables": {"id": execution["id"]}}
        refused = await exchange(socket, {"id": "unlisted", "type": "subscribe", "payload": unlisted})

    assert [one["type"] for one in listed] == ["next", "complete"]
    assert refused["type"] == "error"
    assert refused["payload"][0]["extensions"]["code"] == "PERSISTED_QUERY_NOT_IN_LIST"
