"""The loads that there are: a script of k6 each, at a rate, against one workflow."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from engine.jsonvalue import JsonObject

SCRIPTS: Final = Path(__file__).resolve().parents[1] / "k6"
LIMIT_MS: Final = 300
RAMP: Final = (200, 400, 600, 800, 1_000, 1_200, 1_400)
"""Rates of the ramp: each is held for a while, until one breaks the promise."""


@dataclass(frozen=True, slots=True)
class Load:
    """One load.

    Attributes:
        name: as it is asked for.
        script: of k6.
        rate: iterations a second; a ramp has rates of its own.
        asked: what is promised, for people.
        latency: name of the metric that is promised about.
    """

    name: str
    script: str
    rate: int
    asked: str
    latency: str = "http_req_duration"
    environment: Mapping[str, str] = field(default_factory=dict)

    @property
    def is_ramp(self) -> bool:
        """Whether it goes on until the promise breaks: that it does is no failure."""
        return "STEPS" in self.environment


LOADS: Final = {
    load.name: load
    for load in (
        Load("enqueue", "enqueue.js", 200, f"p95 < {LIMIT_MS} ms, errors < 1 %"),
        Load(
            "ramp",
            "enqueue.js",
            RAMP[0],
            f"the highest rate with p95 < {LIMIT_MS} ms, errors < 1 %",
            environment={"STEPS": ",".join(str(rate) for rate in RAMP)},
        ),
        Load(
            "worker-throughput", "worker-throughput.js", 100, "completed: p95 < 1 s, over 99 %", "execution_completion"
        ),
        Load("graphql", "graphql.js", 150, f"p95 < {LIMIT_MS} ms, over 99 % right"),
        Load("webhooks", "webhooks.js", 100, f"p95 < {LIMIT_MS} ms, over 99 % right"),
    )
}

WORKFLOW: Final[JsonObject] = {
    "name": "k6",
    "triggers": [{"id": "hook", "type": "webhook", "config": {"webhookPath": "k6"}}],
    "steps": [
        {
            "id": "only",
            "name": "Only",
            "type": "action",
            "config": {"actionType": "noop", "actionConfig": {}},
            "connections": [],
        }
    ],
}
# One address sends all deliveries here, to one webhook: more than either may in production.
LIMITS: Final[JsonObject] = {
    "webhooks": {name: {"quota": 100_000, "windowSeconds": 1, "burst": 100_000} for name in ("address", "webhook")}
}
