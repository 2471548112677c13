"""Permissions that were given, and how the decision log keeps them."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from uuid import UUID

from engine.identity.actor import Actor
from engine.jsonvalue import Json
from engine.policy.evaluator import DECISION_RULE
from engine.policy.gate import READ_ACTIONS, Decision, Resource
from engine.policy.masking import mask
from engine.policy.requests import authzen_request, result_document
from engine.store.governance import DecisionEntry, Gathered

NO_FACTS: Mapping[str, Json] = MappingProxyType({})


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

    @property
    def execution_id(self) -> UUID | None:
        """The execution that was asked about: its evidence tells what was tried with it, allowed or not.

        Reads and previews are about none.
        """
        if self.action in READ_ACTIONS or self.context.get("preview") is True:
            return None
        is_execution = self.resource.type == "execution"
        found = self.resource.id if is_execution else self.resource.properties.get("executionId")
        return UUID(found) if isinstance(found, str) else None


def decision_entry(
    permit: Permit, execution_id: UUID | None, mode: str | None = None, gathered: Gathered | None = None
) -> DecisionEntry:
    """A decision as the log keeps it, without secrets and payloads. What went on although denied was only reported.

    It belongs to the execution that it has led to; where none is given, to the one that was asked about, if any.
    """
    actor, decision = permit.actor, permit.decision
    hidden, masked = mask(authzen_request(actor, permit.action, permit.resource, permit.context))
    return DecisionEntry(
        tenant=actor.tenant,
        id=permit.decision_id,
        requested_by=actor.subject,
        action=permit.action,
        resource_type=permit.resource.type,
        resource_id=permit.resource.id,
        execution_id=execution_id or permit.execution_id,
        allowed=not decision.denials,
        policy_revision=decision.policy_revision,
        path=DECISION_RULE,
        input=hidden,
        result=result_document(decision.denials, decision.obligations),
        trace_id=trace_id_of(actor.traceparent),
        span_id=span_id_of(actor.traceparent),
        mode=mode or ("report" if decision.denials else "enforce"),
        masked=masked,
        gathered=gathered,
    )


def trace_id_of(traceparent: str | None) -> str | None:
    """The trace id within a W3C `traceparent`."""
    return _part(traceparent, 1)


def span_id_of(traceparent: str | None) -> str | None:
    """The span id within a W3C `traceparent`."""
    return _part(traceparent, 2)


def _part(traceparent: str | None, place: int) -> str | None:
    parts = (traceparent or "").split("-")
    return parts[place] if len(parts) == 4 else None
