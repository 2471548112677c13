"""Use cases of policy itself: what would be decided, and why."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from functools import partial
from types import MappingProxyType
from uuid import UUID

from engine.errors import Denial, MalformedRequest, NotFound
from engine.identity.actor import Actor
from engine.jsonvalue import Json, JsonObject
from engine.policy.gate import ALL_ACTIONS, Resource
from engine.policy.needs import UNFINISHED_EXECUTIONS
from engine.services.authority import Authority
from engine.services.contents import contents_of
from engine.services.facts import (
    dead_letter_resource,
    delivery_resource,
    execution_missing,
    execution_resource,
    schedule_resource,
    task_resource,
    workflow_missing,
    workflow_resource,
)
from engine.store import connections, dead_letters, executions, human_tasks, schedules, versions, workflows
from engine.store import webhook_deliveries as deliveries
from engine.store.database import Database
from engine.store.visibility import find_belonging, find_belonging_of_execution

PREVIEW = "policy.preview"


@dataclass(frozen=True, slots=True)
class PolicyPreview:
    """What policy would say to one action.

    Attributes:
        resource_id: None: about all of the type, or about a new one.
        denials: every reason against it; empty exactly when it is allowed.
        obligations: what would come with the permission.
    """

    action: str
    resource_type: str
    resource_id: str | None
    decision_id: str
    policy_revision: str
    denials: tuple[Denial, ...]
    obligations: tuple[JsonObject, ...]

    @property
    def is_allowed(self) -> bool:
        """Whether it would be allowed."""
        return not self.denials


class Policies:
    """Asks policy without doing anything."""

    def __init__(self, database: Database, authority: Authority) -> None:
        self._database = database
        self._authority = authority
        self._finders: Mapping[str, Callable[[str, str, str], Awaitable[Resource]]] = MappingProxyType(
            {
                "workflow": self._workflow,
                "execution": self._execution,
                "human_task": self._human_task,
                "schedule": self._schedule,
                "dead_letter": self._dead_letter,
                "webhook_delivery": self._delivery,
                "connection": self._connection,
            }
        )

    async def preview(self, actor: Actor, action: str, resource: str | None = None) -> PolicyPreview:
        """The decision on an action of the caller's own, from the facts that stand now. Nothing happens by it.

        Args:
            actor: for whom it is asked.
            action: of names.md, such as `workflow.publish`.
            resource: `type` or `type:id`; the noun of the action where it is left out.

        Raises:
            NotFound: the resource is not in the tenant.
            MalformedRequest: there is no such action, or nothing is known of resources of that type one by one.
        """
        if action not in ALL_ACTIONS:
            raise MalformedRequest(f"There is no action {action[:100]!r}.", code="policy.unknown_action")
        kind, _, identifier = (resource or action.split(".", maxsplit=1)[0]).partition(":")
        found = await self._found(actor, kind, identifier, action)
        await self._authority.permit(actor, PREVIEW, Resource("policy", None, {"action": action}))
        decision = await self._authority.preview(actor, action, found)
        return PolicyPreview(
            action, kind, found.id, decision.id, decision.policy_revision, decision.denials, decision.obligations
        )

    async def _found(self, actor: Actor, kind: str, identifier: str, action: str) -> Resource:
        if not identifier:
            return Resource(kind, None)
        finder = self._finders.get(kind)
        if finder is None:
            known = ", ".join(sorted(self._finders))
            raise MalformedRequest(f"With an id, the resource is one of: {known}.", code="policy.unknown_resource")
        return await finder(actor.tenant, identifier, action)

    async def _workflow(self, tenant: str, identifier: str, action: str) -> Resource:
        workflow_id = _uuid("workflow", identifier)
        async with self._database.transaction(tenant) as connection:
            row = await workflows.find(connection, tenant, workflow_id)
            if row is None:
                raise workflow_missing(workflow_id)
            latest = None
            if row.latest_version is not None:
                latest = await versions.find(connection, tenant, workflow_id, row.latest_version)
        runs = latest is not None and action == "workflow.execute"
        facts = contents_of(latest.definition if latest is not None and runs else row.definition)
        if latest is not None:
            facts["publishedRequiresSeparatePublisher"] = latest.definition.get("requireSeparatePublisher") is True
        costly = {UNFINISHED_EXECUTIONS: partial(self._unfinished, tenant)}
        return await self._authority.with_facts(workflow_resource(row, facts), costly)

    async def _unfinished(self, tenant: str) -> Json:
        async with self._database.transaction(tenant) as connection:
            return await executions.count_unfinished(connection, tenant)

    async def _execution(self, tenant: str, identifier: str, _action: str) -> Resource:
        execution_id = _uuid("execution", identifier)
        async with self._database.transaction(tenant) as connection:
            row = await executions.find(connection, tenant, execution_id)
        if row is None:
            raise execution_missing(execution_id)
        return execution_resource(row)

    async def _human_task(self, tenant: str, identifier: str, _action: str) -> Resource:
        task_id = _uuid("human task", identifier)
        async with self._database.transaction(tenant) as connection:
            row = await human_tasks.find(connection, tenant, task_id)
            if row is None:
                raise NotFound("human task", identifier)
            return task_resource(row, await find_belonging(connection, tenant, row.workflow_id))

    async def _schedule(self, tenant: str, identifier: str, _action: str) -> Resource:
        schedule_id = _uuid("schedule", identifier)
        async with self._database.transaction(tenant) as connection:
            row = await schedules.find(connection, tenant, schedule_id)
            if row is None:
                raise NotFound("schedule", identifier)
            return schedule_resource(row, await find_belonging(connection, tenant, row.workflow_id))

    async def _dead_letter(self, tenant: str, identifier: str, _action: str) -> Resource:
        letter_id = _uuid("dead letter", identifier)
        async with self._database.transaction(tenant) as connection:
            row = await dead_letters.find(connection, tenant, letter_id)
            if row is None:
                raise NotFound("dead letter", identifier)
            return dead_letter_resource(row, await find_belonging_of_execution(connection, tenant, row.execution_id))

    async def _delivery(self, tenant: str, identifier: str, _action: str) -> Resource:
        delivery_id = _uuid("webhook delivery", identifier)
        async with self._database.transaction(tenant) as connection:
            row = await deliveries.find(connection, tenant, delivery_id)
            if row is None:
                raise NotFound("webhook delivery", identifier)
            return delivery_resource(row, await find_belonging(connection, tenant, row.workflow_id))

    async def _connection(self, tenant: str, identifier: str, _action: str) -> Resource:
        async with self._database.transaction(tenant) as connection:
            row = await connections.find(connection, tenant, identifier)
        if row is None:
            raise NotFound("connection", identifier)
        return Resource("connection", row.name, {"kind": row.content.kind})


def _uuid(noun: str, text: str) -> UUID:
    try:
        return UUID(text)
    except ValueError:
        raise NotFound(noun, text) from None
