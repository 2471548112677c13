"""Published versions as their readers get them, and what changed between two of them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

from engine.definitions.changes import Diff
from engine.definitions.diff import comparable, compare
from engine.errors import NotFound
from engine.identity.actor import Actor
from engine.jsonvalue import Json, JsonObject
from engine.services.authority import Authority
from engine.services.facts import workflow_missing, workflow_resource
from engine.services.pages import Listing
from engine.services.published import Newest
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
from engine.store.windows import all_counted
from engine.store.workflows import WorkflowRow

DRAFT = "draft"
"""What the draft is called where a version is asked for."""
COMPARABLES_KEPT = 64
COMPARABLE_STEPS = 500
"""Definitions of more steps are normalised each time: they are rare, and would fill the memory."""


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
        """As REST answers it."""
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
        self._comparables = _Comparables()

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
            listed, _rows = await _listed(connection, actor.tenant, workflow_id, page)
        return listed

    async def diff(
        self, actor: Actor, workflow_id: UUID, from_version: str | None, to_version: str | None
    ) -> VersionComparison | None:
        """What changed from one version to another; `draft` names the draft.

        With neither given the two newest versions are compared, None where there are fewer. With one given the other
        is the newest version (for `to`) or the newest but `to` (for `from`).

        Raises:
            NotFound: no such workflow in the tenant, or no such version of it.
        """
        asked = _Asked(from_version, to_version)
        async with self._database.transaction(actor.tenant) as connection:
            draft = await _existing(connection, actor.tenant, workflow_id)
            material = await _material(connection, draft, asked, (), shows_newest=False)
        await self._permit(actor, draft)
        return self._compared(material, asked)

    async def overview(
        self, actor: Actor, workflow_id: UUID, page: PageRequest, from_version: str | None, to_version: str | None
    ) -> tuple[Slice[Version], VersionComparison | None]:
        """`versions` and `diff` of one moment, with one decision and one read of the workflow. Errors as for both."""
        asked = _Asked(from_version, to_version)
        async with self._database.transaction(actor.tenant) as connection:
            draft = await _existing(connection, actor.tenant, workflow_id)
            listed, rows = await _listed(connection, actor.tenant, workflow_id, page)
            shows_newest = not listed.has_previous and (len(rows) > 1 or not listed.has_next)
            material = await _material(connection, draft, asked, rows, shows_newest=shows_newest)
        await self._permit(actor, draft)
        return listed, self._compared(material, asked)

    async def _permitted(self, actor: Actor, workflow_id: UUID) -> None:
        async with self._database.transaction(actor.tenant) as connection:
            row = await _existing(connection, actor.tenant, workflow_id)
        await self._permit(actor, row)

    async def _permit(self, actor: Actor, draft: WorkflowRow) -> None:
        """Nothing of what was read is used, and no version is said to be missing, before this has passed."""
        await self._authority.permit(actor, "workflow.read", workflow_resource(draft))

    def _compared(self, material: "_Material", asked: "_Asked") -> VersionComparison | None:
        pair = material.pair(asked)
        if pair is None:
            return None
        older, newer = pair
        changes = compare(self._comparables.of(older), self._comparables.of(newer))
        return VersionComparison(older.name, newer.name, changes, material.affected)


@dataclass(frozen=True, slots=True)
class _Asked:
    """What is to be compared; None: not said."""

    from_version: str | None
    to_version: str | None

    @property
    def published(self) -> tuple[str, ...]:
        """The versions that it names."""
        return tuple(name for name in (self.from_version, self.to_version) if name is not None and name != DRAFT)

    @property
    def is_full(self) -> bool:
        """Both sides are named."""
        return self.from_version is not None and self.to_version is not None


@dataclass(frozen=True, slots=True)
class _Side:
    """One side of a comparison.

    Attributes:
        key: the definition under this key never changes.
    """

    name: str
    key: str
    definition: JsonObject


@dataclass(frozen=True, slots=True)
class _Material:
    """What was read for a comparison, to be worked on outside of the transaction.

    Attributes:
        found: published versions by number.
        newest: the two newest versions, unless both sides are named.
    """

    draft: WorkflowRow
    found: Mapping[str, VersionRow]
    newest: Sequence[VersionRow]
    affected: tuple[AffectedExecutions, ...]

    def pair(self, asked: _Asked) -> tuple[_Side, _Side] | None:
        """The two sides; None: there are not two.

        Raises:
            NotFound: a version that is named is not there.
        """
        older = None if asked.from_version is None else self._named(asked.from_version)
        newer = None if asked.to_version is None else self._named(asked.to_version)
        if newer is None and self.newest:
            newer = _side(self.newest[0])
        if older is None and newer is not None:
            others = [row for row in self.newest if row.version != newer.name]
            older = _side(others[0]) if others else None
        return None if older is None or newer is None else (older, newer)

    def _named(self, name: str) -> _Side:
        if name == DRAFT:
            return _Side(DRAFT, f"{self.draft.id}:{self.draft.revision}", self.draft.definition)
        row = self.found.get(name)
        if row is None:
            raise NotFound("version", name)
        return _side(row)


class _Comparables:
    """Definitions in the form that is compared, by what they are: of those used last, as long as they are not large."""

    def __init__(self) -> None:
        self._kept: Newest[str, JsonObject] = Newest(COMPARABLES_KEPT)

    def of(self, side: _Side) -> JsonObject:
        """The comparable form of a definition."""
        kept = self._kept.get(side.key)
        if kept is not None:
            return kept
        made = comparable(side.definition)
        steps = made.get("steps")
        if not isinstance(steps, list) or len(steps) <= COMPARABLE_STEPS:
            self._kept.put(side.key, made)
        return made


def _side(row: VersionRow) -> _Side:
    return _Side(row.version, row.content_hash, row.definition)


async def _existing(connection: Transaction, tenant: str, workflow_id: UUID) -> WorkflowRow:
    row = await workflows.find(connection, tenant, workflow_id)
    if row is None:
        raise workflow_missing(workflow_id)
    return row


async def _listed(
    connection: Transaction, tenant: str, workflow_id: UUID, page: PageRequest
) -> tuple[Slice[Version], tuple[VersionRow, ...]]:
    listing = Listing("versions", workflow_id, int)
    window = listing.window(page)
    rows, sequences, found = await versions.find_window(connection, tenant, workflow_id, window)
    total = None
    if page.count:
        total = all_counted(found) or await versions.count_all(connection, tenant, workflow_id)
    return listing.slice([version_of(row) for row in rows], sequences, found, total), rows


async def _material(
    connection: Transaction, draft: WorkflowRow, asked: _Asked, known: Sequence[VersionRow], *, shows_newest: bool
) -> _Material:
    """Read what a comparison needs and is not among the versions `known`, which may be those that are newest."""
    found = {row.version: row for row in known}
    missing = [name for name in asked.published if name not in found]
    if missing:
        found |= await versions.find_several(connection, draft.tenant, draft.id, missing)
    newest: Sequence[VersionRow] = ()
    if not asked.is_full:
        newest = known[:2] if shows_newest else await versions.find_newest(connection, draft.tenant, draft.id, 2)
    counted = await versions.count_unfinished(connection, draft.tenant, draft.id)
    return _Material(draft, found, newest, tuple(AffectedExecutions(version, number) for version, number in counted))


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
