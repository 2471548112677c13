"""Use cases of policy itself: what would be decided, and why."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from functools import partial
from types import MappingProxyType
from typing import Final
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
    execution_resource,
    schedule_resource,
    task_resource,
    workflow_missing,
    workflow_resource,
)
from engine.store import connections, dead_letters, executions, human_tasks, schedules, versions, workflows
from engine.store import webhook_deliveries as deliveries
from engine.store.database import Database, Transaction
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

    async def preview(self, actor: Actor, action: str, resource: str | None = None) -> PolicyPreview:
        """The decision on an action of the caller's own, from the facts that stand now. Nothing happens by it.

        Args:
            actor: for whom it is asked.
            action: one of `engine/policy/gate.py`, such as `workflow.publish`.
            resource: `type`, `type:id` or `type/id`; an id alone is of the noun of the action, which stands for it too
                where it is left out.

        Raises:
            NotFound: the resource is not in the tenant.
            MalformedRequest: there is no such action, or nothing is known of resources of that type one by one.
        """
        if action not in ALL_ACTIONS:
            raise MalformedRequest(f"There is no action {action[:100]!r}.", code="policy.unknown_action")
        kind, identifier = _named(action, resource or "")
        found = await self._found(actor, kind, identifier, action)
        await self._authority.permit(actor, PREVIEW, Resource("policy", None, {"action": action}))
        decision = await self._authority.preview(actor, action, found)
        return PolicyPreview(
            action, kind, found.id, decision.id, decision.policy_revision, decision.denials, decision.obligations
        )

    async def _found(self, actor: Actor, kind: str, identifier: str, action: str) -> Resource:
        if not identifier:
            return Resource(kind, None)
        if kind == "workflow":
            return await self._workflow(actor.tenant, identifier, action)
        look = _LOOKS.get(kind)
        if look is None:
            known = ", ".join(sorted({"workflow", *_LOOKS}))
            raise MalformedRequest(f"With an id, the resource is one of: {known}.", code="policy.unknown_resource")
        async with self._database.transaction(actor.tenant) as connection:
            found = await look(connection, actor.tenant, identifier)
        if found is None:
            raise _missing(kind, identifier)
        return found

    async def _workflow(self, tenant: str, identifier: str, action: str) -> Resource:
        workflow_id = _id("workflow", identifier)
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


async def _execution(connection: Transaction, tenant: str, identifier: str) -> Resource | None:
    row = await executions.find(connection, tenant, _id("execution", identifier))
    return None if row is None else execution_resource(row)


async def _human_task(connection: Transaction, tenant: str, identifier: str) -> Resource | None:
    row = await human_tasks.find(connection, tenant, _id("human_task", identifier))
    return None if row is None else task_resource(row, await find_belonging(connection, tenant, row.workflow_id))


async def _schedule(connection: Transaction, tenant: str, identifier: str) -> Resource | None:
    row = await schedules.find(connection, tenant, _id("schedule", identifier))
    return None if row is None else schedule_resource(row, await find_belonging(connection, tenant, row.workflow_id))


async def _dead_letter(connection: Transaction, tenant: str, identifier: str) -> Resource | None:
    row = await dead_letters.find(connection, tenant, _id("dead_letter", identifier))
    if row is None:
        return None
    return dead_letter_resource(row, await find_belonging_of_execution(connection, tenant, row.execution_id))


async def _delivery(connection: Transaction, tenant: str, identifier: str) -> Resource | None:
    row = await deliveries.find(connection, tenant, _id("webhook_delivery", identifier))
    return None if row is None else delivery_resource(row, await find_belonging(connection, tenant, row.workflow_id))


async def _connection(connection: Transaction, tenant: str, identifier: str) -> Resource | None:
    row = await connections.find(connection, tenant, identifier)
    return None if row is None else Resource("connection", row.name, {"kind": row.content.kind})


def _named(action: str, text: str) -> tuple[str, str]:
    """Type and id (empty: none) of what an action is asked about."""
    noun = action.partition(".")[0]
    kind, separator, identifier = text.replace("/", ":", 1).partition(":")
    if separator or kind in _NOUNS:
        return kind, identifier
    return (_OF_ANOTHER.get(noun, noun), text) if text else (noun, "")


def _id(kind: str, text: str) -> UUID:
    try:
        return UUID(text)
    except ValueError:
        raise _missing(kind, text) from None


def _missing(kind: str, identifier: str) -> NotFound:
    return NotFound(kind.replace("_", " "), identifier)


_LOOKS: Final[Mapping[str, Callable[[Transaction, str, str], Awaitable[Resource | None]]]] = MappingProxyType(
    {
        "execution": _execution,
        "human_task": _human_task,
        "schedule": _schedule,
        "dead_letter": _dead_letter,
        "webhook_delivery": _delivery,
        "connection": _connection,
    }
)
_NOUNS: Final = frozenset(action.partition(".")[0] for action in ALL_ACTIONS)
_OF_ANOTHER: Final[Mapping[str, str]] = MappingProxyType({"evidence": "execution", "webhook_secret": "workflow"})
"""Nouns of actions on what has no id of its own, or none yet, with what it belongs to."""
