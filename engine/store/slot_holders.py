"""Slots of workflows as their readers see them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from engine.store.tables.runtime import workflow_slots

_S = workflow_slots.c


@dataclass(frozen=True, slots=True)
class SlotHolder:
    """One slot and whose it is."""

    workflow_id: UUID
    slot: int
    execution_id: UUID
    taken_at: datetime


async def find_holders(
    connection: AsyncConnection, tenant: str, workflow_ids: Sequence[UUID]
) -> tuple[SlotHolder, ...]:
    """The slots of these workflows that are taken, in order."""
    statement = (
        select(_S.workflow_id, _S.slot, _S.execution_id, _S.taken_at)
        .where(_S.tenant_id == tenant, _S.workflow_id.in_(workflow_ids))
        .order_by(_S.workflow_id, _S.slot)
    )
    return tuple(
        SlotHolder(row.workflow_id, row.slot, row.execution_id, row.taken_at)
        for row in await connection.execute(statement)
    )
