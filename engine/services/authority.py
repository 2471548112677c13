"""Asks the gate, and writes down what was decided and done.

The order of every use case: the thing exists within the tenant (404), policy allows (403), the body is right (422).
Permission is asked outside of transactions: an evaluator may be another process. Its record is written with the change.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from engine.errors import Denial, Denied
from engine.identity.actor import Actor
from engine.ids import IdFactory
from engine.jsonvalue import Json, JsonObject
from engine.policy.gate import Decision, Gate, Resource
from engine.store.database import Database, Transaction
from engine.store.governance import AuditEntry, DecisionEntry, record_audit, record_decisions

DECISION_PATH = "maestro/authz"


@dataclass(frozen=True, slots=True)
class Permit:
    """Permission that was given: what was asked, by whom, and the decision."""

    actor: Actor
    action: str
    resource: Resource
    decision: Decision

    @property
    def decision_id(self) -> UUID:
        """Under which the decision log knows it."""
        return UUID(self.decision.id)

    def input(self) -> JsonObject:
        """What was asked, as the decision log keeps it: no secrets, no payloads."""
        roles: list[Json] = [*sorted(self.actor.roles)]
        return {
            "subject": {
                "type": "user",
                "id": self.actor.subject,
                "properties": {"roles": roles, "tenant": self.actor.tenant},
            },
            "action": {"name": self.action},
            "resource": {
                "type": self.resource.type,
                "id": self.resource.id,
                "properties": dict(self.resource.properties),
            },
        }


@dataclass(frozen=True, slots=True)
class Change:
    """What a permitted call has changed, for the audit log.

    Attributes:
        before_hash: of the state before; None: there was none.
        after_hash: of the state after; None: there is none.
    """

    resource_type: str
    resource_id: str
    before_hash: str | None
    after_hash: str | None
    details: JsonObject | None = None


class Authority:
    """The services' way to the gate and to the audit log."""

    def __init__(self, gate: Gate, database: Database, new_id: IdFactory) -> None:
        self._gate = gate
        self._database = database
        self._new_id = new_id

    async def permit(self, actor: Actor, action: str, resource: Resource) -> Permit:
        """Ask for permission. A refusal stands in the decision log when this raises.

        Raises:
            Denied: with all reasons.
            Unavailable: no decision could be had.
        """
        try:
            decision = await self._gate.authorise(actor, action, resource)
        except Denied as denied:
            await self._record_refusal(actor, action, resource, denied)
            raise
        return Permit(actor, action, resource, decision)

    async def record(
        self, connection: Transaction, permit: Permit, changes: Sequence[Change], execution_id: UUID | None = None
    ) -> None:
        """Write the decision and one audit row for each change, in the transaction of the changes."""
        await record_decisions(connection, [decision_entry(permit, execution_id)])
        await record_audit(connection, [self._audit(permit, change) for change in changes])

    def _audit(self, permit: Permit, change: Change) -> AuditEntry:
        actor = permit.actor
        return AuditEntry(
            tenant=actor.tenant,
            id=self._new_id(),
            actor=actor.subject,
            action=permit.action,
            resource_type=change.resource_type,
            resource_id=change.resource_id,
            before_hash=change.before_hash,
            after_hash=change.after_hash,
            decision_id=permit.decision_id,
            request_id=actor.request_id,
            source=actor.source,
            details=change.details,
        )

    async def _record_refusal(self, actor: Actor, action: str, resource: Resource, denied: Denied) -> None:
        refused = Permit(actor, action, resource, Decision(denied.decision_id, denied.policy_revision))
        denials: list[Json] = [_plain(denial) for denial in denied.denials]
        entry = decision_entry(refused, None, allowed=False, result={"allow": False, "denials": denials})
        async with self._database.transaction(actor.tenant) as connection:
            await record_decisions(connection, [entry])


def decision_entry(
    permit: Permit, execution_id: UUID | None, *, allowed: bool = True, result: JsonObject | None = None
) -> DecisionEntry:
    """A decision as the log keeps it."""
    actor = permit.actor
    return DecisionEntry(
        tenant=actor.tenant,
        id=permit.decision_id,
        requested_by=actor.subject,
        action=permit.action,
        resource_type=permit.resource.type,
        resource_id=permit.resource.id,
        execution_id=execution_id,
        allowed=allowed,
        policy_revision=permit.decision.policy_revision,
        path=DECISION_PATH,
        input=permit.input(),
        result=result or {"allow": True},
        trace_id=trace_id_of(actor.traceparent),
    )


def trace_id_of(traceparent: str | None) -> str | None:
    """The trace id within a W3C `traceparent`."""
    parts = (traceparent or "").split("-")
    return parts[1] if len(parts) == 4 else None


def _plain(denial: Denial) -> JsonObject:
    return {"code": denial.code, "message": denial.message, "path": denial.path, "policy": denial.policy}
