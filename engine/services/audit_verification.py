"""Verifying the audit chain: every entry and every link is computed again and compared."""

from collections.abc import Iterator
from dataclasses import dataclass

from engine.store import audit as rows
from engine.store.audit_links import GENESIS, AuditRow, Link, entry_hash, link_hash
from engine.store.database import Database

READ_AT_ONCE = 1_000
UNCHAINED_LISTED = 1_000


@dataclass(frozen=True, slots=True)
class Head:
    """Where a chain stood: what an operator has written down elsewhere, to find a chain that was cut or made anew."""

    seq: int
    hash: str


@dataclass(frozen=True, slots=True)
class ChainReport:
    """What verifying one tenant's chain has found.

    Attributes:
        links: verified.
        head: of the chain; None: it is empty.
        waiting: entries that the sequencer has yet to chain.
        defects: everything that is not as it was written; empty: the chain holds.
    """

    tenant: str
    links: int
    head: Head | None
    waiting: int
    defects: tuple[str, ...]


async def tenants_with_entries(database: Database) -> tuple[str, ...]:
    """Tenants that have an audit log."""
    async with database.loop_transaction() as connection:
        return await rows.find_tenants(connection)


async def verify_chain(database: Database, tenant: str, known: Head | None = None) -> ChainReport:
    """Verify the chain of a tenant.

    1. Links are numbered from 1 without a gap.
    2. Each names the hash before it, and has the hash of its own members.
    3. Each has its entry, whose hash is the one that the link was made of.
    4. No entry stands where the sequencer has passed without a link.
    5. A head that was `known` before is still there.

    Args:
        database: whose.
        tenant: whose chain.
        known: a head from an earlier report, kept elsewhere.
    """
    defects: list[str] = []
    newest: Head | None = None
    found_known = known is None
    while True:
        async with database.loop_transaction() as connection:
            part = await rows.find_links(connection, tenant, newest.seq if newest else 0, READ_AT_ONCE)
        for link, entry in part:
            defects.extend(_defects(newest, link, entry))
            newest = Head(link.seq, link.hash)
            found_known = found_known or newest == known
        if len(part) < READ_AT_ONCE:
            break
    async with database.loop_transaction() as connection:
        unchained = await rows.find_unchained(connection, tenant, UNCHAINED_LISTED)
    passed_by = [entry_id for entry_id, passed in unchained if passed]
    defects.extend(f"Entry {entry_id} is in no link: it was added past the sequencer." for entry_id in passed_by)
    if known is not None and not found_known:
        defects.append(f"Link {known.seq} with the hash {known.hash} is not in the chain: it was cut or made anew.")
    waiting = len(unchained) - len(passed_by)
    return ChainReport(tenant, newest.seq if newest else 0, newest, waiting, tuple(defects))


def _defects(before: Head | None, link: Link, entry: AuditRow | None) -> Iterator[str]:
    expected = 1 if before is None else before.seq + 1
    if link.seq != expected:
        yield f"Link {expected} is missing: the next one is {link.seq}."
    elif link.previous_hash != (GENESIS if before is None else before.hash):
        yield f"Link {link.seq} does not follow the one before it."
    if link.hash != link_hash(link.tenant, link.seq, link.previous_hash, link.entry_hash):
        yield f"Link {link.seq} was changed: its hash is not that of its members."
    if entry is None:
        yield f"Link {link.seq} has lost its entry {link.entry_id}."
    elif entry_hash(entry) != link.entry_hash:
        yield f"Entry {entry.id} (link {link.seq}) was changed after it was chained."
