"""Queries of the audit log and of policy."""

from typing import Annotated

import strawberry

from engine.services.audit import AuditEntryView, AuditFilter
from engine.services.policies import PolicyPreview as Preview
from resolvers import shapes
from resolvers.info import Info, identifier_or_none
from resolvers.paging import page_request
from schema.failures import Denial
from schema.fields import field
from schema.governance import AuditEntry, AuditEntryFilter, PolicyPreview
from schema.paging import After, Before, Connection, First, Last
from schema.scalars import JSON
from schema.selections import page_of

OfFilter = Annotated[AuditEntryFilter | None, strawberry.argument(description="Which entries; all of them without.")]
OfAction = Annotated[str, strawberry.argument(description="Such as `workflow.publish`.")]
OfResource = Annotated[
    str | None,
    strawberry.argument(
        description="`type`, `type:id`, or an id alone, of the action's noun; all of that noun where it is left out."
    ),
]


@strawberry.type
class GovernanceQueries:
    """Queries of the audit log and of policy."""

    @field("The audit log, newest first.")
    async def audit_entries(
        self,
        info: Info,
        first: First = None,
        after: After = None,
        last: Last = None,
        before: Before = None,
        filter: OfFilter = None,
    ) -> Connection[AuditEntry]:
        page = page_request(page_of(info, first, after, last, before))
        found = await info.context.services.audit.list(info.context.actor, _wanted(filter or AuditEntryFilter()), page)
        return shapes.connection(found, _entry)

    @field("What policy would decide for an action of the caller's, and why.")
    async def policy_preview(self, info: Info, action: OfAction, resource: OfResource = None) -> PolicyPreview:
        return _preview(await info.context.services.policies.preview(info.context.actor, action, resource))


def _wanted(given: AuditEntryFilter) -> AuditFilter:
    return AuditFilter(
        given.actor,
        given.action,
        given.resource_type,
        given.resource_id,
        identifier_or_none("decision", given.decision_id),
        given.request_id,
        given.from_,
        given.to,
    )


def _entry(entry: AuditEntryView) -> AuditEntry:
    return AuditEntry(
        id=strawberry.ID(str(entry.id)),
        at=entry.at,
        actor=entry.actor,
        on_behalf_of=entry.on_behalf_of,
        action=entry.action,
        resource_type=entry.resource_type,
        resource_id=entry.resource_id,
        before_hash=entry.before_hash,
        after_hash=entry.after_hash,
        decision_id=None if entry.decision_id is None else strawberry.ID(str(entry.decision_id)),
        request_id=entry.request_id,
        source=entry.source,
        details=None if entry.details is None else JSON(entry.details),
        seq=entry.seq,
        hash=entry.hash,
    )


def _preview(preview: Preview) -> PolicyPreview:
    return PolicyPreview(
        action=preview.action,
        resource_type=preview.resource_type,
        resource_id=preview.resource_id,
        allowed=preview.is_allowed,
        decision_id=preview.decision_id,
        policy_revision=preview.policy_revision,
        denials=[
            Denial(code=one.code, message=one.message, path=one.path, policy=one.policy, remedy=one.remedy)
            for one in preview.denials
        ],
        obligations=JSON([*preview.obligations]),
    )
