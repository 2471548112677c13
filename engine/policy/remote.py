"""The OPA sidecar as evaluator, over its Data API (openpolicyagent.org/docs/rest-api#data-api)."""

from collections.abc import Mapping

import httpx

from engine.clock import Clock
from engine.jsonvalue import Json
from engine.policy.evaluator import DECISION_RULE, Verdict, read_verdict, unavailable
from engine.policy.needs import EVERYTHING
from engine.telemetry.metrics import POLICY_DECISION_SECONDS
from engine.telemetry.tracing import carried, exemplar

TIMEOUT_S = 1.0
POOL_SIZE = 20


class OpaEvaluator:
    """Asks an OPA server. Anything but a well-formed answer in time is "no decision"."""

    def __init__(self, base_url: str, clock: Clock, timeout_s: float = TIMEOUT_S) -> None:
        self._client = httpx.AsyncClient(
            base_url=base_url.rstrip("/"),
            timeout=timeout_s,
            limits=httpx.Limits(max_connections=POOL_SIZE, max_keepalive_connections=POOL_SIZE),
            trust_env=False,
            follow_redirects=False,
        )
        self._clock = clock

    @property
    def needs(self) -> frozenset[str]:
        """See `Evaluator`. A server may change its bundle at any moment: it is told everything."""
        return EVERYTHING

    async def evaluate(self, request: Mapping[str, Json]) -> Verdict:
        """See `Evaluator`. A 200 without `result` means that the rule is undefined: no decision."""
        started = self._clock.monotonic()
        traceparent = carried(None)
        headers = {} if traceparent is None else {"traceparent": traceparent}
        try:
            response = await self._client.post(
                f"/v1/data/{DECISION_RULE}", params={"provenance": "true"}, json={"input": request}, headers=headers
            )
            document: Json = response.json() if response.status_code == httpx.codes.OK else None
        except (httpx.HTTPError, ValueError) as error:
            raise unavailable(f"{type(error).__name__}: {error}") from error
        POLICY_DECISION_SECONDS.observe(self._clock.monotonic() - started, exemplar())
        if not isinstance(document, dict):
            raise unavailable(f"the policy server answered {response.status_code}")
        return read_verdict(document.get("result"), _revision(document))

    async def probe(self) -> None:
        """For readiness.

        Raises:
            Unavailable: the server does not answer, or has no bundle yet.
        """
        if not await self.ready():
            raise unavailable("the policy server is not ready")

    async def ready(self) -> bool:
        """Whether the server has loaded its bundles and plugins."""
        try:
            response = await self._client.get("/health", params={"bundles": "", "plugins": ""})
        except httpx.HTTPError:
            return False
        return response.status_code == httpx.codes.OK

    async def close(self) -> None:
        """Close pooled connections."""
        await self._client.aclose()


def _revision(document: Mapping[str, Json]) -> str:
    provenance = document.get("provenance")
    if isinstance(provenance, dict):
        bundles = provenance.get("bundles")
        if isinstance(bundles, dict):
            revisions = [str(entry.get("revision")) for entry in bundles.values() if isinstance(entry, dict)]
            if revisions:
                return ",".join(sorted(revisions))
    return "opa"
