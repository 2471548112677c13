"""Idempotency keys with Redis in front: it is asked first, may be wrong both ways, and PostgreSQL decides."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from uuid import UUID, uuid4

import pytest
import pytest_asyncio
from sqlalchemy import func, select

from engine.errors import IdempotencyMismatch, Overloaded
from engine.identity.actor import Actor
from engine.qos.admission import Admission
from engine.qos.live import LiveQos
from engine.qos.meters import Meters
from engine.queue.known_keys import KnownKeys
from engine.queue.link import Link, connect
from engine.services.assembly import Parts, assemble
from engine.services.front import Front
from engine.services.requests import ExecuteRequest, PublishRequest
from engine.services.services import Services
from engine.store.database import Database
from engine.store.flows import QueueLoad, SystemLoad
from engine.store.tables.governance import idempotency_keys
from engine.store.tables.runtime import executions
from tests.clock import FakeClock
from tests.policy.role_table import RoleTableGate
from tests.services.conftest import CATALOGUE, RecordingBell
from tests.services.documents import document


@dataclass
class Desk:
    services: Services
    admission: Admission
    database: Database
    link: Link
    actor: Actor
    workflow_id: UUID

    async def execute(self, key: str | None = "k", **data: int) -> tuple[UUID, bool]:
        request = ExecuteRequest(trigger_data=dict(data))
        accepted = await self.services.executions.execute(self.actor, self.workflow_id, request, key)
        return accepted.execution.id, accepted.replayed

    async def count(self) -> int:
        async with self.database.transaction(self.actor.tenant) as connection:
            found = await connection.execute(
                select(func.count()).select_from(executions).where(executions.c.tenant_id == self.actor.tenant)
            )
            return int(found.scalar_one())


@pytest_asyncio.fixture
async def desk(database: Database, redis_url: str, editor: Actor, clock: FakeClock) -> AsyncIterator[Desk]:
    link = await connect(redis_url)
    await link.commands.flushall()
    admission = Admission(LiveQos(), Meters(clock), lambda: 0.0)
    front = Front(admission, KnownKeys(link, clock))
    made = assemble(Parts(database, RecordingBell(), RoleTableGate(uuid4), lambda: CATALOGUE, clock, front=front))
    workflow = await made.services.workflows.create(editor, document(), None)
    await made.services.workflows.publish(editor, workflow.id, PublishRequest())
    yield Desk(made.services, admission, database, link, editor, workflow.id)
    await made.close()
    await link.close()


async def test_a_repeat_gets_the_same_execution_and_redis_knew_the_key(desk: Desk) -> None:
    first = await desk.execute(n=1)
    assert len(await desk.link.commands.keys("maestro:idempotency:*")) == 1

    assert await desk.execute(n=1) == (first[0], True)
    assert await desk.count() == 1


async def test_a_flushed_redis_doubles_nothing(desk: Desk) -> None:
    first = await desk.execute(n=1)
    await desk.link.commands.flushall()

    assert await desk.execute(n=1) == (first[0], True)
    assert await desk.count() == 1


async def test_a_stale_redis_that_knows_a_key_which_postgresql_does_not_loses_nothing(desk: Desk) -> None:
    first, _ = await desk.execute(n=1)
    async with desk.database.transaction(desk.actor.tenant) as connection:
        await connection.execute(idempotency_keys.delete().where(idempotency_keys.c.tenant_id == desk.actor.tenant))

    second, replayed = await desk.execute(n=1)

    assert (second != first, replayed) == (True, False)
    assert await desk.count() == 2


async def test_another_body_under_a_known_key_is_refused_by_postgresql(desk: Desk) -> None:
    await desk.execute(n=1)

    with pytest.raises(IdempotencyMismatch):
        await desk.execute(n=2)

    assert await desk.count() == 1


async def test_load_is_shed_but_a_repeat_still_gets_its_answer(desk: Desk) -> None:
    first = await desk.execute(n=1)
    desk.admission.saw(SystemLoad({"default": QueueLoad(1_000_000, 5.0)}, {}))

    with pytest.raises(Overloaded):
        await desk.execute("another", n=1)
    await desk.link.commands.flushall()

    assert await desk.execute(n=1) == (first[0], True)
    assert await desk.count() == 1
