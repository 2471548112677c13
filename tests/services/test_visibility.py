"""The obligation to leave out what a reader must not see, in lists of what belongs to workflows."""

from collections.abc import AsyncIterator, Mapping
from types import MappingProxyType
from uuid import UUID, uuid4

import pytest_asyncio
from sqlalchemy import text

from engine.identity.actor import Actor
from engine.jsonvalue import Json, JsonObject
from engine.policy.gate import Decision, Resource
from engine.services.assembly import Parts, assemble
from engine.services.dead_letter_values import DeadLetterFilter
from engine.services.requests import ExecuteRequest
from engine.services.services import Services
from engine.services.task_values import CreateTaskRequest, TaskFilter
from engine.services.values import PageRequest
from engine.services.webhook_values import DeliveryFilter
from engine.store.database import Database
from tests.clock import FakeClock
from tests.policy.role_table import RoleTableGate
from tests.services.conftest import CATALOGUE, RecordingBell
from tests.services.documents import document, published

PAGE = PageRequest()


class HidingGate(RoleTableGate):
    """Tells everybody but the administrator to leave restricted workflows out, as policy does."""

    async def authorise(
        self, actor: Actor, action: str, resource: Resource, context: Mapping[str, Json] = MappingProxyType({})
    ) -> Decision:
        """The decision of the roles, with the obligation."""
        found = await super().authorise(actor, action, resource, context)
        if "admin" in actor.roles or not action.endswith(".read"):
            return found
        hide: JsonObject = {"type": "exclude", "attribute": "classification", "values": ["restricted"]}
        return Decision(found.id, found.policy_revision, ({**hide, "unlessCreatedBy": actor.subject},))


@pytest_asyncio.fixture
async def services(database: Database, bell: RecordingBell, clock: FakeClock) -> AsyncIterator[Services]:
    assembled = assemble(Parts(database, bell, HidingGate(uuid4), lambda: CATALOGUE, clock))
    yield assembled.services
    await assembled.close()


async def furnish(services: Services, admin: Actor, database: Database, name: str) -> UUID:
    """A workflow with one row of everything."""
    trigger: Json = {"id": "clock", "type": "schedule", "config": {"schedule": "0 0 1 1 *"}}
    workflow = (await published(services, admin, document(name, triggers=[trigger]))).id
    execution = (await services.executions.execute(admin, workflow, ExecuteRequest(), None)).execution.id
    config: dict[str, Json] = {"candidateGroups": ["support"]}
    await services.human_tasks.create(admin, CreateTaskRequest(title=name, config=config, execution_id=execution))
    letter = (
        "insert into dead_letters (tenant_id, id, kind, subject_id, execution_id, cause_code, cause_message, history)"
        " values (:tenant, :id, 'execution', :name, :execution, 'x', 'x', '[]')"
    )
    delivery = (
        "insert into webhook_deliveries (tenant_id, id, webhook_id, workflow_id, headers, body_sha256, outcome)"
        " values (:tenant, :id, :id, :workflow, '{}', '', 'invalid')"
    )
    facts = {"tenant": admin.tenant, "id": uuid4(), "name": name, "execution": execution, "workflow": workflow}
    async with database.transaction(admin.tenant) as connection:
        for statement in (letter, delivery):
            await connection.execute(text(statement), facts)
        if name == "Secret":
            hide = "update workflow_definitions set classification = 'restricted' where id = :workflow"
            await connection.execute(text(hide), facts)
    return workflow


async def seen(services: Services, actor: Actor) -> list[int]:
    """How many tasks, schedules, dead letters and deliveries."""
    return [
        len((await services.human_tasks.list(actor, TaskFilter(), PAGE)).items),
        len((await services.schedules.list(actor, None, PAGE)).items),
        len((await services.dead_letters.list(actor, DeadLetterFilter(), PAGE)).items),
        len((await services.webhook_deliveries.list(actor, DeliveryFilter(), PAGE)).items),
    ]


async def test_rows_of_hidden_workflows_are_left_out_but_for_tasks_of_the_reader(
    services: Services, database: Database, tenant: str
) -> None:
    admin = Actor(tenant, "root", frozenset({"admin"}))
    for name in ("Open", "Secret"):
        await furnish(services, admin, database, name)
    roles = frozenset({"operator", "approver", "viewer"})
    assert await seen(services, admin) == [2, 2, 2, 2]
    assert await seen(services, Actor(tenant, "ann", roles)) == [1, 1, 1, 1]
    assert await seen(services, Actor(tenant, "ann", roles, frozenset({"support"}))) == [2, 1, 1, 1]
    assert await seen(services, Actor(tenant, "root", roles)) == [2, 2, 2, 2]
