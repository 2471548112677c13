"""Rows that say who did what and why it was allowed; written in the transaction of the change."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import delete, insert, select
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.ext.asyncio import AsyncConnection

from engine.jsonvalue import JsonObject
from engine.store.outbox import POLICY_DECISION
from engine.store.tables.governance import audit_entries, idempotency_keys, policy_decisions
from engine.store.tables.runtime import outbox


@dataclass(frozen=True, slots=True)
class AuditEntry:
    """One change, or one refused attempt at it."""

    tenant: str
    id: UUID
    actor: str
    action: str
    resource_type: str
    resource_id: str
    before_hash: str | None
    after_hash: str | None
    decision_id: UUID
    request_id: str
    source: str
    details: JsonObject | None = None


@dataclass(frozen=True, slots=True)
class Gathered:
    """Equal decisions that one row stands for.

    Attributes:
        kept_until: when the row may go: nothing that was changed rests on it.
    """

    first_at: datetime
    last_at: datetime
    times: int
    kept_until: datetime


@dataclass(frozen=True, slots=True)
class DecisionEntry:
    """One decision of policy, as the decision log keeps it.

    Attributes:
        gathered: None: it was written at once, and stays.
    """

    tenant: str
    id: UUID
    requested_by: str
    action: str
    resource_type: str
    resource_id: str | None
    execution_id: UUID | None
    allowed: bool
    policy_revision: str
    path: str
    input: JsonObject
    result: JsonObject
    trace_id: str | None = None
    span_id: str | None = None
    mode: str = "enforce"
    masked: tuple[str, ...] = ()
    gathered: Gathered | None = None


@dataclass(frozen=True, slots=True)
class KeyScope:
    """Within what an idempotency key is known."""

    tenant: str
    principal: str
    route: str
    key: str


@dataclass(frozen=True, slots=True)
class KnownKey:
    """What a key was used for."""

    fingerprint: bytes
    subject_id: UUID
    expires_at: datetime


async def record_audit(connection: AsyncConnection, entries: Sequence[AuditEntry]) -> None:
    """Append audit entries."""
    if not entries:
        return
    await connection.execute(
        insert(audit_entries),
        [
            {
                "tenant_id": entry.tenant,
                "id": entry.id,
                "actor": entry.actor,
                "action": entry.action,
                "resource_type": entry.resource_type,
                "resource_id": entry.resource_id,
                "before_hash": entry.before_hash,
                "after_hash": entry.after_hash,
                "decision_id": entry.decision_id,
                "request_id": entry.request_id,
                "source": entry.source,
                "details": entry.details,
            }
            for entry in entries
        ],
    )


async def record_decisions(
    connection: AsyncConnection, entries: Sequence[DecisionEntry], *, announce: bool = False
) -> None:
    """Append to the decision log; `announce`: and leave word of each in the outbox, for a log outside.

    What the log has already is left as it is, and not announced again.
    """
    if not entries:
        return
    statement = upsert(policy_decisions).on_conflict_do_nothing().returning(policy_decisions.c.decision_id)
    found = await connection.execute(statement, [_decision_columns(entry) for entry in entries])
    written = frozenset(found.scalars())
    if announce and written:
        await connection.execute(
            insert(outbox),
            [
                {
                    "tenant_id": entry.tenant,
                    "id": entry.id,
                    "topic": POLICY_DECISION,
                    "subject_id": str(entry.id),
                    "payload": {},
                }
                for entry in entries
                if entry.id in written
            ],
        )


def _decision_columns(entry: DecisionEntry) -> dict[str, object]:
    gathered = entry.gathered
    columns: dict[str, object] = {
        "tenant_id": entry.tenant,
        "decision_id": entry.id,
        "requested_by": entry.requested_by,
        "action": entry.action,
        "resource_type": entry.resource_type,
        "resource_id": entry.resource_id,
        "execution_id": entry.execution_id,
        "allowed": entry.allowed,
        "policy_revision": entry.policy_revision,
        "path": entry.path,
        "input": entry.input,
        "result": entry.result,
        "trace_id": entry.trace_id,
        "span_id": entry.span_id,
        "mode": entry.mode,
        "masked": [*entry.masked],
    }
    if gathered is not None:
        columns |= {
            "at": gathered.first_at,
            "last_at": gathered.last_at,
            "times": gathered.times,
            "kept_until": gathered.kept_until,
        }
    return columns


async def claim_key(connection: AsyncConnection, scope: KeyScope, known: KnownKey, now: datetime) -> KnownKey | None:
    """Take an idempotency key; None: it is taken now. What an earlier call used it for is returned instead.

    A call that holds the same key in a transaction of its own right now is waited for. An expired key counts as unused.
    """
    while True:
        if await _insert_key(connection, scope, known):
            return None
        earlier = await find_key(connection, scope)
        if earlier is not None and earlier.expires_at > now:
            return earlier
        await forget_key(connection, scope, now)


async def find_key(connection: AsyncConnection, scope: KeyScope) -> KnownKey | None:
    """What a key was used for; None: it is not known."""
    columns = idempotency_keys.c
    row = (
        await connection.execute(
            select(columns.fingerprint, columns.subject_id, columns.expires_at).where(
                columns.tenant_id == scope.tenant,
                columns.principal == scope.principal,
                columns.route == scope.route,
                columns.key == scope.key,
            )
        )
    ).one_or_none()
    return None if row is None else KnownKey(bytes(row.fingerprint), row.subject_id, row.expires_at)


async def forget_key(connection: AsyncConnection, scope: KeyScope, now: datetime) -> None:
    """Remove a key that has expired."""
    columns = idempotency_keys.c
    await connection.execute(
        delete(idempotency_keys).where(
            columns.tenant_id == scope.tenant,
            columns.principal == scope.principal,
            columns.route == scope.route,
            columns.key == scope.key,
            columns.expires_at <= now,
        )
    )


async def _insert_key(connection: AsyncConnection, scope: KeyScope, known: KnownKey) -> bool:
    row = await connection.execute(
        upsert(idempotency_keys)
        .values(
            tenant_id=scope.tenant,
            principal=scope.principal,
            route=scope.route,
            key=scope.key,
            fingerprint=known.fingerprint,
            subject_id=known.subject_id,
            expires_at=known.expires_at,
        )
        .on_conflict_do_nothing()
        .returning(idempotency_keys.c.key)
    )
    return row.first() is not None
