"""Bodies and parameters of the audit log and of policy previews."""

# ruff: noqa: RUF009 - `wire` makes a dataclass field

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from engine.jsonvalue import Json, JsonObject
from engine.services.audit import AuditEntryView, AuditFilter
from engine.services.policies import PolicyPreview
from rest_shim.models.paging import CURSOR, DEFAULT_LIMIT, LIMIT, PAGE
from rest_shim.models.problems import DenialBody
from rest_shim.shapes import Rule, wire


@dataclass(frozen=True, slots=True)
class AuditQuery:
    """Which entries of the audit log."""

    actor: str | None = wire("Only what this subject did.", default=None)
    action: str | None = wire("Only this action.", default=None)
    resource_type: str | None = wire("Only on things of this type.", default=None)
    resource_id: str | None = wire("Only on the thing with this id.", default=None)
    decision_id: UUID | None = wire("Only what this decision allowed.", default=None)
    request_id: str | None = wire("Only what this request did.", default=None)
    from_: datetime | None = wire(Rule("Only from this instant on.", name="from"), default=None)
    to: datetime | None = wire("Only before this instant.", default=None)
    page: int | None = wire(PAGE, default=None)
    limit: int = wire(LIMIT, default=DEFAULT_LIMIT)
    cursor: str | None = wire(CURSOR, default=None)

    def filter(self) -> AuditFilter:
        """The filter without its page."""
        return AuditFilter(
            self.actor,
            self.action,
            self.resource_type,
            self.resource_id,
            self.decision_id,
            self.request_id,
            self.from_,
            self.to,
        )


@dataclass(frozen=True, slots=True)
class AuditEntryBody:
    """Who did what, on what, when, and which decision allowed it."""

    id: UUID = wire("Set by the server.")
    at: datetime = wire("When it was done.")
    actor: str = wire("Who did it.")
    on_behalf_of: str | None = wire("For whom.")
    action: str = wire("What was done.")
    resource_type: str = wire("Type of what it was done to.")
    resource_id: str = wire("Id of what it was done to.")
    before_hash: str | None = wire("Digest of the state before; null where there was none.")
    after_hash: str | None = wire("Digest of the state after; null where there is none.")
    decision_id: UUID | None = wire("The decision of policy that allowed it.")
    request_id: str = wire("The request that did it.")
    source: str = wire("Network address of the caller, or `internal`.")
    details: Json = wire("Further facts of the change.")
    seq: int | None = wire("Its number in the tenant's hash chain; null for a moment.")
    hash: str | None = wire("Hash of its link in the chain.")

    @classmethod
    def of(cls, entry: AuditEntryView) -> "AuditEntryBody":
        """Body of an entry."""
        return cls(
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
            details=entry.details,
            seq=entry.seq,
            hash=entry.hash,
        )


@dataclass(frozen=True, slots=True)
class PreviewQuery:
    """What policy would be asked."""

    action: str = wire(Rule("Such as `workflow.publish`.", example="workflow.publish"))
    resource: str | None = wire(
        "`type`, `type:id`, or an id alone, of the action's noun; all of that noun where it is left out.", default=None
    )


@dataclass(frozen=True, slots=True)
class PreviewResourceBody:
    """What the action would be about."""

    type: str = wire("Its type.")
    id: str | None = wire("Its id; null: all of the type, or a new one.")


@dataclass(frozen=True, slots=True)
class PreviewBody:
    """What policy would decide, and why."""

    action: str = wire("What was asked.")
    resource: PreviewResourceBody = wire("What it would be about.")
    allowed: bool = wire("Whether it would be allowed.")
    decision_id: str = wire("The decision in the decision log.")
    policy_revision: str = wire("Revision of the policy that decided.")
    denials: tuple[DenialBody, ...] = wire("Every reason against it, sorted by code, then path.")
    obligations: tuple[JsonObject, ...] = wire("What would come with the permission.")

    @classmethod
    def of(cls, preview: PolicyPreview) -> "PreviewBody":
        """Body of a preview."""
        return cls(
            action=preview.action,
            resource=PreviewResourceBody(preview.resource_type, preview.resource_id),
            allowed=preview.is_allowed,
            decision_id=preview.decision_id,
            policy_revision=preview.policy_revision,
            denials=tuple(
                DenialBody(one.code, one.message, one.path, one.policy, one.remedy) for one in preview.denials
            ),
            obligations=preview.obligations,
        )
