"""What abuse meets: buckets, caps, encodings; and that a lost Redis opens nothing."""

from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio

from engine.qos.buckets import Budget
from engine.qos.file import Qos, WebhookBudgets
from tests.clock import FakeClock
from tests.federation.edge import Edge, open_edge
from tests.webhooks.senders import executions_of, open_sender

NARROW = Qos(webhooks=WebhookBudgets(Budget("webhook-address", 60, 60, 20), Budget("webhook", 60, 60, 10)))


@pytest_asyncio.fixture(loop_scope="session")
async def narrow(database_url: str, fake_clock: FakeClock) -> AsyncIterator[Edge]:
    async with open_edge(database_url, clock=fake_clock, qos=NARROW) as opened:
        yield opened


async def test_an_address_that_sends_too_much_is_refused_before_anything_else(narrow: Edge) -> None:
    url = "/api/webhooks/workflow/none/x"
    answers = [await narrow.client.post(url, content=b"{}") for _ in range(21)]
    large = await narrow.client.post(url, content=b"x" * (2 << 20))

    assert [answer.status_code for answer in answers] == [401] * 20 + [429]
    assert large.status_code == 429
    refused = answers[-1]
    assert refused.headers["ratelimit-policy"] == '"webhook-address";q=60;w=60'
    assert refused.headers["ratelimit"].startswith('"webhook-address";r=0;t=')
    assert int(refused.headers["retry-after"]) >= 1
    assert refused.headers["cache-control"] == "no-store"
    assert refused.json()["type"] == "https://iana.org/assignments/http-problem-types#quota-exceeded"
    assert refused.json()["violated-policies"] == ["webhook-address"]


async def test_a_webhook_that_gets_too_much_refuses_what_is_rightly_signed(narrow: Edge, fake_clock: FakeClock) -> None:
    sender, other = await open_sender(narrow), await open_sender(narrow)

    answers = [await sender.send({}, fake_clock.now()) for _ in range(11)]
    elsewhere = await other.send({}, fake_clock.now())

    assert [answer.status_code for answer in answers] == [200] * 10 + [429]
    assert answers[-1].json()["violated-policies"] == ["webhook"]
    assert elsewhere.status_code == 200
    assert len(await executions_of(sender)) == 10


async def test_strangers_cannot_use_up_a_webhook(narrow: Edge, fake_clock: FakeClock) -> None:
    sender = await open_sender(narrow)
    for _ in range(15):
        forged = await sender.send({}, fake_clock.now(), **{"webhook-signature": "v1,AAAA"})
        assert forged.status_code == 401

    assert (await sender.send({}, fake_clock.now())).status_code == 200


async def test_a_body_over_the_cap_is_cut_off_while_it_comes(edge: Edge) -> None:
    sent = 0

    async def endless() -> Any:
        nonlocal sent
        while sent < 64:
            sent += 1
            yield b"x" * (256 << 10)

    sender = await open_sender(edge)
    answer = await edge.client.post(sender.url(), content=endless())

    assert (answer.status_code, sent) == (413, 5)
    assert await executions_of(sender) == []


@pytest.mark.parametrize("encoding", ["gzip", "br", "deflate", "zstd", "gzip, identity"])
async def test_encoded_bodies_are_refused(edge: Edge, clock: FakeClock, encoding: str) -> None:
    sender = await open_sender(edge)

    assert (await sender.send({}, clock.now(), **{"content-encoding": encoding})).status_code == 415


class Away:
    """A Redis that lost everything and does not answer."""

    async def take(self, *_: object) -> Any:
        raise ConnectionRefusedError


async def test_a_lost_redis_opens_no_replay_and_refuses_nobody(edge: Edge, clock: FakeClock) -> None:
    sender = await open_sender(edge)
    first = (await sender.send({}, clock.now(), "msg_lost")).json()
    limits = edge.services.webhooks._limits
    before = limits.buckets._shared
    limits.buckets._shared = Away()
    try:
        again = await sender.send({}, clock.now(), "msg_lost")
        other = await sender.send({}, clock.now(), "msg_other")
    finally:
        limits.buckets._shared = before

    assert (again.status_code, again.json()["duplicate"]) == (200, True)
    assert again.json()["executionId"] == first["executionId"]
    assert (other.status_code, len(await executions_of(sender))) == (200, 2)
