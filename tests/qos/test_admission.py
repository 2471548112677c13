"""Admission: who is let in, who must come back, and who is shed first."""

import asyncio
from dataclasses import replace
from datetime import timedelta

import pytest

from engine.errors import Overloaded, RateLimited
from engine.qos.admission import Admission
from engine.qos.buckets import Budget
from engine.qos.classes import CLASSES, Backpressure, Service
from engine.qos.file import Qos, parse
from engine.qos.live import LiveQos
from engine.qos.meters import Meters
from engine.store.flows import QueueLoad, SystemLoad
from tests.clock import FakeClock


def admission(clock: FakeClock, qos: Qos | None = None) -> Admission:
    return Admission(LiveQos(current=qos or Qos()), Meters(clock), lambda: 0.0)


def with_class(**changes: object) -> Qos:
    return Qos(classes={**CLASSES, "default": replace(CLASSES["default"], **changes)})  # type: ignore[arg-type]


def test_defaults_let_one_caller_start_two_thousand_a_second(fake_clock: FakeClock) -> None:
    door = admission(fake_clock)

    for _ in range(5):
        for _ in range(2_000):
            door.admit("acme", "default")
        fake_clock.advance(timedelta(seconds=1))


def test_a_tenant_over_its_budget_is_told_when_to_come_back_and_no_other_tenant_is_refused(
    fake_clock: FakeClock,
) -> None:
    door = admission(fake_clock, with_class(requests=Budget("starts-default", 2, 10, 2)))
    door.admit("acme", "default")
    door.admit("acme", "default")

    with pytest.raises(RateLimited) as refused:
        door.admit("acme", "default")
    door.admit("other", "default")
    door.admit("acme", "team")
    fake_clock.advance(timedelta(seconds=refused.value.retry_after_s))
    door.admit("acme", "default")

    told = refused.value
    assert (told.policy, told.quota, told.window_s, told.retry_after_s) == ("starts-default", 2, 10, 5)


def test_a_tenant_may_have_so_many_unfinished_executions(fake_clock: FakeClock) -> None:
    door = admission(fake_clock, with_class(concurrent_executions=10))
    door.saw(SystemLoad({}, {"acme": 8}))
    door.admit("acme", "default")
    door.admit("acme", "default")

    with pytest.raises(RateLimited) as refused:
        door.admit("acme", "default")
    door.saw(SystemLoad({}, {"acme": 9}))
    door.admit("acme", "default")

    assert (refused.value.policy, refused.value.quota) == ("executions-default", 10)


def test_a_deep_queue_sheds_the_lower_classes_first(fake_clock: FakeClock) -> None:
    door = admission(fake_clock, Qos(backpressure=Backpressure(queue_depth=1_000)))
    admitted: dict[int, list[str]] = {}
    for depth in (650, 750, 850, 950, 1_000):
        door.saw(SystemLoad({"default": QueueLoad(depth, 1.0)}, {}))
        admitted[depth] = [name for name in CLASSES if lets_in(door, name)]

    assert admitted == {
        650: ["enterprise", "business", "team", "default"],
        750: ["enterprise", "business", "team"],
        850: ["enterprise", "business"],
        950: ["enterprise"],
        1_000: [],
    }


def lets_in(door: Admission, qos_class: str) -> bool:
    try:
        door.admit("acme", qos_class)
    except Overloaded:
        return False
    return True


def test_a_class_that_waits_far_beyond_its_target_is_shed_and_no_other(fake_clock: FakeClock) -> None:
    door = admission(fake_clock)
    door.saw(SystemLoad({"team": QueueLoad(100, 121.0)}, {}))

    with pytest.raises(Overloaded) as shed:
        door.admit("acme", "team")
    door.admit("acme", "default")

    assert (shed.value.policy, shed.value.quota, shed.value.retry_after_s) == ("queue-age", 120, 31)


def test_one_execution_that_is_stuck_is_no_overload(fake_clock: FakeClock) -> None:
    door = admission(fake_clock)
    door.saw(SystemLoad({"team": QueueLoad(3, 100_000.0)}, {}))

    door.admit("acme", "team")


@pytest.mark.parametrize(
    ("highest", "asked", "given"),
    [
        (None, None, "default"),
        (None, "business", "business"),
        (None, "unheard-of", "default"),
        ("team", None, "team"),
        ("team", "enterprise", "team"),
        ("team", "default", "default"),
        ("enterprise", "business", "business"),
    ],
)
def test_a_tenant_gets_what_it_asks_for_within_what_it_may(highest: str | None, asked: str | None, given: str) -> None:
    service = Service(tenants={} if highest is None else {"acme": highest})

    assert service.class_for("acme", asked).name == given


def test_the_committed_file_is_the_defaults() -> None:
    from pathlib import Path  # noqa: PLC0415 - only here

    from engine.qos.file import load  # noqa: PLC0415 - only here

    assert load(Path(__file__).parents[2] / "router" / "qos.yaml") == Qos()
    assert parse({"classes": {"team": {"weight": 3}}}).weights == {
        "enterprise": 8,
        "business": 4,
        "team": 3,
        "default": 1,
    }


async def test_the_first_start_after_a_picture_asks_for_a_new_one(fake_clock: FakeClock) -> None:
    door = admission(fake_clock)
    door.saw(SystemLoad({}, {}))
    waiting = asyncio.ensure_future(door.asked())
    await asyncio.sleep(0)
    assert not waiting.done()
    door.admit("acme", "default")
    await asyncio.wait_for(waiting, 60)
