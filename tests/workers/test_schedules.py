"""Whole workers on the real clock: every second a tick, none lost, none doubled, while workers come and go.

In the suite it takes six seconds; `MAESTRO_LONG_SCHEDULES=60 pytest tests/workers/test_schedules.py` a minute.
"""

import asyncio
import os
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest

from engine.actions.registry import ActionRegistry, inline_actions
from engine.clock import SystemClock
from engine.identity.actor import Actor
from engine.jsonvalue import JsonObject
from engine.queue.bell import StreamBell
from engine.queue.link import Link
from engine.queue.streams import Streams
from engine.services.assembly import Assembled, Parts, assemble
from engine.services.events import EmitRequest
from engine.services.requests import PublishRequest
from engine.services.schedule_values import ReconcileRequest
from engine.services.values import PageRequest
from engine.store.database import Database
from tests.policy.role_table import RoleTableGate
from tests.services.documents import document
from tests.workers.conftest import CALM, Reader
from workers.config import WorkerConfig
from workers.worker import Surroundings, Worker

SECONDS = int(os.environ.get("MAESTRO_LONG_SCHEDULES", "6"))
WORKERS = 5
RECONCILERS = 5


@asynccontextmanager
async def open_process(database_url: str, link: Link) -> AsyncIterator[tuple[Assembled, Database, ActionRegistry]]:
    """The use cases with connections of their own, as one process has them."""
    database = Database.connect(database_url, application_name=f"schedules-{uuid4()}", pool_size=3)
    registry = ActionRegistry(inline_actions())
    bell = StreamBell(link, Streams())
    catalogue = registry.catalogue()
    assembled = assemble(Parts(database, bell, RoleTableGate(uuid4), lambda: catalogue, SystemClock()))
    yield assembled, database, registry
    await assembled.close()
    await bell.close()
    await database.close()


@asynccontextmanager
async def working(database_url: str, link: Link) -> AsyncIterator[None]:
    """A whole worker for as long as the block lasts."""
    async with open_process(database_url, link) as (assembled, database, registry):
        surroundings = Surroundings(database, link, registry, SystemClock(), triggers=assembled.triggers)
        worker = Worker(surroundings, WorkerConfig(**CALM))  # type: ignore[arg-type]
        task = asyncio.get_running_loop().create_task(worker.run())
        try:
            yield
        finally:
            worker.stop()
            await task


@pytest.fixture
def actor() -> Actor:
    return Actor("acme", "ann", frozenset({"editor", "operator"}))


async def published(assembled: Assembled, actor: Actor, trigger: JsonObject) -> str:
    workflow = await assembled.services.workflows.create(actor, document(triggers=[trigger]))
    await assembled.services.workflows.publish(actor, workflow.id, PublishRequest())
    return str(workflow.id)


async def reconcile_for_ever(assembled: Assembled, actor: Actor) -> None:
    while True:
        await assembled.services.schedules.reconcile(actor, ReconcileRequest())
        await asyncio.sleep(0.5)


async def test_ticks_of_every_second_on_the_real_clock(
    database_url: str, link: Link, reader: Reader, actor: Actor
) -> None:
    config: JsonObject = {"schedule": "* * * * * *", "overlap": "allow", "catchUp": "all"}
    trigger: JsonObject = {"id": "clock", "type": "schedule", "config": config}
    async with AsyncExitStack() as stack:
        doors = [(await stack.enter_async_context(open_process(database_url, link)))[0] for _ in range(RECONCILERS)]
        for _ in range(WORKERS - 1):
            await stack.enter_async_context(working(database_url, link))
        async with working(database_url, link):
            await published(doors[0], actor, trigger)
            begun_at = datetime.now(UTC)
            tasks = [asyncio.ensure_future(reconcile_for_ever(door, actor)) for door in doors]
            await asyncio.sleep(SECONDS / 2)
        # One worker leaves in the middle; nobody is told.
        await asyncio.sleep(SECONDS / 2)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        ended_at = datetime.now(UTC)
        [schedule] = (await doors[0].services.schedules.list(actor, None, PageRequest())).items
        # What came due in the last blink of the test may still be on its way.
        reached = "select 1 from schedule_ticks where schedule_id = $1 and tick_at > $2 limit 1"
        await reader.until(reached, schedule.id, ended_at)
        # Workers go on meanwhile: both tables are read as of one moment.
        async with reader.connection.transaction(isolation="repeatable_read"):
            rows = await reader.connection.fetch(
                "select tick_at, status, execution_id from schedule_ticks where schedule_id = $1", schedule.id
            )
            started = await reader.connection.fetch(
                "select trigger_data->>'tickAt' as at, count(*) from executions"
                " where trigger_type = 'schedule' group by 1"
            )

    ticks = {row["tick_at"]: row for row in rows}
    whole = int((ended_at - begun_at).total_seconds())
    first = begun_at.replace(microsecond=0) + timedelta(seconds=1)
    assert {first + timedelta(seconds=n) for n in range(whole)} <= set(ticks)
    # A machine that stands still for seconds makes ticks late or missed: they start all the same, each once.
    assert set(Counter(row["status"] for row in rows)) <= {"fired", "late", "caught_up"}
    assert {row["count"] for row in started} == {1}
    assert len(started) == len(rows)


async def test_an_event_reaches_what_listens_through_the_outbox(
    database_url: str, link: Link, reader: Reader, actor: Actor
) -> None:
    async with open_process(database_url, link) as (assembled, _, _), working(database_url, link):
        await published(assembled, actor, {"id": "on", "type": "event", "config": {"eventType": "order.placed"}})
        for _ in range(3):
            await assembled.services.events.emit(actor, EmitRequest(type="order.placed", payload={"n": 1}, id="evt-1"))
        await reader.until("select 1 from executions where trigger_type = 'event' and status = 'completed'")
        await reader.until("select 1 where not exists (select from outbox where topic = 'event.emitted')")
    assert await reader.connection.fetchval("select count(*) from executions where trigger_type = 'event'") == 1
