"""The gate that decides by the policy bundle, and knows report mode. Who asks it writes down what it said."""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from uuid import UUID

from engine.clock import Clock
from engine.errors import Denied
from engine.identity.actor import Actor
from engine.jsonvalue import Json
from engine.policy.evaluator import Evaluator, Verdict
from engine.policy.gate import ALL_ACTIONS, Decision, PolicyMode, Resource
from engine.policy.requests import authzen_request
from engine.telemetry import tracing
from engine.telemetry.metrics import POLICY_DECISIONS


class PolicyGate:
    """See `engine.policy.gate.Gate`."""

    def __init__(self, evaluator: Evaluator, clock: Clock, new_id: Callable[[], UUID], mode: PolicyMode) -> None:
        self._evaluator = evaluator
        self._clock = clock
        self._new_id = new_id
        self._mode = mode

    def needs(self, fact: str) -> bool:
        """Whether decisions may rest on a costly fact of `engine.policy.needs`."""
        return fact in self._evaluator.needs

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
        request = authzen_request(actor, action, resource, {"time": self._clock.now().isoformat(), **context})
        known = action if action in ALL_ACTIONS else "unknown"
        with tracing.child("policy decision", attributes={"maestro.policy.action": known}) as span:
            try:
                verdict = await self._evaluator.evaluate(request)
            except Exception:
                POLICY_DECISIONS.labels(known, "unavailable").inc()
                raise
            outcome = self._outcome(verdict)
            span.set_attribute("maestro.policy.outcome", outcome)
            span.set_attribute("maestro.policy.revision", verdict.revision)
        POLICY_DECISIONS.labels(known, "preview" if "preview" in context else outcome).inc()
        decision_id = str(self._new_id())
        is_enforced = self._mode is PolicyMode.ENFORCE
        if verdict.denials and is_enforced:
            raise Denied(decision_id, verdict.revision, verdict.denials)
        return Decision(decision_id, verdict.revision, verdict.obligations, verdict.denials, is_enforced)

    def _outcome(self, verdict: Verdict) -> str:
        if verdict.allow:
            return "allow"
        return "deny" if self._mode is PolicyMode.ENFORCE else "would_deny"
