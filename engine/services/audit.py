"""Use cases of the audit log: reading it and exporting it."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import datetime
from typing import TypeAlias
from uuid import UUID

from engine.errors import MalformedRequest
from engine.identity.actor import Actor
from engine.jsonvalue import Json, loads
from engine.policy.gate import Resource
from engine.services.authority import Authority
from engine.services.pages import Listing
from engine.services.values import PageRequest, Slice
from engine.store import audit as rows
from engine.store.audit import AuditConditions, ChainedRow
from engine.store.database import Database

READ = "audit.read"
EXPORTED_AT_ONCE = 1_000


AuditFilter: TypeAlias = AuditConditions
"""Which entries; what the store is asked for is what callers may ask for."""


@dataclass(frozen=True, slots=True)
class AuditEntryView:
    """Who did what, on what, when, and why that was allowed.

    Attributes:
        before_hash: digest of the state before; None: there was none.
        after_hash: digest of the state after; None: there is none.
        seq: its number in the tenant's chain; None: it is so young that it was not chained yet.
        hash: of its link in the chain.
    """

    id: UUID
    at: datetime
    actor: str
    on_behalf_of: str | None
    action: str
    resource_type: str
    resource_id: str
    before_hash: str | None
    after_hash: str | None
    decision_id: UUID | None
    request_id: str
    source: str
    details: Json
    seq: int | None
    hash: str | None


class Audit:
    """Reads the audit log of the actor's tenant. All raise `Denied` where policy refuses, and `Unavailable`."""

    def __init__(self, database: Database, authority: Authority) -> None:
        self._database = database
        self._authority = authority

    async def list(self, actor: Actor, wanted: AuditFilter, page: PageRequest) -> Slice[AuditEntryView]:
        """Entries, newest first.

        Raises:
            MalformedRequest: a limit, page or cursor that does not fit.
        """
        await self._permit(actor, wanted)
        listing = Listing("audit", wanted)
        window = listing.window(page)
        async with self._database.transaction(actor.tenant) as connection:
            items, found = await rows.find_window(connection, actor.tenant, wanted, window)
            total = await rows.count_all(connection, actor.tenant, wanted) if page.count else None
        return listing.slice([_view(row) for row in items], [row.entry.id for row in items], found, total)

    async def export(self, actor: Actor, wanted: AuditFilter) -> AsyncIterator[AuditEntryView]:
        """All entries, oldest first, read in parts. Permission is asked before this returns."""
        await self._permit(actor, wanted)
        return self._exported(actor.tenant, wanted)

    async def _exported(self, tenant: str, wanted: AuditFilter) -> AsyncIterator[AuditEntryView]:
        after: UUID | None = None
        while True:
            async with self._database.transaction(tenant) as connection:
                found = await rows.find_after(connection, tenant, wanted, after, EXPORTED_AT_ONCE)
            for row in found:
                yield _view(row)
            if len(found) < EXPORTED_AT_ONCE:
                return
            after = found[-1].entry.id

    async def _permit(self, actor: Actor, wanted: AuditFilter) -> None:
        await self._authority.permit(actor, READ, Resource("audit", None))
        if wanted.since is not None and wanted.until is not None and wanted.since >= wanted.until:
            raise MalformedRequest("'from' lies behind 'to'.", code="request.bad_parameter")


def _view(row: ChainedRow) -> AuditEntryView:
    entry = row.entry
    return AuditEntryView(
        id=entry.id,
        at=entry.at,
        actor=entry.actor,
        on_behalf_of=entry.on_behalf_of,
        action=entry.action,
        resource_type=entry.resource_type,
        resource_id=entry.resource_id,
        before_hash=entry.before_hash,
        after_hash=entry.after_hash,
        decision_id=entry.decision_id,
        request_id=entry.request_id,
        source=entry.source,
        details=None if entry.details is None else loads(entry.details),
        seq=row.seq,
        hash=row.hash,
    )
