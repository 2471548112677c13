"""The gate that decides by the policy bundle, keeps the decision log, and knows report mode."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType
from typing import Protocol
from uuid import UUID

from engine.clock import Clock
from engine.errors import Denied
from engine.identity.actor import Actor
from engine.jsonvalue import Json, JsonObject
from engine.policy.evaluator import Evaluator, Verdict
from engine.policy.gate import ALL_ACTIONS, Decision, Resource
from engine.policy.masking import mask
from engine.telemetry.metrics import POLICY_DECISIONS


class PolicyMode(StrEnum):
    """enforce: a denial refuses. report: a denial is recorded as such and lets pass."""

    ENFORCE = "enforce"
    REPORT = "report"


@dataclass(frozen=True, slots=True)
class DecisionRecord:
    """One row of the decision log, in the terms of OPA's format, masked.

    Attributes:
        erased, masked: JSON Pointers of what was taken out of or hidden in `input`.
    """

    decision_id: UUID
    tenant: str
    action: str
    resource_type: str
    resource_id: str | None
    allowed: bool
    enforced: bool
    revision: str
    requested_by: str
    request_id: str
    traceparent: str | None
    input: JsonObject
    result: JsonObject
    erased: tuple[str, ...] = ()
    masked: tuple[str, ...] = field(default=())


class DecisionLog(Protocol):
    """Where decisions are kept."""

    def record(self, decision: DecisionRecord) -> None:
        """Take a decision; writing it may happen later, in a batch, and must not be lost silently."""
        ...


class PolicyGate:
    """See `engine.policy.gate.Gate`."""

    def __init__(
        self, evaluator: Evaluator, log: DecisionLog, clock: Clock, new_id: Callable[[], UUID], mode: PolicyMode
    ) -> None:
        self._evaluator = evaluator
        self._log = log
        self._clock = clock
        self._new_id = new_id
        self._mode = mode

    async def authorise(
        self,
        actor: Actor,
        action: str,
        resource: Resource,
        context: Mapping[str, Json] = MappingProxyType({}),
    ) -> Decision:
        """Permission for one action, with the obligations that come with it.

        Raises:
            Denied: policy refuses and is enforced; all reasons are listed.
            Unavailable: no decision could be had (`policy.unavailable`).
        """
        verdict, decision_id = await self._decide(actor, action, resource, context)
        if not verdict.allow and self._mode is PolicyMode.ENFORCE:
            raise Denied(str(decision_id), verdict.revision, verdict.denials)
        return Decision(str(decision_id), verdict.revision, verdict.obligations)

    async def preview(self, actor: Actor, action: str, resource: Resource) -> tuple[Verdict, UUID]:
        """What would be decided, and why; recorded like any decision, never enforced."""
        return await self._decide(actor, action, resource, {"preview": True})

    async def _decide(
        self, actor: Actor, action: str, resource: Resource, context: Mapping[str, Json]
    ) -> tuple[Verdict, UUID]:
        decision_id = self._new_id()
        request = authzen_request(actor, action, resource, {"time": self._clock.now().isoformat(), **context})
        known = action if action in ALL_ACTIONS else "unknown"
        try:
            verdict = await self._evaluator.evaluate(request)
        except Exception:
            POLICY_DECISIONS.labels(known, "unavailable").inc()
            raise
        POLICY_DECISIONS.labels(known, "allow" if verdict.allow else "deny").inc()
        hidden, pointers = mask(request)
        self._log.record(
            DecisionRecord(
                decision_id=decision_id,
                tenant=actor.tenant,
                action=action,
                resource_type=resource.type,
                resource_id=resource.id,
                allowed=verdict.allow,
                enforced=self._mode is PolicyMode.ENFORCE,
                revision=verdict.revision,
                requested_by=actor.subject,
                request_id=actor.request_id,
                traceparent=actor.traceparent,
                input=hidden,
                result=result_document(verdict),
                masked=pointers,
            )
        )
        return verdict, decision_id


def authzen_request(actor: Actor, action: str, resource: Resource, context: Mapping[str, Json]) -> JsonObject:
    """The AuthZEN request: the subject from verified claims, the resource from stored facts."""
    return {
        "subject": {
            "type": "user",
            "id": actor.subject,
            "properties": {
                "tenant": actor.tenant,
                "roles": [*sorted(actor.roles)],
                "groups": [*sorted(actor.groups)],
                "email": actor.email,
                "attributes": dict(actor.attributes),
            },
        },
        "action": {"name": action, "properties": {}},
        "resource": {
            "type": resource.type,
            "id": resource.id,
            "properties": {"tenant": actor.tenant, **resource.properties},
        },
        "context": {"requestId": actor.request_id, "source": actor.source, **context},
    }


def result_document(verdict: Verdict) -> JsonObject:
    """The verdict as it stands in the decision log."""
    return {
        "allow": verdict.allow,
        "denials": [
            {
                "code": denial.code,
                "message": denial.message,
                "path": denial.path,
                "policy": denial.policy,
                "remedy": denial.remedy,
            }
            for denial in verdict.denials
        ],
        "obligations": [*verdict.obligations],
    }
