"""When a failed attempt is made again: exponential back-off with full jitter, capped, within a budget of time."""

from collections.abc import Callable
from datetime import datetime

from engine.definitions.model import RetryPolicy
from engine.runtime.plan import DEFAULT_ATTEMPT_TIMEOUT_MS, Node
from engine.runtime.state import StepState
from engine.runtime.transitions import Failure


def elapsed_ms(since: datetime, now: datetime) -> int:
    """Whole milliseconds between two instants."""
    return int((now - since).total_seconds() * 1000)


def attempt_limit_ms(step: StepState, now: datetime) -> int:
    """Time that the next attempt of an action may take; 0 or less: the step has used up all that it had.

    A `timeout` that the document gives is the step's as a whole: attempts and the waits between them come off it. The
    default of 30 s stands for each attempt.
    """
    limit = step.node.limit_ms
    if limit is None:
        return DEFAULT_ATTEMPT_TIMEOUT_MS
    return limit if step.started_at is None else limit - elapsed_ms(step.started_at, now)


def retry_delay_ms(
    step: StepState,
    failure: Failure,
    *,
    retryable: bool,
    retry_after_ms: int | None,
    now: datetime,
    draw: Callable[[], float],
) -> int | None:
    """Wait before the next attempt, or None where there is none.

    The far side's own wish (`retry_after_ms`) is a lower bound, above the cap too; a wait that would outlast
    `maxElapsed` or the step's own timeout is no wait but the end.
    """
    policy = step.node.retry
    failures = step.failures + 1
    if failures > policy.max_retries or not (retryable or _is_named(policy, failure)):
        return None
    delay = drawn_delay_ms(policy, failures, draw)
    if retry_after_ms is not None:
        delay = max(delay, retry_after_ms)
    if step.started_at is not None and not _fits(step.node, elapsed_ms(step.started_at, now) + delay):
        return None
    return delay


def drawn_delay_ms(policy: RetryPolicy, failures: int, draw: Callable[[], float]) -> int:
    """Back-off after so many failed attempts, in whole milliseconds."""
    delay = policy.retry_delay_ms
    if policy.exponential:
        # Beyond 2^40 every delay is over any cap; the exponent stays small enough for exact arithmetic.
        delay *= 1 << min(failures - 1, 40)
    delay = min(delay, policy.max_delay_ms)
    return int(delay * draw()) if policy.jitter else delay


def _is_named(policy: RetryPolicy, failure: Failure) -> bool:
    if not policy.retry_on:
        return False
    status = (failure.details or {}).get("status")
    return failure.code in policy.retry_on or (status is not None and str(status) in policy.retry_on)


def _fits(node: Node, elapsed: int) -> bool:
    within_budget = node.retry.max_elapsed_ms is None or elapsed <= node.retry.max_elapsed_ms
    return within_budget and (node.limit_ms is None or elapsed < node.limit_ms)
