"""Publishing: the draft becomes an immutable version, with its manifest on the way to the ledger."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from engine.clock import Clock
from engine.definitions.changes import Diff
from engine.definitions.diff import diff
from engine.definitions.hashing import canonical
from engine.definitions.model import ConditionTrigger, EventTrigger
from engine.definitions.semver import Bump, SemverError, bump_between, bumped, parse_version
from engine.definitions.semver import Version as Number
from engine.errors import Conflict, Fault, StaleRevision, ValidationFailed
from engine.identity.actor import Actor
from engine.ids import IdFactory
from engine.jsonvalue import Json, JsonObject
from engine.provenance.statement import VersionManifest
from engine.services.authority import Authority, Change
from engine.services.contents import contents_of
from engine.services.documents import Documents, Draft
from engine.services.facts import workflow_hash, workflow_missing, workflow_resource
from engine.services.permits import Permit
from engine.services.requests import WRONG_VALUE, PublishRequest
from engine.services.schedule_sync import ScheduleSync
from engine.services.values import Version
from engine.services.version_reads import version_of
from engine.store import versions, workflows
from engine.store.database import Database, Transaction
from engine.store.outgoing import LEDGER_VERSION, Outgoing, send
from engine.store.versions import NewVersion, TriggerRow, VersionRow
from engine.store.workflows import WorkflowRow

PUBLISH = "workflow.publish"
ALLOW_SMALLER_BUMP = "workflow.publish.allow_smaller_bump"
LOOKS = 5
"""How often the draft is checked anew when it moves under a call that did not say which revision it means."""


@dataclass(frozen=True, slots=True)
class Plan:
    """A publish that was allowed and checked against one revision of the draft.

    Attributes:
        smaller: permission for a smaller bump, where it was asked for.
    """

    request: PublishRequest
    permit: Permit
    smaller: Permit | None
    row: WorkflowRow
    draft: Draft


class Publishing:
    """Makes versions."""

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

    async def publish(self, actor: Actor, workflow_id: UUID, request: PublishRequest) -> Version:
        """Publish the draft; the version, its audit row and its way to the ledger are one transaction.

        Without `bump` and `version` the smallest bump that fits the changes is taken. Of several calls at once one
        makes the version, the others find that nothing has changed.

        Raises:
            NotFound: no such workflow in the tenant.
            Denied: policy refuses, or refuses `allowSmallerBump`.
            ValidationFailed: the body or the draft has faults.
            StaleRevision: the draft is at another revision than the caller expects; nothing was written.
            Conflict: `version.nothing_changed`, `version.exists`, `version.not_greater`, `version.bump_too_small` (with
                the changes that say so), or `workflow.archived`.
        """
        for _ in range(LOOKS):
            plan = await self._prepare(actor, workflow_id, request)
            async with self._database.transaction(actor.tenant) as connection:
                locked = await workflows.find(connection, actor.tenant, workflow_id, lock=True)
                if locked is None:
                    raise workflow_missing(workflow_id)
                if locked.revision == plan.row.revision:
                    return await self._write(connection, plan, locked)
        raise Conflict("The draft is being changed by others all the time.", code="workflow.contended")

    async def _prepare(self, actor: Actor, workflow_id: UUID, request: PublishRequest) -> Plan:
        """Everything that is asked before the workflow is locked: existence, policy, body, draft."""
        async with self._database.transaction(actor.tenant) as connection:
            row = await workflows.find(connection, actor.tenant, workflow_id)
            if row is None:
                raise workflow_missing(workflow_id)
            before = await self._before(connection, row)
        resource = workflow_resource(row, {**contents_of(row.definition), **before})
        permit = await self._authority.permit(actor, PUBLISH, resource)
        smaller = None
        if request.allow_smaller_bump:
            smaller = await self._authority.permit(actor, ALLOW_SMALLER_BUMP, resource)
        request.check()
        if request.expected_revision is not None and request.expected_revision != row.revision:
            raise StaleRevision(request.expected_revision, row.revision)
        if row.status == "archived":
            raise Conflict("The workflow is archived.", code="workflow.archived")
        if request.version is not None:
            _check_version(request, request.version)
        draft = await self._documents.draft(actor.tenant, row, row.definition)
        return Plan(request, permit, smaller, row, draft)

    async def _before(self, connection: Transaction, row: WorkflowRow) -> JsonObject:
        """What policy asks about the version that the draft would follow."""
        latest = await self._latest(connection, row)
        if latest is None:
            return {}
        return {"publishedRequiresSeparatePublisher": latest.definition.get("requireSeparatePublisher") is True}

    async def _write(self, connection: Transaction, plan: Plan, locked: WorkflowRow) -> Version:
        """Store the version. The workflow's row is locked: nobody publishes or edits meanwhile."""
        if locked.latest_content_hash == locked.draft_hash:
            message = f"Nothing has changed since version {locked.latest_version}."
            raise Conflict(message, code="version.nothing_changed", facts={"version": locked.latest_version})
        latest = await self._latest(connection, locked)
        wanted = plan.request.version
        if wanted is not None and await versions.find(connection, locked.tenant, locked.id, wanted) is not None:
            raise Conflict(f"Version {wanted} exists already.", code="version.exists", facts={"version": wanted})
        number = _next_number(plan.request, locked, latest)
        new = self._new_version(plan, locked, number)
        await versions.add(connection, new)
        await versions.replace_triggers(connection, locked.tenant, locked.id, new.version, tuple(_triggers(plan)))
        await workflows.mark_published(connection, locked.tenant, locked.id, new.version, new.content_hash)
        await self._sync.apply(connection, locked.tenant, locked.id)
        await send(connection, self._announcement(plan, new))
        after = await workflows.find(connection, locked.tenant, locked.id)
        change = Change(
            "workflow",
            str(locked.id),
            workflow_hash(locked),
            None if after is None else workflow_hash(after),
            {"version": new.version, "contentHash": new.content_hash},
        )
        await self._authority.record(connection, plan.permit, [change])
        if plan.smaller is not None:
            await self._authority.record(connection, plan.smaller, [])
        stored = await versions.find(connection, locked.tenant, locked.id, new.version)
        if stored is None:
            raise workflow_missing(locked.id)
        return version_of(stored)

    async def _latest(self, connection: Transaction, locked: WorkflowRow) -> VersionRow | None:
        if locked.latest_version is None:
            return None
        return await versions.find(connection, locked.tenant, locked.id, locked.latest_version)

    def _new_version(self, plan: Plan, locked: WorkflowRow, number: Number) -> NewVersion:
        permit, request = plan.permit, plan.request
        published_at = self._clock.now()
        content_hash = locked.draft_hash
        return NewVersion(
            tenant=locked.tenant,
            workflow_id=locked.id,
            version=str(number),
            content_hash=content_hash,
            definition=locked.definition,
            manifest=canonical(_manifest(permit, request, locked, str(number), published_at)).decode(),
            previous_version=locked.latest_version,
            previous_content_hash=locked.latest_content_hash,
            change_summary=request.change_summary,
            published_by=permit.actor.subject,
            published_at=published_at,
            policy_revision=permit.decision.policy_revision,
            decision_id=permit.decision_id,
        )

    def _announcement(self, plan: Plan, new: NewVersion) -> Outgoing:
        return Outgoing(
            tenant=new.tenant,
            id=self._new_id(),
            topic=LEDGER_VERSION,
            subject_id=f"{new.workflow_id}:{new.version}",
            payload={"workflowId": str(new.workflow_id), "version": new.version, "manifest": new.manifest},
            traceparent=plan.permit.actor.traceparent,
        )


def _manifest(
    permit: Permit, request: PublishRequest, locked: WorkflowRow, version: str, published_at: datetime
) -> JsonObject:
    return VersionManifest(
        workflow_id=str(locked.id),
        tenant=locked.tenant,
        version=version,
        content_hash=locked.draft_hash,
        previous_version=locked.latest_version,
        previous_content_hash=locked.latest_content_hash,
        change_summary=request.change_summary,
        published_by=permit.actor.subject,
        published_at=published_at,
        policy_revision=permit.decision.policy_revision,
        decision_id=permit.decision.id,
    ).members()


def _next_number(request: PublishRequest, locked: WorkflowRow, latest: VersionRow | None) -> Number:
    """The number of the new version, once it fits the latest one and what has changed since."""
    if latest is None:
        return bumped(None, request.bump or Bump.MAJOR) if request.version is None else _number(request.version)
    before = parse_version(latest.version)
    changes = diff(latest.definition, locked.definition)
    smallest = changes.suggested_bump or Bump.PATCH
    if request.version is None:
        bump = request.bump or smallest
        number = bumped(before, bump)
    else:
        number = _number(request.version)
        if number <= before:
            message = f"{number} is not greater than the latest version {before}."
            raise Conflict(message, code="version.not_greater", facts={"latest": str(before)})
        bump = bump_between(before, number)
    if bump.size < smallest.size and not request.allow_smaller_bump:
        raise _too_small(bump, smallest, changes)
    return number


def _too_small(bump: Bump, smallest: Bump, changes: Diff) -> Conflict:
    reasons = [change.as_json() for change in changes.reasons_for(smallest)]
    return Conflict(
        f"A {bump.value} bump is too small for these changes; they ask for {smallest.value}.",
        code="version.bump_too_small",
        facts={"suggestedBump": smallest.value, "changes": reasons},
    )


def _check_version(request: PublishRequest, version: str) -> None:
    if request.bump is not None:
        fault = Fault(WRONG_VALUE, "/version", "Both 'bump' and 'version' are given.", "Give one of them.")
        raise ValidationFailed((fault,))
    _number(version)


def _number(text: str) -> Number:
    try:
        return parse_version(text)
    except SemverError as error:
        message = f"'version': {error}."
        raise ValidationFailed((Fault(WRONG_VALUE, "/version", message, "Give MAJOR.MINOR.PATCH."),)) from error


def _triggers(plan: Plan) -> Iterator[TriggerRow]:
    """What the new version listens to."""
    documents = plan.row.definition.get("triggers")
    configs = {
        trigger.get("id"): trigger.get("config")
        for trigger in (documents if isinstance(documents, list) else ())
        if isinstance(trigger, dict)
    }
    for trigger in plan.draft.definition.triggers:
        event_type: str | None = None
        if isinstance(trigger.config, EventTrigger | ConditionTrigger):
            event_type = trigger.config.event_type
        config: Json = configs.get(trigger.id)
        yield TriggerRow(
            trigger_id=trigger.id,
            type=trigger.type.value,
            event_type=event_type,
            config=config if isinstance(config, dict) else {},
            is_enabled=trigger.is_enabled,
        )
