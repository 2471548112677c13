"""The outbox: what must reach another system, written with its cause, published by the relay, at least once."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from engine.jsonvalue import Json, JsonObject, loads
from engine.store.hot import HotConnection
from engine.store.statements import load

_SQL = load("outbox")

LEDGER_EXECUTION = "ledger.execution"
"""Topic of finished executions, for the provenance ledger."""
EXECUTION_EVENT = "execution.event"
"""Topic of starts and endings of executions; a row is kept only where the tenant has a callback or a listener."""
EXECUTION_NOTICE = "execution.notice"
"""The same of workflows with notifications: kept in any case."""
NOTIFICATION = "notification"
"""Topic of actions to be run because a workflow's `settings.notifications`, or an escalation level of a task, says so.

The subject is the execution; of a task without one, the task."""
POLICY_DECISION = "policy.decision"
"""Topic of decisions of policy, for a log outside; the subject is the decision."""


@dataclass(frozen=True, slots=True)
class Announcement:
    """One row to be written beside the change of an execution that it tells of.

    Attributes:
        subject_id: the execution; the row is written only if the change is.
    """

    id: UUID
    topic: str
    subject_id: UUID
    payload: JsonObject
    traceparent: str | None


@dataclass(frozen=True, slots=True)
class Parcel:
    """One row that waits to be published.

    Attributes:
        id: consumers drop ids that they know: a parcel may come twice.
        attempts: failed ones so far.
    """

    tenant: str
    id: UUID
    topic: str
    subject_id: str
    payload: Json
    traceparent: str | None
    created_at: datetime
    attempts: int


async def take(connection: HotConnection, topic: str, limit: int, hide_s: float) -> tuple[Parcel, ...]:
    """Oldest waiting parcels of a topic, hidden from other relays for `hide_s` from now."""
    return _parcels(await connection.fetch(_SQL["take"], topic, limit, hide_s))


async def settle(connection: HotConnection, parcels: Sequence[Parcel]) -> None:
    """Remove parcels that have arrived."""
    if parcels:
        await connection.fetch(_SQL["settle"], [p.tenant for p in parcels], [p.id for p in parcels])


async def postpone(connection: HotConnection, parcels: Sequence[Parcel], delay_s: float, error: str) -> None:
    """Keep parcels that have not arrived for another attempt after `delay_s`."""
    if parcels:
        ids = [p.id for p in parcels]
        await connection.fetch(_SQL["postpone"], [p.tenant for p in parcels], ids, delay_s, error[:1000])


async def take_in_order(connection: HotConnection, topic: str, limit: int, hide_s: float) -> tuple[Parcel, ...]:
    """The oldest parcels of a topic, oldest first; none while those are hidden, so that no parcel overtakes another."""
    return _parcels(await connection.fetch(_SQL["take_in_order"], topic, limit, hide_s))


def _parcels(rows: Sequence[Any]) -> tuple[Parcel, ...]:
    return tuple(
        Parcel(
            tenant=row["tenant_id"],
            id=row["id"],
            topic=row["topic"],
            subject_id=row["subject_id"],
            payload=loads(row["payload"]),
            traceparent=row["traceparent"],
            created_at=row["created_at"],
            attempts=row["attempts"],
        )
        for row in sorted(rows, key=lambda row: (row["created_at"], row["id"]))
    )
