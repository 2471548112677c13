"""Published versions as their readers get them, and what changed between two of them."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from engine.definitions.changes import Diff
from engine.definitions.diff import diff
from engine.errors import NotFound
from engine.identity.actor import Actor
from engine.jsonvalue import Json, JsonObject
from engine.services.authority import Authority
from engine.services.facts import workflow_missing, workflow_resource
from engine.services.pages import Listing
from engine.services.values import (
    AffectedExecutions,
    PageRequest,
    Provenance,
    ProvenanceStatus,
    Slice,
    Version,
)
from engine.store import versions, workflows
from engine.store.database import Database, Transaction
from engine.store.versions import VersionRow
from engine.store.workflows import WorkflowRow

DRAFT = "draft"
"""What the draft is called where a version is asked for."""


@dataclass(frozen=True, slots=True)
class VersionComparison:
    """What changed from one version (or the draft) to another.

    Attributes:
        affected: unfinished executions, per version that has any.
    """

    from_version: str
    to_version: str
    changes: Diff
    affected: tuple[AffectedExecutions, ...]

    def as_json(self) -> JsonObject:
        """As REST answers it (names.md, "Objects over REST")."""
        affected: list[Json] = [{"version": one.version, "count": one.count} for one in self.affected]
        return {
            "from": self.from_version,
            "to": self.to_version,
            **self.changes.as_json(),
            "affectedExecutions": affected,
        }


class VersionReads:
    """Reads versions within the actor's tenant."""

    def __init__(self, database: Database, authority: Authority) -> None:
        self._database = database
        self._authority = authority

    async def version(self, actor: Actor, workflow_id: UUID, version: str) -> Version:
        """One published version.

        Raises:
            NotFound: no such workflow in the tenant, or no such version of it.
        """
        await self._permitted(actor, workflow_id)
        async with self._database.transaction(actor.tenant) as connection:
            row = await versions.find(connection, actor.tenant, workflow_id, version)
        if row is None:
            raise NotFound("version", version)
        return version_of(row)

    async def versions(self, actor: Actor, workflow_id: UUID, page: PageRequest) -> Slice[Version]:
        """Published versions, newest first.

        Raises:
            NotFound: no such workflow in the tenant.
            MalformedRequest: a limit, page or cursor that does not fit.
        """
        await self._permitted(actor, workflow_id)
        async with self._database.transaction(actor.tenant) as connection:
            return await _listed(connection, actor.tenant, workflow_id, page)

    async def diff(
        self, actor: Actor, workflow_id: UUID, from_version: str | None, to_version: str | None
    ) -> VersionComparison | None:
        """What changed from one version to another; `draft` names the draft.

        With neither given the two newest versions are compared, None where there are fewer. With one given the other
        is the newest version (for `to`) or the newest but `to` (for `from`).

        Raises:
            NotFound: no such workflow in the tenant, or no such version of it.
        """
        draft = await self._permitted(actor, workflow_id)
        async with self._database.transaction(actor.tenant) as connection:
            compared = await _compared(connection, draft, from_version, to_version)
        return None if compared is None else compared.worked_out()

    async def overview(
        self, actor: Actor, workflow_id: UUID, page: PageRequest, from_version: str | None, to_version: str | None
    ) -> tuple[Slice[Version], VersionComparison | None]:
        """`versions` and `diff` of one moment, with one decision and one read of the workflow. Errors as for both."""
        draft = await self._permitted(actor, workflow_id)
        async with self._database.transaction(actor.tenant) as connection:
            listed = await _listed(connection, actor.tenant, workflow_id, page)
            compared = await _compared(connection, draft, from_version, to_version)
        return listed, None if compared is None else compared.worked_out()

    async def _permitted(self, actor: Actor, workflow_id: UUID) -> WorkflowRow:
        async with self._database.transaction(actor.tenant) as connection:
            row = await workflows.find(connection, actor.tenant, workflow_id)
        if row is None:
            raise workflow_missing(workflow_id)
        await self._authority.permit(actor, "workflow.read", workflow_resource(row))
        return row


Named = tuple[str, JsonObject]
"""What a definition is called in the comparison, and the definition."""


@dataclass(frozen=True, slots=True)
class _Compared:
    """Two definitions as they were read, to be compared outside of the transaction."""

    older: Named
    newer: Named
    affected: tuple[AffectedExecutions, ...]

    def worked_out(self) -> VersionComparison:
        changes = diff(self.older[1], self.newer[1])
        return VersionComparison(self.older[0], self.newer[0], changes, self.affected)


async def _listed(connection: Transaction, tenant: str, workflow_id: UUID, page: PageRequest) -> Slice[Version]:
    listing = Listing("versions", workflow_id, int)
    window = listing.window(page)
    rows, sequences, found = await versions.find_window(connection, tenant, workflow_id, window)
    total = await versions.count_all(connection, tenant, workflow_id) if page.count else None
    return listing.slice([version_of(row) for row in rows], sequences, found, total)


async def _compared(
    connection: Transaction, draft: WorkflowRow, from_version: str | None, to_version: str | None
) -> _Compared | None:
    pair = await _pair(connection, draft, from_version, to_version)
    if pair is None:
        return None
    counted = await versions.count_unfinished(connection, draft.tenant, draft.id)
    return _Compared(*pair, tuple(AffectedExecutions(version, number) for version, number in counted))


async def _pair(
    connection: Transaction, draft: WorkflowRow, from_version: str | None, to_version: str | None
) -> tuple[Named, Named] | None:
    """The two definitions to compare; None: there are not two."""
    if from_version is not None and to_version is not None:
        asked = [name for name in (from_version, to_version) if name != DRAFT]
        found = await versions.find_several(connection, draft.tenant, draft.id, asked)
        return _named(draft, from_version, found), _named(draft, to_version, found)
    newest = await versions.find_newest(connection, draft.tenant, draft.id, 2)
    if to_version is not None:
        return await _towards(connection, draft, to_version, newest)
    if from_version is not None:
        found = await versions.find_several(connection, draft.tenant, draft.id, [from_version])
        older = _named(draft, from_version, found)
        return None if not newest else (older, (newest[0].version, newest[0].definition))
    if len(newest) < 2:
        return None
    return (newest[1].version, newest[1].definition), (newest[0].version, newest[0].definition)


async def _towards(
    connection: Transaction, draft: WorkflowRow, to_version: str, newest: Sequence[VersionRow]
) -> tuple[Named, Named] | None:
    """A version or the draft, compared with the newest version that is another one."""
    found = await versions.find_several(connection, draft.tenant, draft.id, [to_version])
    newer = _named(draft, to_version, found)
    others = [row for row in newest if row.version != to_version]
    return None if not others else ((others[0].version, others[0].definition), newer)


def _named(draft: WorkflowRow, name: str, found: dict[str, VersionRow]) -> Named:
    if name == DRAFT:
        return DRAFT, draft.definition
    row = found.get(name)
    if row is None:
        raise NotFound("version", name)
    return name, row.definition


def version_of(row: VersionRow) -> Version:
    """A version as its readers get it."""
    return Version(
        workflow_id=row.workflow_id,
        version=row.version,
        content_hash=row.content_hash,
        definition=row.definition,
        change_summary=row.change_summary,
        created_by=row.published_by,
        created_at=row.published_at,
        previous_version=row.previous_version,
        manifest=row.manifest,
        provenance=Provenance(ProvenanceStatus(row.provenance), row.log_index, row.leaf_hash, row.proof),
    )
