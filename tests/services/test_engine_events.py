"""Events of executions and tasks: they start workflows that listen, and no loops."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from uuid import UUID, uuid4

import pytest
import pytest_asyncio
from sqlalchemy import text

from engine.identity.actor import Actor
from engine.jsonvalue import Json, JsonObject, loads
from engine.services.assembly import Assembled
from engine.services.events import TOPIC
from engine.services.requests import ExecuteRequest
from engine.services.task_values import CompleteRequest, CreateTaskRequest, ReasonRequest
from engine.store.database import LOOP_ROLE, Database
from engine.store.engine_events import LONGEST_CHAIN
from engine.store.hot import HotConnection
from engine.store.outbox import EXECUTION_EVENT, Parcel
from tests.services.documents import document, published
from workers.callbacks import EventPublisher


class World:
    """Passes events on as a worker does, as often as it is asked to."""

    def __init__(self, assembled: Assembled, database: Database, hot: HotConnection, admin: Actor) -> None:
        self.services = assembled.services
        self.delivery = assembled.triggers.delivery
        self.database = database
        self.hot = hot
        self.admin = admin

    async def listener(self, event_type: str, trigger: str = "event") -> UUID:
        config: JsonObject = {"eventType": event_type}
        if trigger == "condition":
            config["condition"] = {"field": "type", "operator": "exists", "value": True}
        triggers: list[Json] = [{"id": "on", "type": trigger, "config": config}]
        return (await published(self.services, self.admin, document("Listener", triggers=triggers))).id

    async def parcels(self, topics: str) -> list[Parcel]:
        question = "select *, payload::text as body from outbox where topic like :topics order by created_at, id"
        async with self.database.transaction(self.admin.tenant) as connection:
            rows = list(await connection.execute(text(question), {"topics": topics}))
        return [Parcel(r.tenant_id, r.id, r.topic, r.subject_id, loads(r.body), None, r.created_at, 0) for r in rows]

    async def pass_on(self, *parcels: Parcel) -> int:
        """How many executions they have started, told twice."""
        for parcel in [*parcels, *parcels]:
            await EventPublisher(parcel.topic, self.hot, lambda: None).publish([parcel])
        emitted = await self.parcels(TOPIC)
        return sum([await self.delivery.deliver(parcel) for parcel in emitted])

    async def started(self) -> list[tuple[UUID, str, Json]]:
        question = "select workflow_id, started_by, trigger_data from executions where trigger_type <> 'manual'"
        async with self.database.transaction(self.admin.tenant) as connection:
            return [tuple(row) for row in await connection.execute(text(question))]


@pytest_asyncio.fixture
async def world(assembled: Assembled, database: Database, tenant: str) -> AsyncIterator[World]:
    hot = HotConnection(database, LOOP_ROLE)
    yield World(assembled, database, hot, Actor(tenant, "root", frozenset({"admin"})))
    await hot.close()


def ended(world: World, workflow_id: UUID, execution_id: UUID) -> Parcel:
    facts: JsonObject = {
        "type": "execution.completed", "executionId": str(execution_id), "workflowId": str(workflow_id),
    }  # fmt: skip
    return Parcel(world.admin.tenant, uuid4(), EXECUTION_EVENT, str(execution_id), facts, None, datetime.now(UTC), 0)


async def test_a_task_that_is_opened_and_ends_starts_what_listens(world: World) -> None:
    opened, done = await world.listener("human_task.created"), await world.listener("human_task.completed")
    await world.listener("human_task.cancelled")
    tasks = world.services.human_tasks
    task = await tasks.create(world.admin, CreateTaskRequest(title="Look", config={"assignees": ["root"]}))
    await tasks.start(world.admin, task.id, ReasonRequest())
    await tasks.complete(world.admin, task.id, CompleteRequest())

    told = await world.parcels("human_task.%")
    assert [parcel.topic for parcel in told] == ["human_task.created", "human_task.completed"]
    assert await world.pass_on(*told) == 2
    found = {workflow: (who, data) for workflow, who, data in await world.started()}
    assert {workflow: who for workflow, (who, _) in found.items()} == {
        opened: "event:human_task.created/1", done: "event:human_task.completed/1"}  # fmt: skip
    data = found[done][1]
    assert isinstance(data, dict)
    assert (data["taskId"], data["title"], data["details"]) == (str(task.id), "Look", {"by": "root"})


async def test_what_a_person_withdraws_is_told_as_cancelled(world: World) -> None:
    tasks = world.services.human_tasks
    task = await tasks.create(world.admin, CreateTaskRequest(title="Look", config={"candidateGroups": ["g"]}))
    await tasks.cancel(world.admin, task.id, ReasonRequest())
    assert [p.topic for p in await world.parcels("human_task.%")] == ["human_task.created", "human_task.cancelled"]


async def test_nothing_starts_itself(world: World) -> None:
    mine = await world.listener("execution.completed")
    execution = await world.services.executions.execute(world.admin, mine, ExecuteRequest(), None)
    assert await world.pass_on(ended(world, mine, execution.execution.id)) == 0
    theirs = await world.listener("execution.completed", "condition")
    assert await world.pass_on(ended(world, mine, execution.execution.id)) > 0
    assert {workflow for workflow, *_ in await world.started()} == {theirs}


@pytest.mark.parametrize(("links", "starts"), [(LONGEST_CHAIN - 1, 1), (LONGEST_CHAIN, 0)])
async def test_chains_end(world: World, links: int, starts: int) -> None:
    await world.listener("execution.completed")
    other = (await published(world.services, world.admin, document("Other"))).id
    execution = await world.services.executions.execute(world.admin, other, ExecuteRequest(), None)
    async with world.database.transaction(world.admin.tenant) as connection:
        await connection.execute(text("update executions set started_by = :who"), {"who": f"event:a.b/{links}"})
    assert await world.pass_on(ended(world, other, execution.execution.id)) == starts
    assert [who for _, who, _ in await world.started()] == [f"event:execution.completed/{links + 1}"] * starts


async def test_events_that_nobody_listens_to_go_no_further(world: World) -> None:
    await world.listener("execution.failed")
    assert await world.pass_on(ended(world, uuid4(), uuid4())) == 0
    assert await world.parcels(TOPIC) == []
