"""Deliveries to webhooks, and the record by which a message counts once."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any
from uuid import UUID

import asyncpg
from sqlalchemy import Row, Select, insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from engine.jsonvalue import JsonObject, dumps
from engine.store.hot import HotConnection
from engine.store.statements import load
from engine.store.tables.triggers import webhook_deliveries, webhook_replays
from engine.store.visibility import Hidden, belongs_to_visible
from engine.store.windows import Count, Found, Window, count, look

_SQL = load("webhooks")
_D = webhook_deliveries.c
_R = webhook_replays.c


@dataclass(frozen=True, slots=True)
class Delivery:
    """A delivery as it is kept: signatures and what looks like a secret are masked.

    Attributes:
        webhook_id: None: the webhook is gone.
        body_sha256: of the raw body as it came.
        outcome: see `engine.triggers.outcomes`.
        replay_of: the delivery that an operator has replayed with this one.
    """

    tenant: str
    id: UUID
    webhook_id: UUID | None
    workflow_id: UUID
    message_id: str | None
    source: str
    headers: JsonObject
    body: str
    body_sha256: str
    outcome: str
    detail: str = ""
    execution_id: UUID | None = None
    replay_of: UUID | None = None
    received_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Arrival:
    """A delivery that wants an execution, to be written with it or not at all.

    Attributes:
        claim_until: its message id counts once, and is known until then; None: it claims no message (a replay).
    """

    delivery: Delivery
    claim_until: datetime | None

    @property
    def claims(self) -> bool:
        """Whether it starts nothing when its message is known already."""
        return self.claim_until is not None


@dataclass(frozen=True, slots=True)
class Replayed:
    """What is known of a message that has started an execution."""

    body_sha256: str
    execution_id: UUID


@dataclass(frozen=True, slots=True)
class DeliveryConditions:
    """Which deliveries a list has; None does not filter."""

    workflow_id: UUID | None = None
    outcome: str | None = None
    hidden: Hidden | None = None


Meant = tuple[UUID, Arrival]
"""The execution that an arrival is for, and the arrival."""


async def claim_messages(raw: asyncpg.Connection, meant: Sequence[Meant]) -> frozenset[UUID]:
    """Claim the messages of arrivals; which executions may be accepted: those whose message nobody had used."""
    claiming = [(execution_id, arrival) for execution_id, arrival in meant if arrival.claims]
    if not claiming:
        return frozenset(execution_id for execution_id, _ in meant)
    rows = await raw.fetch(_SQL["claim_messages"], *_columns([_claim(*one) for one in claiming]))
    known = {execution_id for execution_id, _ in claiming} - {row["execution_id"] for row in rows}
    return frozenset(execution_id for execution_id, _ in meant if execution_id not in known)


async def settle_arrivals(raw: asyncpg.Connection, meant: Sequence[Meant], accepted: frozenset[UUID]) -> None:
    """Record the deliveries whose execution was accepted, and give the messages of the others back."""
    refused = [_claim(execution_id, arrival) for execution_id, arrival in meant if execution_id not in accepted]
    refused = [claim for claim in refused if claim[5] is not None]
    if refused:
        rows = [(tenant, webhook, message, execution) for tenant, webhook, message, _, execution, _ in refused]
        await raw.fetch(_SQL["release_messages"], *_columns(rows))
    kept = [replace(arrival.delivery, execution_id=e) for e, arrival in meant if e in accepted]
    if kept:
        await raw.fetch(_SQL["record_deliveries"], *_columns([_row(delivery) for delivery in kept]))


async def forget(connection: HotConnection, deliveries_older_s: float) -> tuple[int, int]:
    """Remove old deliveries and the records of messages that expired. How many of each."""
    (row,) = await connection.fetch(_SQL["forget"], deliveries_older_s)
    return row["deliveries"], row["replays"]


async def add(connection: AsyncConnection, delivery: Delivery) -> None:
    """Keep a delivery that has started nothing."""
    values = {
        "tenant_id": delivery.tenant,
        "id": delivery.id,
        "webhook_id": delivery.webhook_id,
        "workflow_id": delivery.workflow_id,
        "message_id": delivery.message_id,
        "source": delivery.source,
        "headers": delivery.headers,
        "body": delivery.body,
        "body_sha256": delivery.body_sha256,
        "outcome": delivery.outcome,
        "detail": delivery.detail,
        "execution_id": delivery.execution_id,
        "replay_of": delivery.replay_of,
    }
    await connection.execute(insert(webhook_deliveries).values(**values))


async def find_message(connection: AsyncConnection, tenant: str, webhook_id: UUID, message_id: str) -> Replayed | None:
    """What a message has started; None: it is not known."""
    statement = select(_R.body_sha256, _R.execution_id).where(
        _R.tenant_id == tenant, _R.webhook_id == webhook_id, _R.message_id == message_id
    )
    row = (await connection.execute(statement)).one_or_none()
    return None if row is None else Replayed(row.body_sha256, row.execution_id)


async def find(connection: AsyncConnection, tenant: str, delivery_id: UUID) -> Delivery | None:
    """One delivery, or None."""
    statement = _filtered(tenant, DeliveryConditions()).where(_D.id == delivery_id)
    row = (await connection.execute(statement)).one_or_none()
    return None if row is None else _read(row)


async def find_window(
    connection: AsyncConnection, tenant: str, wanted: DeliveryConditions, window: Window
) -> tuple[tuple[Delivery, ...], Found]:
    """Deliveries of one window, newest first."""
    found = await look(connection, _filtered(tenant, wanted), _D.id, window)
    return tuple(_read(row) for row in found.rows), found


async def count_all(connection: AsyncConnection, tenant: str, wanted: DeliveryConditions) -> Count:
    """How many deliveries the list has."""
    return await count(connection, _filtered(tenant, wanted))


def _filtered(tenant: str, wanted: DeliveryConditions) -> Select[Any]:
    statement = select(*_D).where(_D.tenant_id == tenant, *belongs_to_visible(wanted.hidden, tenant, _D.workflow_id))
    if wanted.workflow_id is not None:
        statement = statement.where(_D.workflow_id == wanted.workflow_id)
    return statement if wanted.outcome is None else statement.where(_D.outcome == wanted.outcome)


def _read(row: Row[Any]) -> Delivery:
    return Delivery(
        tenant=row.tenant_id,
        id=row.id,
        webhook_id=row.webhook_id,
        workflow_id=row.workflow_id,
        message_id=row.message_id,
        source=row.source,
        headers=row.headers,
        body=row.body or "",
        body_sha256=row.body_sha256,
        outcome=row.outcome,
        detail=row.detail,
        execution_id=row.execution_id,
        replay_of=row.replay_of,
        received_at=row.received_at,
    )


_Claim = tuple[str, UUID | None, str | None, str, UUID, datetime | None]


def _claim(execution_id: UUID, arrival: Arrival) -> _Claim:
    of = arrival.delivery
    return (of.tenant, of.webhook_id, of.message_id, of.body_sha256, execution_id, arrival.claim_until)


def _row(of: Delivery) -> tuple[object, ...]:
    return (
        of.tenant,
        of.id,
        of.webhook_id,
        of.workflow_id,
        of.message_id,
        of.source,
        dumps(of.headers),
        of.body,
        of.body_sha256,
        of.outcome,
        of.detail,
        of.execution_id,
        of.replay_of,
    )


def _columns(rows: Sequence[tuple[object, ...]]) -> list[list[object]]:
    return [list(column) for column in zip(*rows, strict=True)]
