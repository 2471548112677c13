"""What is watched over a real server: server-sent events, subscriptions over both protocols."""

import asyncio
import json
import time
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
import websockets

from tests.federation.edge import Edge, serving, token

SUBSCRIPTION = """subscription ($id: ID!, $after: ID) { executionUpdated(id: $id, lastEventId: $after) {
  eventId status execution { id status } step { stepId } } }"""


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

    async with httpx.AsyncClient() as client:
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
        httpx.AsyncClient() as client,
        client.stream("POST", f"http://{address}/graphql", json=body, headers=headers) as response,
    ):
        lines = await lines_of(response)

    data = [json.loads(line.removeprefix("data: ")) for line in lines if line.startswith("data: {")]
    assert [one["data"]["executionUpdated"]["eventId"] for one in data] == ["1", "2"]
    assert data[-1]["data"]["executionUpdated"]["execution"] == {"id": execution["id"], "status": "completed"}
    assert [line for line in lines if line.startswith("event: ")] == ["event: next", "event: next", "event: complete"]


async def test_a_subscription_as_json_is_refused(edge: Edge) -> None:
    response = await edge.post_graphql(SUBSCRIPTION, {"id": "x"})

    assert response.status_code == 406


def connect(address: str, **headers: str) -> Any:
    return websockets.connect(
        f"ws://{address}/graphql",
        subprotocols=[websockets.Subprotocol("graphql-transport-ws")],
        additional_headers=headers,
    )


async def exchange(socket: Any, message: dict[str, Any]) -> dict[str, Any]:
    await socket.send(json.dumps(message))
    return await receive(socket)


async def receive(socket: Any) -> dict[str, Any]:
    answer: dict[str, Any] = json.loads(await asyncio.wait_for(socket.recv(), 10))
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


@pytest.mark.parametrize("payload", [{}, {"authorization": "Bearer nonsense"}, {"authorization": 7}])
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


async def test_watching_ends_with_the_token(edge: Edge, address: str) -> None:
    execution = await edge.executed()
    text = token(exp=time.time() + 1)

    async with connect(address, authorization=f"Bearer {text}") as socket:
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
