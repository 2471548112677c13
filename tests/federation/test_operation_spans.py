"""Spans and counts of GraphQL operations: one of each, the same over HTTP, server-sent events and sockets."""

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any, Final

import httpx
import pytest
import pytest_asyncio
from opentelemetry.sdk.trace import ReadableSpan, SpanProcessor
from prometheus_client import REGISTRY

from engine.telemetry import tracing
from engine.telemetry.spans import Providers
from tests.federation.edge import GRAPHQL, Edge, serving, token
from tests.federation.test_streams import SUBSCRIPTION, connect, exchange, finished, receive

CALLER: Final = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
UNSAMPLED: Final = CALLER[:-1] + "0"
MINE: Final = {"query": 'query Mine { workflows(search: "sekrit") { totalCount } }'}
INIT: Final = {"type": "connection_init", "payload": {"authorization": f"Bearer {token()}"}}
SECONDS: Final = "maestro_graphql_operation_duration_seconds"


class Ended(SpanProcessor):
    """Spans as they end."""

    def __init__(self) -> None:
        self._spans: asyncio.Queue[ReadableSpan] = asyncio.Queue()

    def on_end(self, span: ReadableSpan) -> None:
        self._spans.put_nowait(span)

    async def until(self, name: str) -> list[ReadableSpan]:
        """All that have ended since the last look, once one of this name has."""
        found: list[ReadableSpan] = []
        while not found or found[-1].name != name:
            found.append(await asyncio.wait_for(self._spans.get(), 60))
        return found

    def rest(self) -> list[str]:
        """Names of what has ended since then."""
        return [self._spans.get_nowait().name for _ in range(self._spans.qsize())]


@pytest_asyncio.fixture(loop_scope="session")
async def ended(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Ended]:
    monkeypatch.delenv("OTEL_TRACES_SAMPLER", raising=False)
    found = Ended()
    providers = Providers("test", "0", [found])
    tracing.install(providers.tracers("test", 10.0))
    yield found
    tracing.install(None)
    providers.close()


@pytest.fixture
async def address(edge: Edge) -> AsyncIterator[str]:
    async with serving(edge.app) as found:
        yield found


def named(spans: list[ReadableSpan], name: str) -> ReadableSpan:
    [found] = [span for span in spans if span.name == name]
    return found


def id_of(span: ReadableSpan) -> str:
    context = span.get_span_context()
    assert context is not None
    return tracing.traceparent_of(context)


def parent_of(span: ReadableSpan) -> str | None:
    return None if span.parent is None else tracing.traceparent_of(span.parent)


def counted(kind: str, field: str, outcome: str = "ok") -> float:
    labels = {"graphql_operation_type": kind, "graphql_root_field": field, "outcome": outcome}
    return REGISTRY.get_sample_value(f"{SECONDS}_count", labels) or 0


def exemplars(kind: str) -> set[str]:
    """Traces that the buckets of this type of operation lead to."""
    samples = [sample for metric in REGISTRY.collect() if metric.name == SECONDS for sample in metric.samples]
    found = (one.exemplar for one in samples if one.labels.get("graphql_operation_type") == kind)
    return {one.labels["trace_id"] for one in found if one is not None}


async def post(address: str, body: Any, accept: str) -> str:
    headers = {"authorization": f"Bearer {token()}", "accept": accept, "traceparent": CALLER}
    async with httpx.AsyncClient(timeout=60) as client:
        return (await client.post(f"http://{address}/graphql", json=body, headers=headers)).text


async def run(socket: Any, body: Any) -> list[dict[str, Any]]:
    """All messages of an operation, to its last one."""
    found = [await exchange(socket, {"id": "1", "type": "subscribe", "payload": body})]
    while found[-1]["type"] not in {"complete", "error"}:
        found.append(await receive(socket))
    return found


async def test_a_query_leaves_the_same_span_whichever_way_it_came(address: str, ended: Ended) -> None:
    before = counted("query", "workflows")

    await post(address, MINE, GRAPHQL)
    by_post = named(await ended.until("POST /graphql"), "query")
    await post(address, MINE, "text/event-stream")
    events = await ended.until("POST /graphql")
    async with connect(address, traceparent=CALLER) as socket:
        await exchange(socket, INIT)
        assert [one["type"] for one in await run(socket, MINE)] == ["next", "complete"]
        by_socket = await ended.until("query")

    by_events = named(events, "query")
    assert dict(by_post.attributes or {}) == dict(by_events.attributes or {}) == dict(by_socket[-1].attributes or {})
    assert by_post.attributes == {
        "graphql.operation.type": "query",
        "graphql.operation.name": "Mine",
        "graphql.document": 'query Mine {\n  workflows(search: "*") {\n    totalCount\n  }\n}',
        "maestro.graphql.field": "workflows",
    }
    assert parent_of(by_events) == id_of(named(events, "POST /graphql"))
    assert parent_of(by_socket[-1]) == CALLER
    decision = named(by_socket, "policy decision")  # what is done for an operation is beneath it
    assert parent_of(decision) == id_of(by_socket[-1])
    assert counted("query", "workflows") == before + 3


async def test_a_subscription_has_one_span_however_many_events(edge: Edge, address: str, ended: Ended) -> None:
    body = {"query": SUBSCRIPTION, "variables": {"id": (await finished(edge))["id"]}}
    ended.rest()

    assert (await post(address, body, "text/event-stream")).count("event: next") == 2
    spans = await ended.until("POST /graphql")
    async with connect(address) as socket:
        await exchange(socket, INIT)
        assert [one["type"] for one in await run(socket, body)] == ["next", "next", "complete"]
        over_socket = await ended.until("subscription")

    assert parent_of(named(spans, "subscription")) == id_of(named(spans, "POST /graphql"))
    alone = named(over_socket, "subscription")
    assert parent_of(alone) is None  # its socket's caller named no trace: it begins one
    for span in (alone, named(spans, "subscription")):
        assert (span.attributes or {})["maestro.graphql.field"] == "executionUpdated"
        assert span.status.is_ok or span.status.is_unset
    assert "subscription" not in ended.rest()
    assert id_of(alone).split("-")[1] in exemplars("subscription")


async def test_a_subscription_that_is_ended_by_its_client_ends_its_span(edge: Edge, address: str, ended: Ended) -> None:
    execution = await edge.executed()
    async with edge.database.transaction("acme") as connection:
        await connection.exec_driver_sql(
            """insert into step_checkpoints (tenant_id, execution_id, seq, step_path, status, at, lease_epoch)
               values ('acme', $1, 1, '', 'running', now(), 1)""",
            (execution["id"],),
        )
    ended.rest()
    payload = {"query": SUBSCRIPTION, "variables": {"id": execution["id"]}}

    async with connect(address, traceparent=CALLER) as socket:
        await exchange(socket, INIT)
        first = await exchange(socket, {"id": "1", "type": "subscribe", "payload": payload})
        assert first["type"] == "next"
        assert "subscription" not in ended.rest()
        await socket.send(json.dumps({"id": "1", "type": "complete"}))
        span = (await ended.until("subscription"))[-1]

    assert parent_of(span) == CALLER
    assert span.status.is_ok or span.status.is_unset


@pytest.mark.parametrize(
    ("body", "kind", "field"),
    [
        ({"query": "{ nothing }"}, "query", "unknown"),
        ({"query": "query { ...gone }"}, "query", "unknown"),
        ({"query": "query {"}, "unknown", "unknown"),
        ({"query": 'subscription { executionUpdated(id: "no-id") { eventId } }'}, "subscription", "executionUpdated"),
    ],
)
async def test_an_operation_that_fails_is_a_failed_span_and_no_name_of_a_client_is_counted(
    address: str, ended: Ended, body: Any, kind: str, field: str
) -> None:
    before = counted(kind, field, "errors")

    await post(address, body, "text/event-stream")
    spans = await ended.until("POST /graphql")

    [span] = [span for span in spans if span.name in {"query", "subscription", "unknown"}]
    assert (span.name, (span.attributes or {})["maestro.graphql.field"]) == (kind, field)
    assert (span.attributes or {})["error.type"] == "graphql.errors"
    assert counted(kind, field, "errors") == before + 1


async def test_an_operation_over_an_unsampled_socket_is_counted_and_leaves_no_span(address: str, ended: Ended) -> None:
    before = counted("query", "workflows")
    async with connect(address, traceparent=UNSAMPLED) as socket:
        await exchange(socket, INIT)
        await run(socket, MINE)

    assert counted("query", "workflows") == before + 1
    assert ended.rest() == []
