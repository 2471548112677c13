"""The sequencer's pass: what the audit log has gained is chained per tenant, after the fact and in one order.

Requests write their entries without looking at any chain, so that no tenant waits for its chain's head. An entry's
place is decided by the transaction that wrote it; only transactions older than every one under way are chained, so that
nothing can come to stand before what is chained already.
"""

from collections.abc import Iterator, Sequence
from typing import Any, Final
from uuid import UUID

from engine.store.audit_links import AuditRow, Link, link_after, read_entry
from engine.store.hot import HotConnection
from engine.store.statements import load

_SQL = load("audit_chain")
_LOCK: Final = "select pg_try_advisory_xact_lock(hashtext('maestro_audit_chain'))"
_NOWHERE: Final = (0, UUID(int=0))


async def extend(connection: HotConnection, limit: int) -> int:
    """Chain at most `limit` entries of all tenants, in one transaction. Returns how many were looked at.

    One sequencer works at a time: another one, elsewhere, looks at none.

    Raises:
        Unavailable: the database does not answer; either all of it was written, or nothing.
    """
    grown = await connection.fetch(_SQL["has_grown"])
    if grown and not grown[0]["has_grown"]:
        return 0
    async with connection.transaction(frozenset()) as raw:
        if not await raw.fetchval(_LOCK):
            return 0
        waiting = await raw.fetch(_SQL["waiting"], *await _position(raw), limit)
        if not waiting:
            return 0
        fresh = [read_entry(row) for row in waiting if not row["is_chained"]]
        tenants = sorted({entry.tenant for entry in fresh})
        heads = {row["tenant_id"]: row for row in await raw.fetch(_SQL["heads"], tenants)}
        links = list(_links(fresh, {tenant: _head(row) for tenant, row in heads.items()}))
        await raw.execute(_SQL["extend"], *_columns(links))
        await raw.execute(_SQL["move"], waiting[-1]["txid"], waiting[-1]["id"])
        return len(waiting)


async def _position(raw: Any) -> tuple[int, UUID]:
    """Where to go on. A database that was restored elsewhere counts transactions anew: then everything is looked at."""
    row = await raw.fetchrow(_SQL["position"])
    if row is None or row["txid"] >= await raw.fetchval(_SQL["newest"]):
        return _NOWHERE
    return row["txid"], row["entry_id"]


def _head(row: Any) -> Link:
    """As much of the newest link as the next one builds on."""
    return Link(row["tenant_id"], row["seq"], UUID(int=0), "", "", row["hash"])


def _links(entries: Sequence[AuditRow], heads: dict[str, Link]) -> Iterator[Link]:
    for entry in entries:
        heads[entry.tenant] = link_after(heads.get(entry.tenant), entry)
        yield heads[entry.tenant]


def _columns(links: Sequence[Link]) -> tuple[list[object], ...]:
    return (
        [link.tenant for link in links],
        [link.seq for link in links],
        [link.entry_id for link in links],
        [link.entry_hash for link in links],
        [link.previous_hash for link in links],
        [link.hash for link in links],
    )
