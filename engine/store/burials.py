"""Dead letters of messages: what was unreadable, or was delivered too often, is kept with all that is known of it."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from engine.jsonvalue import Json, dumps
from engine.store.hot import HotConnection
from engine.store.statements import load
from engine.telemetry.metrics import DEAD_LETTERS

_SQL = load("burials")

NO_TENANT = "*"
"""Tenant of a message that does not say whose it is; operators see it, no tenant does."""


@dataclass(frozen=True, slots=True)
class Burial:
    """One message that is not delivered any more.

    Attributes:
        subject: its stream and id.
        execution_id: of which it spoke, where that could be read.
    """

    tenant: str
    id: UUID
    subject: str
    execution_id: UUID | None
    cause_code: str
    cause_message: str
    deliveries: int
    payload: Json


async def bury_messages(connection: HotConnection, burials: Sequence[Burial]) -> None:
    """Keep messages as dead letters; the caller acknowledges them afterwards."""
    if burials:
        await connection.fetch(
            _SQL["bury_messages"],
            [b.tenant for b in burials],
            [b.id for b in burials],
            [b.subject for b in burials],
            [b.execution_id for b in burials],
            [b.cause_code for b in burials],
            [b.cause_message for b in burials],
            [b.deliveries for b in burials],
            [dumps(b.payload) for b in burials],
        )


@dataclass(frozen=True, slots=True)
class LostParcel:
    """A parcel of the outbox that can never arrive, and why."""

    tenant: str
    parcel_id: UUID
    id: UUID
    cause_code: str
    cause_message: str


async def bury_parcels(connection: HotConnection, lost: Sequence[LostParcel]) -> None:
    """Move parcels from the outbox to the dead letters."""
    if lost:
        kept = await connection.fetch(
            _SQL["bury_parcels"],
            [each.tenant for each in lost],
            [each.parcel_id for each in lost],
            [each.id for each in lost],
            [each.cause_code for each in lost],
            [each.cause_message for each in lost],
        )
        DEAD_LETTERS.labels("outbox").inc(len(kept))
