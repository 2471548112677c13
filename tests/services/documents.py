"""Documents and readings that tests of use cases share."""

from uuid import UUID

from sqlalchemy import text

from engine.identity.actor import Actor
from engine.jsonvalue import Json, JsonObject
from engine.services.requests import PublishRequest
from engine.services.services import Services
from engine.services.values import Workflow
from engine.store.database import Database


def step(step_id: str, *targets: str, **members: Json) -> JsonObject:
    connections: list[Json] = [{"targetStepId": target} for target in targets]
    return {
        "id": step_id,
        "name": step_id,
        "type": "action",
        "config": {"actionType": "noop"},
        "connections": connections,
        **members,
    }


def document(name: str = "Orders", *steps: JsonObject, **members: Json) -> JsonObject:
    return {"name": name, "steps": [*(steps or (step("only"),))], **members}


async def published(services: Services, actor: Actor, definition: JsonObject | None = None) -> Workflow:
    workflow = await services.workflows.create(actor, definition or document())
    await services.workflows.publish(actor, workflow.id, PublishRequest())
    return await services.workflows.get(actor, workflow.id)


async def count(database: Database, actor: Actor, table: str) -> int:
    async with database.transaction(actor.tenant) as connection:
        return int((await connection.execute(text(f"select count(*) from {table}"))).scalar_one())  # noqa: S608


async def audit(database: Database, actor: Actor, resource_id: UUID) -> list[tuple[str, str, str | None, str | None]]:
    """Action, actor, hash before and after, oldest first."""
    statement = text(
        "select action, actor, before_hash, after_hash from audit_entries where resource_id = :id order by at, id"
    )
    async with database.transaction(actor.tenant) as connection:
        return [tuple(row) for row in await connection.execute(statement, {"id": str(resource_id)})]
