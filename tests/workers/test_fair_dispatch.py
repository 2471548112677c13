"""Who is next when there is more to do than room."""

import asyncio
from collections import Counter
from dataclasses import replace
from uuid import UUID

from engine.qos.buckets import Budget
from engine.qos.classes import CLASSES
from engine.qos.file import Qos
from tests.workers.actions import Turnstile
from tests.workers.conftest import PATIENCE_S, Reader, StartWorker
from tests.workers.seeding import accept, document, publish, step

SWEEPING = {"sweep_age_s": 0.0, "sweep_s": 0.05}


async def waiting(url: str, reader: Reader, count: int, column: str, *values: object) -> dict[UUID, object]:
    """Executions that wait, `count` with each value of a column, and which has which."""
    version = await publish(url, document([step("call", [], config={"actionType": "turnstile", "actionConfig": {}})]))
    found: dict[UUID, object] = {}
    for value in values:
        ids = await accept(url, version, count)
        statement = f"update executions set {column} = $2 where id = any($1)"  # noqa: S608 - the test's own names
        await reader.connection.execute(statement, ids, value)
        found |= dict.fromkeys(ids, value)
    return found


async def shares(turnstile: Turnstile, of: dict[UUID, object], held: int, count: int) -> Counter[object]:
    """Let `count` through once all room is taken, and see who came in their places."""
    async with asyncio.timeout(PATIENCE_S):
        await turnstile.until_called(held)
        for number in range(count):
            turnstile.let_through(1)
            await turnstile.until_called(held + number + 1)
    return Counter(of[call.execution_id] for call in turnstile.calls[held : held + count] if call.execution_id in of)


async def test_under_saturation_each_class_gets_its_share_and_the_lowest_too(
    database_url: str, start_worker: StartWorker, reader: Reader
) -> None:
    turnstile = Turnstile()
    of = await waiting(database_url, reader, 60, "qos_class", "default", "team", "business", "enterprise")

    async with start_worker(turnstile, held_limit=4, drain_s=0.05, **SWEEPING):
        served = await shares(turnstile, of, 4, 60)

    expected = {"enterprise": 32, "business": 16, "team": 8, "default": 4}
    assert {name: abs(served[name] - share) <= 2 for name, share in expected.items()} == dict.fromkeys(
        expected, True
    ), served
    await clear(reader)


async def test_priorities_share_and_none_starves(database_url: str, start_worker: StartWorker, reader: Reader) -> None:
    turnstile = Turnstile()
    of = await waiting(database_url, reader, 40, "priority", 3, 2, 1, 0)

    async with start_worker(turnstile, held_limit=4, drain_s=0.05, **SWEEPING):
        served = await shares(turnstile, of, 4, 45)

    expected = {0: 24, 1: 12, 2: 6, 3: 3}
    assert all(abs(served[priority] - share) <= 2 for priority, share in expected.items()), served
    await clear(reader)


async def test_a_tenant_over_its_step_budget_waits_and_others_go_on(
    database_url: str, start_worker: StartWorker, reader: Reader
) -> None:
    tight = replace(CLASSES["default"], steps=Budget("steps-default", 1, 3_600, 3))
    turnstile = Turnstile()
    turnstile.let_through(1_000)

    async with start_worker(turnstile, held_limit=1, **SWEEPING) as worker:
        worker.qos.current = Qos(classes={**CLASSES, "default": tight})
        spent = list(await waiting(database_url, reader, 6, "qos_class", "default"))
        await reader.until("select 1 from executions where id = any($1) and status = 'completed' limit 1", spent)
        free = list(await waiting(database_url, reader, 3, "qos_class", "team"))
        await reader.until_status(free, "completed")
        states = Counter(await reader.statuses(spent))

    assert states == {"completed": 1, "queued": 5}
    await clear(reader)


async def clear(reader: Reader) -> None:
    """Leave nothing in the queue for the next test."""
    await reader.connection.execute(
        "update executions set status = 'cancelled', finished_at = now(), lease_owner = null where finished_at is null"
    )
