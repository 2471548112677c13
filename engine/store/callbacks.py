"""Callbacks: addresses to which events are sent, with sealed secrets."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Row, Select, delete, func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from engine.store.tables.delivery import callbacks
from engine.store.windows import Count, Found, Window, count, look

_C = callbacks.c
MOST = 200
"""Callbacks of a tenant: each event of the tenant is weighed against every one of them."""


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
    statement = _all(tenant).where(_C.id == callback_id)
    row = (await connection.execute(statement.with_for_update() if lock else statement)).one_or_none()
    return None if row is None else _read(row)


async def find_window(
    connection: AsyncConnection, tenant: str, window: Window
) -> tuple[tuple[CallbackRow, ...], Found]:
    """Callbacks of one window, newest first."""
    found = await look(connection, _all(tenant), _C.id, window)
    return tuple(_read(row) for row in found.rows), found


async def count_all(connection: AsyncConnection, tenant: str) -> Count:
    """How many the tenant has."""
    return await count(connection, _all(tenant))


async def is_full(connection: AsyncConnection, tenant: str) -> bool:
    """Whether the tenant has all the callbacks that it may have. Who asks at the same time waits for this one."""
    await connection.execute(select(func.pg_advisory_xact_lock(func.hashtext(f"maestro_callbacks:{tenant}"))))
    return (await count_all(connection, tenant)).rows >= MOST


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


def _all(tenant: str) -> Select[Any]:
    return select(*_C).where(_C.tenant_id == tenant)


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
