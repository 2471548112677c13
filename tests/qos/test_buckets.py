"""Token buckets: one suite for what is kept in Redis and what a process keeps by itself."""

from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest
import pytest_asyncio

from engine.errors import ConfigurationError, RateLimited
from engine.qos import buckets
from engine.qos.buckets import Buckets, Budget, OwnStore, SharedStore, Standing, Store
from engine.qos.file import Qos, load, parse
from engine.queue.link import Link, connect
from tests.clock import FakeClock

TEN = Budget("ten", quota=60, window_s=60, burst=10)
"""One a second, ten at once."""


@pytest.fixture(autouse=True)
def _patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """How soon a process gives Redis up is no matter of these tests, and sooner than a busy machine may answer."""
    monkeypatch.setattr(buckets, "ANSWER_S", 60.0)


@pytest_asyncio.fixture
async def link(redis_url: str) -> AsyncIterator[Link]:
    found = await connect(redis_url)
    await found.commands.flushall()
    yield found
    await found.close()


@pytest.fixture(params=["own", pytest.param("shared", marks=pytest.mark.server)])
def store(request: pytest.FixtureRequest, fake_clock: FakeClock) -> Store:
    if request.param == "own":
        return OwnStore(fake_clock)
    return SharedStore(request.getfixturevalue("link"), fake_clock)


async def test_a_burst_passes_and_then_one_a_second(store: Store, fake_clock: FakeClock) -> None:
    granted = [(await store.take(TEN, "a", 1)).is_allowed for _ in range(12)]
    refused = await store.take(TEN, "a", 1)
    fake_clock.advance(timedelta(seconds=1))
    later = [(await store.take(TEN, "a", 1)).is_allowed for _ in range(2)]

    assert granted == [True] * 10 + [False] * 2
    assert refused == Standing(is_allowed=False, remaining=0, wait_s=1.0)
    assert later == [True, False]


async def test_buckets_of_two_keys_know_nothing_of_each_other(store: Store) -> None:
    for _ in range(10):
        await store.take(TEN, "a", 1)

    assert (await store.take(TEN, "b", 1)).remaining == 9


async def test_a_refusal_takes_nothing(store: Store, fake_clock: FakeClock) -> None:
    await store.take(TEN, "a", 8)
    refused = await store.take(TEN, "a", 3)
    fitting = await store.take(TEN, "a", 2)

    assert (refused.is_allowed, refused.wait_s) == (False, 1.0)
    assert (fitting.is_allowed, fitting.remaining) == (True, 0)
    fake_clock.advance(timedelta(seconds=10))
    assert (await store.take(TEN, "a", 10)).is_allowed


class Away:
    """A store that does not answer."""

    def __init__(self) -> None:
        self.asked = 0

    async def take(self, budget: Budget, key: str, cost: int) -> Standing:  # noqa: ARG002 - the protocol's arguments
        self.asked += 1
        raise ConnectionRefusedError


async def test_without_redis_a_process_counts_by_itself_and_leaves_redis_alone(fake_clock: FakeClock) -> None:
    away = Away()
    buckets = Buckets(away, fake_clock, lambda: 0.0)

    granted = [(await buckets.take(TEN, "a")).is_allowed for _ in range(11)]

    assert granted == [True] * 10 + [False]
    assert away.asked == 1
    fake_clock.advance(timedelta(seconds=1))
    await buckets.take(TEN, "a")
    assert away.asked == 2


@pytest.mark.parametrize(("drawn", "wait_s"), [(0.0, 6), (0.999, 8)])
async def test_a_refused_caller_learns_when_to_come_back(fake_clock: FakeClock, drawn: float, wait_s: int) -> None:
    slow = Budget("slow", quota=10, window_s=60, burst=1)
    buckets = Buckets(None, fake_clock, lambda: drawn)
    await buckets.demand(slow, "a", "Too many.")

    with pytest.raises(RateLimited) as caught:
        await buckets.demand(slow, "a", "Too many.")

    error = caught.value
    assert (error.policy, error.quota, error.window_s, error.retry_after_s) == ("slow", 10, 60, wait_s)


async def test_redis_counts_by_its_own_clock(link: Link) -> None:
    store = SharedStore(link)

    first, second = [await store.take(Budget("own", 1, 3_600, 1), "a", 1) for _ in range(2)]

    assert (first.is_allowed, second.is_allowed) == (True, False)
    assert 3_590 < second.wait_s <= 3_600


def test_the_shipped_file_says_the_defaults(request: pytest.FixtureRequest) -> None:
    assert load(request.config.rootpath / "router" / "qos.yaml") == Qos()
    assert load(request.config.rootpath / "router" / "none.yaml") == Qos()


def test_what_a_section_leaves_out_has_its_default() -> None:
    found = parse({"webhooks": {"webhook": {"quota": 5}}}).webhooks

    assert found.webhook == Budget("webhook", 5, 60, 300)
    assert found.address == Qos().webhooks.address


@pytest.mark.parametrize(
    "document",
    [
        [],
        {"webhoks": {}},
        {"webhooks": {"webhook": {"quota": 0}}},
        {"webhooks": {"webhook": {"quota": True}}},
        {"webhooks": {"webhook": {"limit": 5}}},
        {"webhooks": {"address": 5}},
    ],
)
def test_what_nobody_knows_is_refused(document: Any) -> None:
    with pytest.raises(ConfigurationError, match="MAESTRO_QOS_FILE"):
        parse(document)
