"""Callbacks: addresses to which events are sent, with sealed secrets."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Row, delete, func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from engine.store.tables.delivery import callbacks

_C = callbacks.c
MAX_LISTED = 200


@dataclass(frozen=True, slots=True)
class CallbackRow:
    """A callback as it is stored. Sealed: all of its secrets together."""

    tenant: str
    id: UUID
    url: str
    event_types: tuple[str, ...]
    workflow_id: UUID | None
    key_id: str
    nonce: bytes
    ciphertext: bytes
    created_by: str
    status: str = "active"
    disabled_reason: str = ""
    created_at: datetime | None = None


async def add(connection: AsyncConnection, row: CallbackRow) -> CallbackRow:
    """Store a new callback."""
    statement = (
        insert(callbacks)
        .values(
            tenant_id=row.tenant,
            id=row.id,
            url=row.url,
            event_types=list(row.event_types),
            workflow_id=row.workflow_id,
            key_id=row.key_id,
            nonce=row.nonce,
            ciphertext=row.ciphertext,
            created_by=row.created_by,
        )
        .returning(*_C)
    )
    return _read((await connection.execute(statement)).one())


async def find(
    connection: AsyncConnection, tenant: str, callback_id: UUID, *, lock: bool = False
) -> CallbackRow | None:
    """One callback; locked where it is about to be changed."""
    statement = select(*_C).where(_C.tenant_id == tenant, _C.id == callback_id)
    row = (await connection.execute(statement.with_for_update() if lock else statement)).one_or_none()
    return None if row is None else _read(row)


async def find_all(connection: AsyncConnection, tenant: str) -> Sequence[CallbackRow]:
    """All of a tenant's, newest first, at most `MAX_LISTED`."""
    statement = select(*_C).where(_C.tenant_id == tenant).order_by(_C.id.desc()).limit(MAX_LISTED)
    return tuple(_read(row) for row in await connection.execute(statement))


async def count(connection: AsyncConnection, tenant: str) -> int:
    """How many the tenant has."""
    return (await connection.execute(select(func.count()).where(_C.tenant_id == tenant))).scalar_one()


async def reseal(
    connection: AsyncConnection, tenant: str, callback_id: UUID, key_id: str, nonce: bytes, ciphertext: bytes
) -> None:
    """Store its secrets anew."""
    values = {"key_id": key_id, "nonce": nonce, "ciphertext": ciphertext}
    await connection.execute(update(callbacks).where(_C.tenant_id == tenant, _C.id == callback_id).values(**values))


async def remove(connection: AsyncConnection, tenant: str, callback_id: UUID) -> bool:
    """Delete a callback with all that waits for it; False: it was gone already."""
    statement = delete(callbacks).where(_C.tenant_id == tenant, _C.id == callback_id).returning(_C.id)
    return (await connection.execute(statement)).one_or_none() is not None


def _read(row: Row[Any]) -> CallbackRow:
    return CallbackRow(
        tenant=row.tenant_id,
        id=row.id,
        url=row.url,
        event_types=tuple(row.event_types),
        workflow_id=row.workflow_id,
        key_id=row.key_id,
        nonce=bytes(row.nonce),
        ciphertext=bytes(row.ciphertext),
        created_by=row.created_by,
        status=row.status,
        disabled_reason=row.disabled_reason,
        created_at=row.created_at,
    )
