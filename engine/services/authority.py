"""Asks the gate, and writes down what was decided and done.

The order of every use case: the thing exists within the tenant (404), policy allows (403), the body is right (422).
Permission is asked outside of transactions: an evaluator may be another process. Its record is written with the change.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from uuid import UUID

from engine.errors import Denial, Denied
from engine.identity.actor import Actor
from engine.ids import IdFactory
from engine.jsonvalue import Json, JsonObject
from engine.policy.evaluator import DECISION_RULE
from engine.policy.gate import READ_ACTIONS, Decision, Gate, Resource
from engine.policy.masking import mask
from engine.policy.requests import authzen_request, result_document
from engine.store.database import Database, Transaction
from engine.store.governance import AuditEntry, DecisionEntry, record_audit, record_decisions

NO_FACTS: Mapping[str, Json] = MappingProxyType({})
PREVIEWED: Mapping[str, Json] = MappingProxyType({"preview": True})
CostlyFact = Callable[[], Awaitable[Json]]
"""Finds out a fact of a resource that is only wanted where decisions rest on it."""


@dataclass(frozen=True, slots=True)
class Permit:
    """Permission that was given: what was asked, by whom, and the decision.

    Attributes:
        context: facts of this one call, masked in the decision log.
    """

    actor: Actor
    action: str
    resource: Resource
    decision: Decision
    context: Mapping[str, Json] = field(default_factory=lambda: NO_FACTS)

    @property
    def decision_id(self) -> UUID:
        """Under which the decision log knows it."""
        return UUID(self.decision.id)


@dataclass(frozen=True, slots=True)
class Recording:
    """How decisions are asked for and kept.

    Attributes:
        needs: whether decisions may rest on a costly fact.
        announces: whether each decision also goes to the outbox, for a log outside.
    """

    needs: Callable[[str], bool] = lambda _fact: False
    announces: bool = False


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

    def __init__(self, gate: Gate, database: Database, new_id: IdFactory, recording: Recording = Recording()) -> None:
        self._gate = gate
        self._database = database
        self._new_id = new_id
        self._recording = recording

    async def permit(
        self, actor: Actor, action: str, resource: Resource, context: Mapping[str, Json] = NO_FACTS
    ) -> Permit:
        """Ask for permission. A refusal stands in the decision log when this raises.

        Raises:
            Denied: with all reasons.
            Unavailable: no decision could be had.
        """
        try:
            decision = await self._gate.authorise(actor, action, resource, context)
        except Denied as denied:
            decision = Decision(denied.decision_id, denied.policy_revision, (), denied.denials)
            await self._log(Permit(actor, action, resource, decision, context), "enforce")
            raise
        permit = Permit(actor, action, resource, decision, context)
        if decision.denials and action in READ_ACTIONS:
            # Nothing is written with a read, so what report mode let pass is written down here.
            await self._log(permit, "report")
        return permit

    async def refuse(self, permit: Permit, denials: tuple[Denial, ...]) -> None:
        """Write down a refusal that came after permission, from a rule that policy does not decide."""
        await self._log(replace(permit, decision=replace(permit.decision, denials=denials)), "enforce")

    async def preview(self, actor: Actor, action: str, resource: Resource) -> Decision:
        """What would be decided; it stands in the decision log as a preview, and nothing is enforced.

        Raises:
            Unavailable: no decision could be had.
        """
        try:
            decision = await self._gate.authorise(actor, action, resource, PREVIEWED)
        except Denied as denied:
            decision = Decision(denied.decision_id, denied.policy_revision, (), denied.denials)
        await self._log(Permit(actor, action, resource, decision, PREVIEWED), "report")
        return decision

    async def with_facts(self, resource: Resource, costly: Mapping[str, CostlyFact]) -> Resource:
        """The resource with those of its costly facts that decisions may rest on."""
        needed = {name: await find() for name, find in costly.items() if self._recording.needs(name)}
        return Resource(resource.type, resource.id, {**resource.properties, **needed}) if needed else resource

    async def record(
        self, connection: Transaction, permit: Permit, changes: Sequence[Change], execution_id: UUID | None = None
    ) -> None:
        """Write the decision and one audit row for each change, in the transaction of the changes."""
        entry = decision_entry(permit, execution_id)
        await record_decisions(connection, [entry], announce=self._recording.announces)
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

    async def _log(self, permit: Permit, mode: str) -> None:
        async with self._database.transaction(permit.actor.tenant) as connection:
            entry = decision_entry(permit, None, mode)
            await record_decisions(connection, [entry], announce=self._recording.announces)


def decision_entry(permit: Permit, execution_id: UUID | None, mode: str | None = None) -> DecisionEntry:
    """A decision as the log keeps it, without secrets and payloads. What went on although denied was only reported."""
    actor, decision = permit.actor, permit.decision
    hidden, masked = mask(authzen_request(actor, permit.action, permit.resource, permit.context))
    return DecisionEntry(
        tenant=actor.tenant,
        id=permit.decision_id,
        requested_by=actor.subject,
        action=permit.action,
        resource_type=permit.resource.type,
        resource_id=permit.resource.id,
        execution_id=execution_id,
        allowed=not decision.denials,
        policy_revision=decision.policy_revision,
        path=DECISION_RULE,
        input=hidden,
        result=result_document(decision.denials, decision.obligations),
        trace_id=trace_id_of(actor.traceparent),
        mode=mode or ("report" if decision.denials else "enforce"),
        masked=masked,
    )


def trace_id_of(traceparent: str | None) -> str | None:
    """The trace id within a W3C `traceparent`."""
    parts = (traceparent or "").split("-")
    return parts[1] if len(parts) == 4 else None
