"""The audit log and what policy would decide."""

from datetime import datetime

import strawberry

from schema.failures import Denial
from schema.scalars import JSON


@strawberry.type(description="Who did what, on what, when, and which decision allowed it.")
class AuditEntry:
    """One entry of the audit log."""

    id: strawberry.ID = strawberry.field(description="Set by the server.")
    at: datetime = strawberry.field(description="When it was done.")
    actor: str = strawberry.field(description="Who did it.")
    on_behalf_of: str | None = strawberry.field(description="For whom.")
    action: str = strawberry.field(description="What was done.")
    resource_type: str = strawberry.field(description="Type of what it was done to.")
    resource_id: str = strawberry.field(description="Id of what it was done to.")
    before_hash: str | None = strawberry.field(description="Digest of the state before; null where there was none.")
    after_hash: str | None = strawberry.field(description="Digest of the state after; null where there is none.")
    decision_id: strawberry.ID | None = strawberry.field(description="The decision of policy that allowed it.")
    request_id: str = strawberry.field(description="The request that did it.")
    source: str = strawberry.field(description="Network address of the caller, or `internal`.")
    details: JSON | None = strawberry.field(description="Further facts of the change.")
    seq: int | None = strawberry.field(description="Its number in the tenant's hash chain; null for a moment.")
    hash: str | None = strawberry.field(description="Hash of its link in the chain.")


@strawberry.input(description="Which entries of the audit log.")
class AuditEntryFilter:
    """Which entries of the audit log; members that are left out do not filter."""

    actor: str | None = strawberry.field(description="Only what this subject did.", default=None)
    action: str | None = strawberry.field(description="Only this action.", default=None)
    resource_type: str | None = strawberry.field(description="Only on things of this type.", default=None)
    resource_id: str | None = strawberry.field(description="Only on the thing with this id.", default=None)
    decision_id: strawberry.ID | None = strawberry.field(description="Only what this decision allowed.", default=None)
    request_id: str | None = strawberry.field(description="Only what this request did.", default=None)
    from_: datetime | None = strawberry.field(description="Only from this instant on.", default=None, name="from")
    to: datetime | None = strawberry.field(description="Only before this instant.", default=None)


@strawberry.type(description="What policy would decide, and why.")
class PolicyPreview:
    action: str = strawberry.field(description="What was asked.")
    resource_type: str = strawberry.field(description="Type of what it would be about.")
    resource_id: str | None = strawberry.field(description="Its id; null: all of the type, or a new one.")
    allowed: bool = strawberry.field(description="Whether it would be allowed.")
    decision_id: str = strawberry.field(description="The decision in the decision log.")
    policy_revision: str = strawberry.field(description="Revision of the policy that decided.")
    denials: list[Denial] = strawberry.field(description="Every reason against it, sorted by code, then path.")
    obligations: JSON = strawberry.field(description="What would come with the permission.")
