"""Use cases of the audit log: reading it, exporting it, and verifying its chain."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import datetime
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


@dataclass(frozen=True, slots=True)
class AuditFilter:
    """Which entries; members that are None do not filter. `since` belongs to it, `until` does not."""

    actor: str | None = None
    action: str | None = None
    resource_type: str | None = None
    resource_id: str | None = None
    decision_id: UUID | None = None
    request_id: str | None = None
    since: datetime | None = None
    until: datetime | None = None


@dataclass(frozen=True, slots=True)
class AuditEntryView:
    """Who did what, on what, when, and why he was allowed to.

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
        conditions = await self._permitted(actor, wanted)
        listing = Listing("audit", wanted)
        window = listing.window(page)
        async with self._database.transaction(actor.tenant) as connection:
            items, found = await rows.find_window(connection, actor.tenant, conditions, window)
            total = await rows.count_all(connection, actor.tenant, conditions) if page.count else None
        return listing.slice([_view(row) for row in items], [row.entry.id for row in items], found, total)

    async def export(self, actor: Actor, wanted: AuditFilter) -> AsyncIterator[AuditEntryView]:
        """All entries, oldest first, read in parts. Permission is asked before this returns."""
        conditions = await self._permitted(actor, wanted)
        return self._exported(actor.tenant, conditions)

    async def _exported(self, tenant: str, conditions: AuditConditions) -> AsyncIterator[AuditEntryView]:
        after: UUID | None = None
        while True:
            async with self._database.transaction(tenant) as connection:
                found = await rows.find_after(connection, tenant, conditions, after, EXPORTED_AT_ONCE)
            for row in found:
                yield _view(row)
            if len(found) < EXPORTED_AT_ONCE:
                return
            after = found[-1].entry.id

    async def _permitted(self, actor: Actor, wanted: AuditFilter) -> AuditConditions:
        await self._authority.permit(actor, READ, Resource("audit", None))
        if wanted.since is not None and wanted.until is not None and wanted.since >= wanted.until:
            raise MalformedRequest("'from' lies behind 'to'.", code="request.bad_parameter")
        return AuditConditions(
            wanted.actor,
            wanted.action,
            wanted.resource_type,
            wanted.resource_id,
            wanted.decision_id,
            wanted.request_id,
            wanted.since,
            wanted.until,
        )


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
