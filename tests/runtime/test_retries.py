"""Attempts: when another one is made, how long after, and what a crash between intent and outcome leads to."""

from datetime import timedelta

import pytest

from engine.definitions.model import Delivery, RetryPolicy
from engine.jsonvalue import JsonObject
from engine.runtime.effects import Probe, RunAction
from engine.runtime.events import ActionFailed, ActionSucceeded, ProbeAnswered, StepResolved, TimerFired
from engine.runtime.retries import drawn_delay_ms
from engine.runtime.states import ExecutionStatus, StepKey, StepStatus, TimerKind
from engine.runtime.transitions import Failure
from tests.runtime.documents import action, equals, plan_of
from tests.runtime.driver import Driver

A = StepKey("a")


def retrying(**retry: object) -> Driver:
    config: JsonObject = {"maxRetries": 2, "retryDelay": 1000, **retry}  # type: ignore[dict-item]  # JSON all of it
    return Driver(plan_of(action("a", retryConfig=config))).start()


def test_a_failed_attempt_waits_a_drawn_time_and_goes_again_with_the_same_key() -> None:
    driver = retrying()
    first = driver.run_of("a")
    driver.fail("a")
    (waiting,) = driver.last.transitions
    assert waiting.status is StepStatus.WAITING
    assert waiting.failure == Failure("http.503", "It did not work.")
    due_at = driver.now + timedelta(milliseconds=500)
    assert waiting.detail == {"delayMs": 500, "retryAt": due_at.isoformat()}
    timer = driver.timer(TimerKind.RETRY)
    assert (timer.due_at, timer.attempt) == (due_at, 1)
    driver.fire(timer)
    again = driver.effect(RunAction)
    assert again.attempt == 2
    assert again.idempotency_key == first.idempotency_key


def test_max_retries_3_means_four_attempts_and_then_the_failure_counts() -> None:
    driver = retrying(maxRetries=3)
    for _ in range(3):
        driver.fail("a")
        driver.fire(driver.timer(TimerKind.RETRY))
    assert driver.run_of("a").attempt == 4
    driver.fail("a", "http.500")
    assert driver.state.status is ExecutionStatus.FAILED
    assert driver.state.steps[A].attempt == 4


@pytest.mark.parametrize(
    ("policy", "failures", "drawn", "expected"),
    [
        (RetryPolicy(9, 1_000), 1, 0.5, 500),
        (RetryPolicy(9, 1_000), 3, 0.5, 2_000),
        (RetryPolicy(9, 1_000), 9, 1.0, 60_000),
        (RetryPolicy(9, 1_000), 9, 0.0, 0),
        (RetryPolicy(9, 1_000, exponential=False), 5, 1.0, 1_000),
        (RetryPolicy(9, 1_000, jitter=False), 3, 0.1, 4_000),
        (RetryPolicy(9_999, 1_000, max_delay_ms=5_000, jitter=False), 5_000, 0.1, 5_000),
    ],
)
def test_back_off_is_exponential_capped_and_fully_jittered(
    policy: RetryPolicy, failures: int, drawn: float, expected: int
) -> None:
    assert drawn_delay_ms(policy, failures, lambda: drawn) == expected


def test_the_far_sides_wish_is_a_lower_bound_even_above_the_cap() -> None:
    driver = retrying(maxDelay=2_000)
    driver.fail("a", retry_after_ms=90_000)
    assert driver.timer(TimerKind.RETRY).due_at == driver.now + timedelta(seconds=90)
    driver.fire(driver.timer(TimerKind.RETRY))
    driver.fail("a", retry_after_ms=1)
    assert driver.timer(TimerKind.RETRY).due_at == driver.now + timedelta(seconds=1)


def test_a_final_failure_is_not_retried() -> None:
    driver = retrying()
    driver.fail("a", "http.404", retryable=False)
    assert driver.status("a") is StepStatus.FAILED


@pytest.mark.parametrize("name", ["http.404", "404"])
def test_retry_on_names_a_final_failure_by_code_or_status(name: str) -> None:
    driver = retrying(retryOn=[name])
    driver.fail("a", "http.404", retryable=False, details={"status": 404})
    assert driver.status("a") is StepStatus.WAITING


def test_max_elapsed_is_a_budget_of_time_over_all_attempts() -> None:
    driver = retrying(maxRetries=100, maxElapsed=1_200, jitter=False, exponentialBackoff=False)
    driver.fail("a")
    driver.fire(driver.timer(TimerKind.RETRY))
    driver.fail("a")
    assert driver.status("a") is StepStatus.FAILED


def test_a_steps_own_timeout_covers_all_its_attempts() -> None:
    plan = plan_of(
        action("a", config={"timeout": 3_000}, retryConfig={"maxRetries": 9, "retryDelay": 1_000, "jitter": False})
    )
    driver = Driver(plan).start()
    assert driver.run_of("a").timeout_ms == 3_000
    driver.later(500).fail("a")
    driver.fire(driver.timer(TimerKind.RETRY))
    assert driver.run_of("a").timeout_ms == 1_500
    driver.fail("a")
    assert driver.status("a") is StepStatus.FAILED


def test_a_timer_of_an_earlier_attempt_changes_nothing() -> None:
    driver = retrying()
    driver.fail("a")
    timer = driver.timer(TimerKind.RETRY)
    driver.fire(timer)
    assert driver.fire(timer).transitions == ()
    assert driver.feed(TimerFired(A, TimerKind.DELAY, 0, 2)).transitions == ()


def test_after_a_crash_an_effectively_once_attempt_goes_again_under_the_same_key_and_spends_no_retry() -> None:
    driver = retrying(maxRetries=1)
    first = driver.run_of("a")
    driver.crash()
    again = driver.effect(RunAction)
    assert (again.attempt, again.idempotency_key) == (2, first.idempotency_key)
    driver.fail("a")
    assert driver.status("a") is StepStatus.WAITING
    assert driver.feed(ActionSucceeded(A, 0, 1, {})).transitions == ()


def test_a_crash_after_the_steps_time_is_over_fails_it() -> None:
    driver = Driver(plan_of(action("a", config={"timeout": 1_000}))).start()
    driver.later(1_000).crash()
    assert driver.effects(RunAction) == []
    assert driver.state.steps[A].failure == Failure("step.timeout", "The step took longer than its timeout of 1000 ms.")


def at_most_once(**config: object) -> Driver:
    found: JsonObject = {"delivery": "at_most_once", **config}  # type: ignore[dict-item]  # JSON all of it
    return Driver(plan_of(action("a", "b", config=found, retryConfig={"maxRetries": 5}), action("b"))).start()


def test_at_most_once_is_never_retried_by_policy() -> None:
    driver = at_most_once()
    assert driver.run_of("a").delivery is Delivery.AT_MOST_ONCE
    driver.fail("a")
    assert driver.status("a") is StepStatus.FAILED


def test_a_crash_leaves_an_at_most_once_attempt_in_doubt_for_a_person() -> None:
    driver = at_most_once()
    driver.crash()
    assert driver.status("a") is StepStatus.IN_DOUBT
    assert driver.last.effects == ()
    assert driver.crash().transitions == ()


@pytest.mark.parametrize(
    ("outcome", "status", "runs"),
    [
        ("completed", StepStatus.COMPLETED, ["b"]),
        ("failed", StepStatus.FAILED, []),
        ("retry", StepStatus.RUNNING, ["a"]),
    ],
)
def test_a_person_resolves_what_is_in_doubt(outcome: str, status: StepStatus, runs: list[str]) -> None:
    driver = at_most_once()
    driver.crash()
    driver.feed(StepResolved(A, outcome, "ada", {"seen": True}, "looked it up"))
    assert driver.status("a") is status
    assert [run.key.path for run in driver.effects(RunAction)] == runs
    facts = driver.last.transitions[0].detail
    assert facts is not None
    assert {"resolvedBy": "ada", "resolution": outcome, "comment": "looked it up"}.items() <= facts.items()
    assert driver.feed(StepResolved(A, outcome, "ada")).transitions == ()


def test_only_what_is_in_doubt_can_be_resolved() -> None:
    assert at_most_once().feed(StepResolved(A, "completed", "ada")).transitions == ()


def test_an_outcome_that_arrives_after_all_ends_the_doubt() -> None:
    driver = at_most_once()
    driver.crash()
    driver.feed(ActionSucceeded(A, 0, 1, {"late": True}))
    assert driver.state.steps[A].output == {"late": True}


def test_on_in_doubt_fail_fails_the_step() -> None:
    driver = at_most_once(onInDoubt="fail")
    driver.crash()
    failure = driver.state.steps[A].failure
    assert failure is not None
    assert failure.code == "step.in_doubt"
    assert driver.state.status is ExecutionStatus.FAILED


def test_on_in_doubt_retry_sends_again() -> None:
    driver = at_most_once(onInDoubt="retry")
    driver.crash()
    assert driver.effect(RunAction).attempt == 2


PROBE = {"actionType": "look", "actionConfig": {"q": "{{execution.id}}"}, "happened": equals("probe.found", True)}


def test_a_probe_is_asked_and_asked_again_after_another_crash() -> None:
    driver = at_most_once(probe=PROBE)
    driver.crash()
    probe = driver.effect(Probe)
    assert (probe.action_type, probe.config, probe.attempt) == ("look", {"q": str(driver.header.id)}, 1)
    assert driver.status("a") is StepStatus.IN_DOUBT
    driver.crash()
    assert driver.effect(Probe) == probe


def test_a_probe_that_finds_the_effect_completes_the_step() -> None:
    driver = at_most_once(probe=PROBE)
    driver.crash()
    driver.feed(ProbeAnswered(A, 0, 1, {"found": True, "id": 9}))
    assert driver.state.steps[A].output == {"found": True, "id": 9}
    assert driver.state.steps[A].detail == {"resolvedBy": "probe", "resolution": "completed"}


@pytest.mark.parametrize("failed", [True, False], ids=["probe failed", "not found"])
@pytest.mark.parametrize(
    ("policy", "status"),
    [("human", StepStatus.IN_DOUBT), ("fail", StepStatus.FAILED), ("retry", StepStatus.RUNNING)],
)
def test_a_probe_that_confirms_nothing_leaves_it_to_the_policy(
    policy: str, status: StepStatus, *, failed: bool
) -> None:
    driver = at_most_once(probe=PROBE, onInDoubt=policy)
    driver.crash()
    failure = Failure("http.500", "No answer.") if failed else None
    driver.feed(ProbeAnswered(A, 0, 1, None if failed else {"found": False}, failure))
    assert driver.status("a") is status


def test_a_stale_probe_answer_changes_nothing() -> None:
    driver = at_most_once(probe=PROBE)
    driver.crash()
    assert driver.feed(ProbeAnswered(A, 0, 2, {"found": True})).transitions == ()


def test_a_failure_of_another_attempt_changes_nothing() -> None:
    driver = retrying()
    assert driver.feed(ActionFailed(A, 0, 7, Failure("x", "y"))).transitions == ()
