"""Use cases of workflows: drafts and their edits; publishing and versions stand beside it."""

from collections.abc import Awaitable, Callable, Sequence
from uuid import UUID

from engine.clock import Clock
from engine.errors import Conflict, Fault, StaleRevision
from engine.identity.actor import Actor
from engine.ids import IdFactory
from engine.jsonvalue import Json
from engine.policy.gate import Resource
from engine.services.authority import Authority, Change
from engine.services.contents import claims_of, contents_of
from engine.services.documents import Documents
from engine.services.facts import workflow_hash, workflow_missing, workflow_resource
from engine.services.keys import check_match, new_key, scope_of
from engine.services.pages import Listing
from engine.services.permits import Permit
from engine.services.publishing import Publishing
from engine.services.requests import PublishRequest, Unreadable, readable
from engine.services.schedule_sync import ScheduleSync
from engine.services.values import PageRequest, Slice, Version, Workflow, WorkflowFilter, WorkflowStatus
from engine.services.version_reads import VersionComparison, VersionReads
from engine.services.visibility import hidden_by
from engine.store import versions as version_rows
from engine.store import workflows as rows
from engine.store.database import Database, Transaction
from engine.store.governance import claim_key, find_key
from engine.store.workflows import DraftContent, WorkflowConditions, WorkflowRow

CREATE_ROUTE = "workflow.create"
Beside = Callable[[Transaction], Awaitable[None]]
"""Something to be written in the transaction of a new draft, and only with it."""
LOST_RACES = 5
"""How often an edit without an expected revision is put on top of others' before the caller hears of it."""


class Workflows:
    """What callers do with workflows. Every method acts within the actor's tenant.

    All raise `NotFound` for what is not in the tenant, `Denied` where policy refuses, and `Unavailable`.
    """

    def __init__(
        self,
        database: Database,
        authority: Authority,
        documents: Documents,
        sync: ScheduleSync,
        clock: Clock,
        new_id: IdFactory,
    ) -> None:
        self._database = database
        self._authority = authority
        self._documents = documents
        self._sync = sync
        self._clock = clock
        self._new_id = new_id
        self._publishing = Publishing(database, authority, documents, sync, clock, new_id)
        self._reads = VersionReads(database, authority)

    async def create(self, actor: Actor, definition: Json | Unreadable, idempotency_key: str | None = None) -> Workflow:
        """Store a new draft; the same key and document give the same workflow.

        Raises:
            ValidationFailed: the document has faults, all of them named.
            IdempotencyMismatch: the key was used with another document.
        """
        resource = Resource("workflow", None, claims_of(definition))
        permit = await self._authority.permit(actor, "workflow.create", resource)
        return await self.create_permitted(permit, readable(definition), idempotency_key, CREATE_ROUTE)

    async def create_permitted(
        self,
        permit: Permit,
        definition: Json,
        idempotency_key: str | None,
        route: str,
        beside: Beside | None = None,
    ) -> Workflow:
        """Store a new draft under a permission that was given for it; `beside` is done in the same transaction."""
        actor = permit.actor
        scope = None if idempotency_key is None else scope_of(actor, route, idempotency_key)
        if scope is not None:
            async with self._database.transaction(actor.tenant) as connection:
                known = await find_key(connection, scope)
            if known is not None and known.expires_at > self._clock.now():
                check_match(known, definition)
                return await self.get(actor, known.subject_id)
        content = (await self._documents.draft(actor.tenant, None, definition)).content
        workflow_id = self._new_id()
        async with self._database.transaction(actor.tenant) as connection:
            if scope is not None:
                key = new_key(self._clock, definition, workflow_id)
                known = await claim_key(connection, scope, key, self._clock.now())
                if known is not None:
                    check_match(known, definition)
                    return workflow_of(await _existing(connection, actor, known.subject_id))
            row = await rows.add(connection, actor.tenant, workflow_id, content, actor.subject)
            change = Change("workflow", str(row.id), None, workflow_hash(row))
            await self._authority.record(connection, permit, [change])
            if beside is not None:
                await beside(connection)
        return workflow_of(row)

    async def validate(self, actor: Actor, definition: Json | Unreadable) -> tuple[Fault, ...]:
        """All faults of a document; nothing is stored."""
        await self._authority.permit(actor, "workflow.validate", Resource("workflow", None))
        return await self._documents.faults(actor.tenant, None, readable(definition))

    async def get(self, actor: Actor, workflow_id: UUID) -> Workflow:
        """One workflow, archived ones too."""
        row = await self._found(actor, workflow_id)
        await self._authority.permit(actor, "workflow.read", workflow_resource(row))
        return workflow_of(row)

    async def get_many(self, actor: Actor, workflow_ids: Sequence[UUID]) -> dict[UUID, Workflow]:
        """Those of the ids that are in the tenant and that the actor may see, in one query."""
        permit = await self._authority.permit(actor, "workflow.read", Resource("workflow", None))
        async with self._database.transaction(actor.tenant) as connection:
            found = await rows.find_many(connection, actor.tenant, workflow_ids, hidden_by(permit))
        return {row.id: workflow_of(row) for row in found}

    async def list(self, actor: Actor, wanted: WorkflowFilter, page: PageRequest) -> Slice[Workflow]:
        """Workflows, newest first; archived ones only where the filter asks for them.

        Raises:
            MalformedRequest: a limit, page or cursor that does not fit.
        """
        permit = await self._authority.permit(actor, "workflow.read", Resource("workflow", None))
        listing = Listing("workflows", wanted)
        window = listing.window(page)
        conditions = WorkflowConditions(wanted.search, wanted.is_active, wanted.status, hidden_by(permit))
        async with self._database.transaction(actor.tenant) as connection:
            items, found = await rows.find_window(connection, actor.tenant, conditions, window)
            total = await rows.count_all(connection, actor.tenant, conditions) if page.count else None
        return listing.slice([workflow_of(row) for row in items], [row.id for row in items], found, total)

    async def update(
        self, actor: Actor, workflow_id: UUID, definition: Json | Unreadable, expected_revision: int | None = None
    ) -> Workflow:
        """Replace the draft. Published versions stay as they are.

        Args:
            actor: who asks.
            workflow_id: whose draft.
            definition: the whole document; members that the server sets may be sent back as they were read.
            expected_revision: that of `If-Match`; the document's own `revision` counts as well.

        Raises:
            StaleRevision: the draft is at another revision; nothing was written.
            Conflict: the workflow is archived (`workflow.archived`).
            ValidationFailed: the document has faults.
        """
        for _ in range(LOST_RACES):
            row = await self._found(actor, workflow_id)
            resource = workflow_resource(row, contents_of(definition))
            permit = await self._authority.permit(actor, "workflow.update", resource)
            definition = readable(definition)
            wanted = _expected(definition, expected_revision)
            if wanted is not None and wanted != row.revision:
                raise StaleRevision(wanted, row.revision)
            _refuse_archived(row)
            draft = await self._documents.draft(actor.tenant, row, definition)
            changed = await self._replace(permit, row, draft.content)
            if changed is not None:
                return workflow_of(changed)
        raise Conflict("The draft is being changed by others all the time.", code="workflow.contended")

    async def archive(self, actor: Actor, workflow_id: UUID, expected_revision: int | None = None) -> Workflow:
        """Take a workflow out of use: it starts no more; versions and executions stay. Repeating changes nothing.

        Raises:
            StaleRevision: the draft is not at the expected revision.
        """
        row = await self._found(actor, workflow_id)
        permit = await self._authority.permit(actor, "workflow.archive", workflow_resource(row))
        async with self._database.transaction(actor.tenant) as connection:
            before = await rows.find(connection, actor.tenant, workflow_id, lock=True)
            if before is None:
                raise workflow_missing(workflow_id)
            if expected_revision is not None and expected_revision != before.revision:
                raise StaleRevision(expected_revision, before.revision)
            after = await rows.archive(connection, actor.tenant, workflow_id, actor.subject)
            if after is None:
                return workflow_of(before)
            await version_rows.replace_triggers(connection, actor.tenant, workflow_id, "", ())
            await self._sync.apply(connection, actor.tenant, workflow_id)
            change = Change("workflow", str(workflow_id), workflow_hash(before), workflow_hash(after))
            await self._authority.record(connection, permit, [change])
        return workflow_of(after)

    async def publish(self, actor: Actor, workflow_id: UUID, request: PublishRequest) -> Version:
        """Make the draft an immutable version; see `Publishing.publish`."""
        return await self._publishing.publish(actor, workflow_id, request)

    async def version(self, actor: Actor, workflow_id: UUID, version: str) -> Version:
        """One published version."""
        return await self._reads.version(actor, workflow_id, version)

    async def versions(self, actor: Actor, workflow_id: UUID, page: PageRequest) -> Slice[Version]:
        """Published versions, newest first."""
        return await self._reads.versions(actor, workflow_id, page)

    async def diff(
        self, actor: Actor, workflow_id: UUID, from_version: str | None, to_version: str | None
    ) -> VersionComparison | None:
        """What changed between two versions; see `VersionReads.diff`."""
        return await self._reads.diff(actor, workflow_id, from_version, to_version)

    async def overview(
        self, actor: Actor, workflow_id: UUID, page: PageRequest, from_version: str | None, to_version: str | None
    ) -> tuple[Slice[Version], VersionComparison | None]:
        """`versions` and `diff` at once; see `VersionReads.overview`."""
        return await self._reads.overview(actor, workflow_id, page, from_version, to_version)

    async def _found(self, actor: Actor, workflow_id: UUID) -> WorkflowRow:
        async with self._database.transaction(actor.tenant) as connection:
            return await _existing(connection, actor, workflow_id)

    async def _replace(self, permit: Permit, before: WorkflowRow, content: DraftContent) -> WorkflowRow | None:
        """Write the edit over the revision it was checked against; None: another edit came between."""
        actor = permit.actor
        async with self._database.transaction(actor.tenant) as connection:
            after = await rows.replace_draft(
                connection, actor.tenant, before.id, before.revision, content, actor.subject
            )
            if after is not None:
                change = Change("workflow", str(after.id), workflow_hash(before), workflow_hash(after))
                await self._authority.record(connection, permit, [change])
                if after.is_active != before.is_active:
                    await self._sync.apply(connection, actor.tenant, after.id)
        return after


def workflow_of(row: WorkflowRow) -> Workflow:
    """A workflow as its readers get it."""
    return Workflow(
        id=row.id,
        name=row.name,
        description=row.description,
        definition=row.definition,
        status=WorkflowStatus(row.status),
        is_active=row.is_active,
        revision=row.revision,
        published_version=row.latest_version,
        created_by=row.created_by,
        created_at=row.created_at,
        updated_at=row.updated_at,
    )


async def _existing(connection: Transaction, actor: Actor, workflow_id: UUID) -> WorkflowRow:
    row = await rows.find(connection, actor.tenant, workflow_id)
    if row is None:
        raise workflow_missing(workflow_id)
    return row


def _expected(definition: Json, expected_revision: int | None) -> int | None:
    """The revision that an edit was made against; the older one where header and body differ."""
    inside = definition.get("revision") if isinstance(definition, dict) else None
    if not isinstance(inside, int) or isinstance(inside, bool):
        return expected_revision
    return inside if expected_revision is None else min(inside, expected_revision)


def _refuse_archived(row: WorkflowRow) -> None:
    if row.status == "archived":
        raise Conflict("The workflow is archived.", code="workflow.archived")
