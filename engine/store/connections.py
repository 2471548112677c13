"""Rows of connections: open settings in clear, secrets only as ciphertext."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Row, Select, delete, func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from engine.jsonvalue import JsonObject
from engine.store.tables.governance import connections
from engine.store.windows import Count, Found, Window, count, look

_C = connections.c
_COLUMNS: tuple[ColumnElement[Any], ...] = (
    _C.name,
    _C.kind,
    _C.settings,
    _C.secret_names,
    _C.key_id,
    _C.nonce,
    _C.ciphertext,
    _C.revision,
    _C.created_by,
    _C.created_at,
    _C.updated_at,
)
MOST = 1_000
"""Connections of a tenant: names that its steps refer to, not data that grows with its work."""


@dataclass(frozen=True, slots=True)
class ConnectionContent:
    """What is stored of a connection. The last three are set together, or none where there are no secrets."""

    kind: str
    settings: JsonObject
    secret_names: tuple[str, ...]
    key_id: str | None
    nonce: bytes | None
    ciphertext: bytes | None


@dataclass(frozen=True, slots=True)
class ConnectionRow:
    """A connection as it is stored."""

    name: str
    content: ConnectionContent
    revision: int
    created_by: str
    created_at: datetime
    updated_at: datetime


async def find(connection: AsyncConnection, tenant: str, name: str, *, lock: bool = False) -> ConnectionRow | None:
    """The connection of this name; locked until the transaction ends where it is about to be changed."""
    statement = _all(tenant).where(_C.name == name)
    row = (await connection.execute(statement.with_for_update() if lock else statement)).one_or_none()
    return None if row is None else _row(row)


async def find_window(
    connection: AsyncConnection, tenant: str, window: Window
) -> tuple[tuple[ConnectionRow, ...], Found]:
    """Connections of one window, by name."""
    found = await look(connection, _all(tenant), _C.name, window, ascending=True)
    return tuple(_row(row) for row in found.rows), found


async def count_all(connection: AsyncConnection, tenant: str) -> Count:
    """How many connections the tenant has."""
    return await count(connection, _all(tenant))


async def is_full(connection: AsyncConnection, tenant: str) -> bool:
    """Whether the tenant has all the connections that it may have. Who asks at the same time waits for this one."""
    await connection.execute(select(func.pg_advisory_xact_lock(func.hashtext(f"maestro_connections:{tenant}"))))
    return (await count_all(connection, tenant)).rows >= MOST


async def add(
    connection: AsyncConnection, tenant: str, name: str, content: ConnectionContent, author: str
) -> ConnectionRow:
    """Store a new connection.

    Raises:
        ConstraintViolated: the name is taken.
    """
    statement = (
        insert(connections)
        .values(tenant_id=tenant, name=name, created_by=author, updated_by=author, **_values(content))
        .returning(*_COLUMNS)
    )
    return _row((await connection.execute(statement)).one())


async def replace(
    connection: AsyncConnection, tenant: str, name: str, content: ConnectionContent, author: str
) -> ConnectionRow | None:
    """Store a connection's next revision; None when it is gone."""
    statement = (
        update(connections)
        .where(_C.tenant_id == tenant, _C.name == name)
        .values(revision=_C.revision + 1, updated_by=author, updated_at=func.now(), **_values(content))
        .returning(*_COLUMNS)
    )
    row = (await connection.execute(statement)).one_or_none()
    return None if row is None else _row(row)


async def reseal(connection: AsyncConnection, tenant: str, name: str, content: ConnectionContent) -> None:
    """Store the same secrets under another key; the revision stays, since nothing has changed for those who use it."""
    values = {"key_id": content.key_id, "nonce": content.nonce, "ciphertext": content.ciphertext}
    await connection.execute(update(connections).where(_C.tenant_id == tenant, _C.name == name).values(**values))


async def remove(connection: AsyncConnection, tenant: str, name: str) -> bool:
    """Delete a connection; False when it was gone already."""
    statement = delete(connections).where(_C.tenant_id == tenant, _C.name == name).returning(_C.name)
    return (await connection.execute(statement)).one_or_none() is not None


def _all(tenant: str) -> Select[Any]:
    return select(*_COLUMNS).where(_C.tenant_id == tenant)


def _values(content: ConnectionContent) -> dict[str, object]:
    return {
        "kind": content.kind,
        "settings": content.settings,
        "secret_names": list(content.secret_names),
        "key_id": content.key_id,
        "nonce": content.nonce,
        "ciphertext": content.ciphertext,
    }


def _row(row: Row[Any]) -> ConnectionRow:
    content = ConnectionContent(
        kind=row.kind,
        settings=row.settings,
        secret_names=tuple(row.secret_names),
        key_id=row.key_id,
        nonce=row.nonce,
        ciphertext=row.ciphertext,
    )
    return ConnectionRow(row.name, content, row.revision, row.created_by, row.created_at, row.updated_at)
