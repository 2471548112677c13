"""Callbacks out: to real servers, through the guard, over a real database."""

import asyncio
import datetime as dt
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import pytest
import pytest_asyncio
from prometheus_client import REGISTRY
from standardwebhooks import Webhook

from engine.actions.connections.secret_box import SecretBox
from engine.actions.outbound.allow import AllowList
from engine.actions.outbound.circuits import CircuitConfig
from engine.actions.tools import make_tools
from engine.bootstrap import _NoConnections
from engine.clock import SystemClock
from engine.queue.link import connect
from engine.store.database import LOOP_ROLE, Database
from engine.store.hot import HotConnection
from engine.store.outbox import EXECUTION_EVENT, Parcel
from engine.triggers.callbacks import LADDER_S, CallbackSecret, retry_after_s, signed_headers, wait_s
from engine.triggers.signatures import secret_from_bytes, verify_standard
from tests.federation.edge import Edge, open_edge, workflow
from tests.webhooks.receiver import NEVER, Receiver, open_receiver
from workers import callbacks
from workers.callbacks import AT_ONCE, SHARE, CallbackSender, EventPublisher, Way
from workers.config import WorkerConfig
from workers.worker import Surroundings, Worker

FAILURES = CircuitConfig().failures
KEY = bytes(range(32))
E1 = UUID(int=1)


@dataclass
class Post:
    """What sends, and what it sends to."""

    edge: Edge
    connection: HotConnection
    way: Way
    superuser: asyncpg.Connection
    tenant: str

    @property
    def sender(self) -> CallbackSender:
        return CallbackSender(self.connection, self.way, SystemClock(), lambda: 0.5, uuid4)

    async def create(self, receiver: Receiver, *events: str, **members: Any) -> dict[str, Any]:
        body = {"url": receiver.url, "events": list(events) or ["*"], **members}
        answer = await self.edge.rest("POST", "/api/callbacks", body, claims={"tenant": self.tenant})
        assert answer.status_code == 201, answer.text
        created: dict[str, Any] = answer.json()
        return created

    async def tell(self, event_type: str, event_id: UUID | None = None, **facts: Any) -> None:
        payload = {"type": event_type, "at": "2026-11-23T03:00:00.000Z", **facts}
        now = datetime.now(UTC)
        parcel = Parcel(self.tenant, event_id or uuid4(), EXECUTION_EVENT, "x", payload, None, now, 0)
        await EventPublisher(EXECUTION_EVENT, self.connection, lambda: None).publish([parcel])

    async def deliveries(self) -> list[asyncpg.Record]:
        rows = await self.superuser.fetch(
            "select * from callback_deliveries where tenant_id = $1 order by created_at", self.tenant
        )
        return list(rows)


@pytest_asyncio.fixture
async def post(database_url: str, superuser: asyncpg.Connection) -> AsyncIterator[Post]:
    async with open_edge(database_url) as edge:
        tools = make_tools(AllowList.parse(("127.0.0.1",)), _NoConnections(), SystemClock())
        connection = HotConnection(edge.database, LOOP_ROLE)
        way = Way(tools.http, SecretBox((KEY,), bytes))
        made = Post(edge, connection, way, superuser, f"t-{uuid4()}")
        yield made
        # A sender sends what is due in all tenants: what failed here must not come due in the middle of another test.
        await superuser.execute("delete from callback_deliveries where tenant_id = $1", made.tenant)
        await connection.close()
        await tools.close()


async def test_an_event_arrives_signed_for_the_official_library(post: Post) -> None:
    async with open_receiver() as receiver:
        created = await post.create(receiver, "execution.completed")

        await post.tell("execution.completed", executionId=str(E1))
        await post.tell("execution.failed", executionId=str(uuid4()))
        assert await post.sender.run_once() == 1

    (received,) = receiver.received
    verified = Webhook(created["secret"]).verify(received.body, received.headers)
    assert verified == {
        "type": "execution.completed",
        "timestamp": "2026-11-23T03:00:00.000Z",
        "data": {"executionId": str(E1)},
    }
    (row,) = await post.deliveries()
    assert (row["status"], row["attempts"], row["last_status"]) == ("delivered", 1, 200)
    assert received.headers["webhook-id"] == f"msg_{row['id'].hex}"


async def test_the_same_event_told_twice_is_sent_once(post: Post) -> None:
    async with open_receiver() as receiver:
        await post.create(receiver)
        event_id = uuid4()
        for _ in range(2):
            await post.tell("execution.completed", event_id)
        await post.sender.run_once()
        await post.sender.run_once()

    assert len(receiver.received) == 1


async def test_a_callback_of_one_workflow_hears_of_no_other(post: Post) -> None:
    created = await post.edge.create(tenant=post.tenant)
    async with open_receiver() as receiver:
        await post.create(receiver, workflowId=created["id"])
        await post.tell("execution.completed", workflowId=created["id"])
        await post.tell("execution.completed", workflowId=str(uuid4()))
        await post.sender.run_once()

    (received,) = receiver.received
    assert json.loads(received.body)["data"]["workflowId"] == created["id"]


async def test_the_ladder_has_the_same_id_and_a_new_time_and_ends_among_the_dead_letters(post: Post) -> None:
    async with open_receiver("503 Busy") as receiver:
        created = await post.create(receiver)
        await post.tell("execution.completed")
        counted = REGISTRY.get_sample_value("maestro_dead_letters_total", {"kind": "callback"}) or 0.0
        now, waits = datetime.now(UTC), []
        for _ in range(len(LADDER_S) + 1):
            async with fresh_circuits(post) as sender:
                assert await sender.run_once(now) == 1
            (row,) = await post.deliveries()
            if row["next_attempt_at"] is not None:
                waits.append(round((row["next_attempt_at"] - now).total_seconds()))
                assert await post.sender.run_once(row["next_attempt_at"] - timedelta(seconds=1)) == 0
                now = row["next_attempt_at"]

    assert waits == list(LADDER_S)
    (ended,) = await post.deliveries()
    assert (ended["status"], ended["attempts"]) == ("failed", 10)
    assert len({one.headers["webhook-id"] for one in receiver.received}) == 1
    assert len({one.headers["webhook-timestamp"] for one in receiver.received}) == 10
    last = receiver.received[-1]
    verify_standard(last.headers, last.body, [created["secret"]], int(last.headers["webhook-timestamp"]))
    letters = await post.superuser.fetch("select kind, deliveries from dead_letters where tenant_id = $1", post.tenant)
    assert [tuple(letter) for letter in letters] == [("callback", 10)]
    assert REGISTRY.get_sample_value("maestro_dead_letters_total", {"kind": "callback"}) == counted + 1


@asynccontextmanager
async def fresh_circuits(post: Post) -> AsyncIterator[CallbackSender]:
    """A sender to whom the receiver has done nothing yet."""
    tools = make_tools(AllowList.parse(("127.0.0.1",)), _NoConnections(), SystemClock())
    yield CallbackSender(post.connection, Way(tools.http, post.way.box), SystemClock(), lambda: 0.5, uuid4)
    await tools.close()


def soon() -> datetime:
    """A moment for senders that stands still: what comes is due by then, and no second attempt of what fails is."""
    return datetime.now(UTC) + timedelta(hours=1)


async def test_an_open_circuit_spends_no_attempt(post: Post) -> None:
    async with open_receiver("500 Oops") as receiver:
        await post.create(receiver)
        now = soon()
        for _ in range(FAILURES + 3):
            await post.tell("execution.completed")
            await post.sender.run_once(now)

    sent = [row["attempts"] for row in await post.deliveries()]
    assert sum(sent) == len(receiver.received) == FAILURES
    assert sent[FAILURES:] == [0, 0, 0]


async def test_a_receiver_that_does_not_answer_holds_up_no_other(post: Post, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(callbacks, "TIMEOUT_S", 600.0)
    async with open_receiver(NEVER) as away, open_receiver() as well:
        await post.create(away, "execution.failed")
        await post.create(well, "execution.completed")
        for event in ["execution.failed"] * 2 * AT_ONCE + ["execution.completed"]:
            await post.tell(event)
        sending = asyncio.create_task(post.sender.run())
        async with asyncio.timeout(60):
            await well.came.wait()
        sending.cancel()
        await asyncio.gather(sending, return_exceptions=True)

    assert 0 < len(away.received) < 2 * SHARE


async def test_while_a_receiver_is_left_alone_its_deliveries_are_not_looked_at(post: Post) -> None:
    sender, now = post.sender, soon()
    async with open_receiver("500 Oops") as receiver:
        await post.create(receiver)
        for _ in range(FAILURES + 1):
            await post.tell("execution.completed")
            assert await sender.run_once(now) == 1
        await post.tell("execution.completed")
        assert await sender.run_once(now) == 0

    assert [row["attempts"] for row in await post.deliveries()] == [1] * FAILURES + [0, 0]


async def test_gone_disables_the_callback_and_what_waits_for_it(post: Post) -> None:
    async with open_receiver("410 Gone") as receiver:
        await post.create(receiver)
        await post.tell("execution.completed")
        await post.sender.run_once()
        await post.tell("execution.completed")
        await post.sender.run_once()

    assert len(receiver.received) == 1
    (listed,) = (await post.edge.rest("GET", "/api/callbacks", claims={"tenant": post.tenant})).json()
    assert (listed["isActive"], "410" in listed["disabledReason"]) == (False, True)
    assert [row["status"] for row in await post.deliveries()] == ["failed"]


@pytest.mark.parametrize("answer", ["302 Found|location: http://127.0.0.1:1/", "404 Not Found", "500 Oops"])
async def test_only_2xx_is_an_arrival_and_redirects_are_not_followed(post: Post, answer: str) -> None:
    async with open_receiver(answer, "204 No Content") as receiver:
        await post.create(receiver)
        await post.tell("execution.completed")
        await post.sender.run_once()
        (row,) = await post.deliveries()
        assert (row["status"], row["attempts"]) == ("pending", 1)
        await post.sender.run_once(row["next_attempt_at"])

    (row,) = await post.deliveries()
    assert (row["status"], row["attempts"], len(receiver.received)) == ("delivered", 2, 2)


async def test_retry_after_is_honoured(post: Post) -> None:
    async with open_receiver("429 Slow|retry-after: 3600") as receiver:
        await post.create(receiver)
        await post.tell("execution.completed")
        now = datetime.now(UTC)
        await post.sender.run_once(now)

    (row,) = await post.deliveries()
    assert row["next_attempt_at"] - now == timedelta(seconds=3600)


async def test_private_addresses_are_not_called(post: Post) -> None:
    tools = make_tools(AllowList.parse(()), _NoConnections(), SystemClock())
    async with open_receiver() as receiver:
        await post.create(receiver)
        await post.tell("execution.completed")
        guarded = CallbackSender(post.connection, Way(tools.http, post.way.box), SystemClock(), lambda: 0.5, uuid4)
        await guarded.run_once()
    await tools.close()

    assert receiver.received == []
    (row,) = await post.deliveries()
    assert (row["status"], "address_refused" in row["last_error"]) == ("pending", True)


async def test_during_a_rotation_both_secrets_sign_the_new_one_first(post: Post) -> None:
    async with open_receiver() as receiver:
        old = await post.create(receiver)
        new = (
            await post.edge.rest("POST", f"/api/callbacks/{old['id']}/rotate", {}, claims={"tenant": post.tenant})
        ).json()
        await post.tell("execution.completed")
        await post.sender.run_once()

    (received,) = receiver.received
    signatures = received.headers["webhook-signature"].split(" ")
    assert len(signatures) == 2
    for secret, signature in zip((new["secret"], old["secret"]), signatures, strict=True):
        Webhook(secret).verify(received.body, {**received.headers, "webhook-signature": signature})


async def test_a_deleted_callback_hears_nothing_more(post: Post) -> None:
    async with open_receiver() as receiver:
        created = await post.create(receiver)
        await post.tell("execution.completed")
        gone = await post.edge.rest("DELETE", f"/api/callbacks/{created['id']}", claims={"tenant": post.tenant})
        assert gone.status_code == 204
        await post.sender.run_once()

    assert (receiver.received, await post.deliveries()) == ([], [])


@pytest.mark.parametrize(
    ("body", "paths"),
    [
        ({"url": "ftp://shop.test", "events": ["*"]}, ["/url"]),
        ({"url": "https://a:b@shop.test", "events": []}, ["/url", ""]),
        ({"url": "https://shop.test", "events": ["execution.exploded"]}, ["/events/0"]),
        ({"url": "https://shop.test", "events": ["*"], "secret": "weak"}, ["/secret"]),
    ],
)
async def test_what_does_not_fit_is_named(post: Post, body: dict[str, Any], paths: list[str]) -> None:
    answer = await post.edge.rest("POST", "/api/callbacks", body, claims={"tenant": post.tenant})

    assert (answer.status_code, [fault["path"] for fault in answer.json()["errors"]]) == (422, paths)


async def test_a_worker_tells_of_an_execution_from_start_to_end(post: Post, redis_url: str, database_url: str) -> None:
    from engine.actions.registry import ActionRegistry, inline_actions  # noqa: PLC0415 - the worker's own parts

    link = await connect(redis_url)
    database = Database.connect(database_url, application_name="tests")
    surroundings = Surroundings(database, link, ActionRegistry(inline_actions()), SystemClock(), way=post.way)
    worker = Worker(surroundings, WorkerConfig(sweep_s=0.05, drain_s=2.0))
    async with open_receiver() as receiver:
        created = await post.create(receiver)
        execution = await post.edge.executed(workflow("told"), tenant=post.tenant)
        import asyncio  # noqa: PLC0415 - only here

        task = asyncio.create_task(worker.run())
        async with asyncio.timeout(60):
            while len(receiver.received) < 2:  # noqa: ASYNC110 - a socket's other end tells nobody
                await asyncio.sleep(0.02)
        worker.stop()
        await task
    await link.close()
    await database.close()

    told = [Webhook(created["secret"]).verify(one.body, one.headers) for one in receiver.received]
    assert {one["type"] for one in told} == {"execution.started", "execution.completed"}
    assert {one["data"]["executionId"] for one in told} == {execution["id"]}


def test_the_wait_is_jittered_and_never_shorter_than_the_receiver_asks() -> None:
    assert (wait_s(0, None, lambda: 0.0), wait_s(0, None, lambda: 0.5)) == (4.0, 5.0)
    assert wait_s(0, 60.0, lambda: 0.5) == 60.0
    assert wait_s(99, None, lambda: 0.5) == LADDER_S[-1]


@pytest.mark.parametrize(
    ("value", "seconds"),
    [(None, None), ("7", 7.0), ("Mon, 23 Nov 2026 03:00:10 GMT", 10.0), ("soon", None), ("-1", None), ("9" * 30, None)],
)
def test_retry_after_is_read_in_both_forms(value: str | None, seconds: float | None) -> None:
    assert retry_after_s(value, datetime(2026, 11, 23, 3, 0, tzinfo=UTC)) == seconds


def test_a_secret_whose_overlap_has_ended_signs_no_more() -> None:
    now = datetime(2026, 11, 23, 3, 0, tzinfo=UTC)
    old = CallbackSecret(secret_from_bytes(bytes(32)), until=now)
    new = CallbackSecret(secret_from_bytes(bytes([1] * 32)))

    headers = signed_headers((new, old), "msg_1", b"{}", now)

    assert len(headers["webhook-signature"].split(" ")) == 1
    assert dt.datetime.fromtimestamp(int(headers["webhook-timestamp"]), UTC) == now
