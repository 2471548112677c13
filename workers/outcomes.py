"""Between attempts and the core: what an action gets to know, and what its result is to the execution."""

from uuid import UUID

from engine.actions.interface import ActionContext, Result, Succeeded
from engine.runtime.effects import RunAction
from engine.runtime.events import ActionFailed, ActionSucceeded
from engine.runtime.transitions import Failure
from workers.payloads import excess_of


def attempt_context(tenant: str, execution_id: UUID, traceparent: str | None, run: RunAction) -> ActionContext:
    """What an attempt gets to know, whichever worker makes it."""
    return ActionContext(
        tenant=tenant,
        execution_id=execution_id,
        step_path=run.key.path,
        iteration=run.key.iteration,
        attempt=run.attempt,
        config=run.config,
        input=run.input,
        idempotency_key=run.idempotency_key,
        delivery=run.delivery,
        timeout_ms=run.timeout_ms,
        traceparent=traceparent,
    )


def outcome_of(run: RunAction, result: Result) -> ActionSucceeded | ActionFailed:
    """An attempt's result as news for its execution; an output beyond the limit is a failure."""
    if isinstance(result, Succeeded):
        excess = excess_of(result.output)
        if excess is None:
            return ActionSucceeded(run.key, run.generation, run.attempt, result.output)
        return ActionFailed(run.key, run.generation, run.attempt, excess, retryable=False)
    failure = Failure(result.code, result.message, result.details)
    return ActionFailed(run.key, run.generation, run.attempt, failure, result.retryable, result.retry_after_ms)
