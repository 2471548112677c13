"""The audit log as its readers see it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Row, Select, Text, cast, select
from sqlalchemy.ext.asyncio import AsyncConnection

from engine.store.audit_links import AuditRow, Link, read_entry
from engine.store.tables.governance import audit_chain, audit_entries, audit_positions
from engine.store.windows import Count, Found, Window, count, look

_A = audit_entries.c
_H = audit_chain.c
_ENTRY = [*(column for column in _A if column.name not in {"details", "txid"}), cast(_A.details, Text).label("details")]


@dataclass(frozen=True, slots=True)
class AuditConditions:
    """Which entries a list has; None does not filter. `since` belongs to it, `until` does not."""

    actor: str | None = None
    action: str | None = None
    resource_type: str | None = None
    resource_id: str | None = None
    decision_id: UUID | None = None
    request_id: str | None = None
    since: datetime | None = None
    until: datetime | None = None


@dataclass(frozen=True, slots=True)
class ChainedRow:
    """An entry and its place in the chain; None: it was not chained yet."""

    entry: AuditRow
    seq: int | None
    hash: str | None


async def find_window(
    connection: AsyncConnection, tenant: str, wanted: AuditConditions, window: Window
) -> tuple[tuple[ChainedRow, ...], Found]:
    """Entries of one window, newest first."""
    found = await look(connection, _chained(tenant, wanted), _A.id, window)
    return tuple(_read(row) for row in found.rows), found


async def count_all(connection: AsyncConnection, tenant: str, wanted: AuditConditions) -> Count:
    """How many entries the list has."""
    return await count(connection, _filtered(select(_A.id), tenant, wanted))


async def find_after(
    connection: AsyncConnection, tenant: str, wanted: AuditConditions, after: UUID | None, limit: int
) -> tuple[ChainedRow, ...]:
    """Entries behind an id, oldest first, at most `limit`: an export goes on with the last id that it was given."""
    statement = _chained(tenant, wanted).order_by(_A.id).limit(limit)
    if after is not None:
        statement = statement.where(_A.id > after)
    return tuple(_read(row) for row in await connection.execute(statement))


async def find_tenants(connection: AsyncConnection) -> tuple[str, ...]:
    """Tenants that have entries; for loops only."""
    rows = await connection.execute(select(_A.tenant_id).distinct().order_by(_A.tenant_id))
    return tuple(row.tenant_id for row in rows)


async def find_links(
    connection: AsyncConnection, tenant: str, after_seq: int, limit: int
) -> tuple[tuple[Link, AuditRow | None], ...]:
    """Links behind a number with their entries, in order; no entry: it is gone."""
    statement = (
        select(*_H, *(column.label(f"its_{column.name}") for column in _ENTRY))
        .outerjoin_from(audit_chain, audit_entries, (_A.tenant_id == _H.tenant_id) & (_A.id == _H.entry_id))
        .where(_H.tenant_id == tenant, _H.seq > after_seq)
        .order_by(_H.seq)
        .limit(limit)
    )
    return tuple((_link(row), _entry_of(row)) for row in await connection.execute(statement))


async def find_unchained(connection: AsyncConnection, tenant: str, limit: int) -> tuple[tuple[UUID, bool], ...]:
    """Entries that no chain holds, with whether the sequencer has passed them by: it will never chain those."""
    chained = select(_H.entry_id).where(_H.tenant_id == _A.tenant_id, _H.entry_id == _A.id).exists()
    statement = (
        select(_A.id, _A.txid, audit_positions.c.txid.label("at_txid"), audit_positions.c.entry_id.label("at_id"))
        .outerjoin_from(audit_entries, audit_positions, audit_positions.c.tenant_id == "*")
        .where(_A.tenant_id == tenant, ~chained)
        .order_by(_A.id)
        .limit(limit)
    )
    rows = await connection.execute(statement)
    return tuple((row.id, row.at_txid is not None and (row.txid, row.id) <= (row.at_txid, row.at_id)) for row in rows)


def _chained(tenant: str, wanted: AuditConditions) -> Select[Any]:
    statement = select(*_ENTRY, _H.seq, _H.hash).outerjoin_from(
        audit_entries, audit_chain, (_H.tenant_id == _A.tenant_id) & (_H.entry_id == _A.id)
    )
    return _filtered(statement, tenant, wanted)


def _filtered(statement: Select[Any], tenant: str, wanted: AuditConditions) -> Select[Any]:
    statement = statement.where(_A.tenant_id == tenant)
    equal: Sequence[tuple[Any, object]] = (
        (_A.actor, wanted.actor),
        (_A.action, wanted.action),
        (_A.resource_type, wanted.resource_type),
        (_A.resource_id, wanted.resource_id),
        (_A.decision_id, wanted.decision_id),
        (_A.request_id, wanted.request_id),
    )
    for column, value in equal:
        if value is not None:
            statement = statement.where(column == value)
    if wanted.since is not None:
        statement = statement.where(_A.at >= wanted.since)
    if wanted.until is not None:
        statement = statement.where(_A.at < wanted.until)
    return statement


def _read(row: Row[Any]) -> ChainedRow:
    return ChainedRow(read_entry(_columns(row)), row.seq, row.hash)


def _link(row: Row[Any]) -> Link:
    return Link(row.tenant_id, row.seq, row.entry_id, row.entry_hash, row.previous_hash, row.hash)


def _entry_of(row: Row[Any]) -> AuditRow | None:
    columns = _columns(row)
    if columns["its_tenant_id"] is None:
        return None
    return read_entry({column.name: columns[f"its_{column.name}"] for column in _ENTRY})


def _columns(row: Row[Any]) -> dict[str, object]:
    # `_mapping` is public, says SQLAlchemy's documentation.
    return {str(name): value for name, value in row._mapping.items()}  # noqa: SLF001
