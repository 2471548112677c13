"""Use cases of slots: who holds those of a workflow that limits how many of its executions run at once."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from engine.identity.actor import Actor
from engine.services.authority import Authority
from engine.services.facts import workflow_missing, workflow_resource
from engine.store import workflows
from engine.store.database import Database
from engine.store.slot_holders import find_holders


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
            holders = await find_holders(connection, actor.tenant, workflow_id)
        if row is None:
            raise workflow_missing(workflow_id)
        await self._authority.permit(actor, "workflow.read", workflow_resource(row))
        return tuple(Slot(holder.slot, holder.execution_id, holder.taken_at) for holder in holders)
