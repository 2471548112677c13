"""Budgets of steps, kept by each worker and compared between them."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from uuid import uuid4

import pytest

from engine.clock import SystemClock
from engine.qos.buckets import Budget
from engine.qos.classes import CLASSES
from engine.qos.file import Qos
from engine.qos.live import LiveQos
from engine.qos.meters import SYNC_S
from engine.qos.steps import StepBudgets
from engine.queue.link import Link, connect
from tests.telemetry.test_cost import claimed_execution

TIGHT = Qos(classes={**CLASSES, "default": replace(CLASSES["default"], steps=Budget("steps-default", 1, 3_600, 3))})


@pytest.fixture
async def link(redis_url: str) -> AsyncIterator[Link]:
    found = await connect(redis_url)
    yield found
    await found.close()


async def test_each_transition_counts_for_its_tenant_and_class_at_the_next_look(link: Link) -> None:
    budgets = StepBudgets(LiveQos(current=TIGHT), link, SystemClock())
    execution = replace(claimed_execution(None), qos_class="default")

    budgets.spend(execution, 2)
    budgets.spend(execution, 1)
    assert not budgets.is_over("default", "acme")

    budgets.spend(execution, 2)
    assert budgets.is_over("default", "acme")
    assert budgets.is_any_over("acme")
    assert not budgets.is_over("team", "acme")
    assert not budgets.is_any_over("globex")


async def test_what_one_worker_has_spent_counts_for_another_although_nobody_looks_there(link: Link) -> None:
    execution = replace(claimed_execution(None), tenant=str(uuid4()), qos_class="default")
    first, second = (StepBudgets(LiveQos(current=TIGHT), link, SystemClock()) for _ in range(2))
    first.spend(execution, 5)

    comparing = [asyncio.create_task(each.run()) for each in (first, second)]
    async with asyncio.timeout(10):
        while not second.is_any_over(execution.tenant):
            second.spend(execution, 0)
            await asyncio.sleep(SYNC_S)
    for task in comparing:
        task.cancel()
