"""Between probes and the core: what looks whether a step in doubt has happened, and what it found."""

from typing import Final

from engine.actions.interface import ActionContext, Result, Succeeded
from engine.runtime.effects import Probe
from engine.runtime.events import ProbeAnswered
from engine.runtime.transitions import Failure
from engine.store.claims import Claimed

TIMEOUT_MS: Final = 30_000


def probe_context(claimed: Claimed, probe: Probe) -> ActionContext:
    """What an action gets to know that looks after a step; its key is none that an attempt of the step ever had."""
    return ActionContext(
        tenant=claimed.tenant,
        execution_id=claimed.id,
        step_path=probe.key.path,
        iteration=probe.key.iteration,
        attempt=probe.attempt,
        config=probe.config,
        input=None,
        idempotency_key=f"{claimed.id}:{probe.key.path}:{probe.key.iteration or '-'}:{probe.generation}:probe",
        timeout_ms=TIMEOUT_MS,
        traceparent=claimed.traceparent,
    )


def answer_of(probe: Probe, result: Result) -> ProbeAnswered:
    """A probe's result as news for its execution."""
    if isinstance(result, Succeeded):
        return ProbeAnswered(probe.key, probe.generation, probe.attempt, output=result.output)
    failure = Failure(result.code, result.message, result.details)
    return ProbeAnswered(probe.key, probe.generation, probe.attempt, failure=failure)
