"""Use cases of slots: who holds those of a workflow that limits how many of its executions run at once."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from engine.identity.actor import Actor
from engine.policy.gate import Resource
from engine.services.authority import Authority
from engine.services.facts import workflow_missing, workflow_resource
from engine.services.visibility import hidden_by
from engine.store import workflows
from engine.store.database import Database
from engine.store.slot_holders import SlotHolder, find_holders


@dataclass(frozen=True, slots=True)
class Slot:
    """One slot that is taken; it is free again when its execution ends."""

    slot: int
    execution_id: UUID
    taken_at: datetime


class Slots:
    """Reads of slots; workers take them and give them back."""

    def __init__(self, database: Database, authority: Authority) -> None:
        self._database = database
        self._authority = authority

    async def list(self, actor: Actor, workflow_id: UUID) -> tuple[Slot, ...]:
        """The slots of a workflow that are taken, in order; none where it sets no limit.

        Raises:
            NotFound: no such workflow in the tenant.
            Denied: policy refuses.
        """
        async with self._database.transaction(actor.tenant) as connection:
            row = await workflows.find(connection, actor.tenant, workflow_id)
            holders = await find_holders(connection, actor.tenant, [workflow_id])
        if row is None:
            raise workflow_missing(workflow_id)
        await self._authority.permit(actor, "workflow.read", workflow_resource(row))
        return tuple(map(_slot, holders))

    async def of_workflows(self, actor: Actor, workflow_ids: Sequence[UUID]) -> dict[UUID, tuple[Slot, ...]]:
        """The slots of several workflows that are taken; nothing for those that the actor cannot see.

        Raises:
            Denied: policy refuses.
        """
        permit = await self._authority.permit(actor, "workflow.read", Resource("workflow", None))
        async with self._database.transaction(actor.tenant) as connection:
            visible = await workflows.find_many(connection, actor.tenant, workflow_ids, hidden_by(permit))
            holders = await find_holders(connection, actor.tenant, [row.id for row in visible])
        found: dict[UUID, tuple[Slot, ...]] = {row.id: () for row in visible}
        for holder in holders:
            found[holder.workflow_id] += (_slot(holder),)
        return found


def _slot(holder: SlotHolder) -> Slot:
    return Slot(holder.slot, holder.execution_id, holder.taken_at)
