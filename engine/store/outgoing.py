"""Writing to the outbox from a use case's own transaction; the relay publishes what stands there."""

from dataclasses import dataclass
from typing import Final
from uuid import UUID

from sqlalchemy import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from engine.jsonvalue import JsonObject
from engine.store.tables.runtime import outbox

LEDGER_VERSION: Final = "ledger.version"
"""Topic of manifests of published versions, for the provenance ledger."""


@dataclass(frozen=True, slots=True)
class Outgoing:
    """One thing that another system must hear of, at least once."""

    tenant: str
    id: UUID
    topic: str
    subject_id: str
    payload: JsonObject
    traceparent: str | None = None


async def send(connection: AsyncConnection, outgoing: Outgoing) -> None:
    """Leave it in the outbox, with the change that caused it or not at all."""
    await connection.execute(
        insert(outbox).values(
            tenant_id=outgoing.tenant,
            id=outgoing.id,
            topic=outgoing.topic,
            subject_id=outgoing.subject_id,
            payload=outgoing.payload,
            traceparent=outgoing.traceparent,
        )
    )
