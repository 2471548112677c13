"""Steps that wait: delays, signals, events, people, sub-workflows; and time limits."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from engine.jsonvalue import JsonObject
from engine.runtime.children import child_id
from engine.runtime.effects import (
    Await,
    CancelChild,
    CancelTimers,
    CloseTask,
    OpenTask,
    RunAction,
    SetTimer,
    StartChild,
    StopAwaiting,
)
from engine.runtime.events import ChildFinished, EventReceived, SignalReceived, Started, TaskClosed, TimerFired
from engine.runtime.states import EXECUTION_KEY, ExecutionStatus, StepKey, StepStatus, TimerKind
from engine.runtime.transitions import Failure
from tests.runtime.documents import action, parallel, plan_of, typed
from tests.runtime.driver import EXECUTION, T0, WORKFLOW, Driver

W = StepKey("w")
TASK = UUID("01900000-0000-7000-8000-00000000000a")


def waiting_on(step_type: str, config: JsonObject, **rest: object) -> Driver:
    plan = plan_of(typed("w", step_type, config, "next", **rest), action("next"))  # type: ignore[arg-type]  # JSON
    return Driver(plan, {"order": "o-1", "at": "2026-11-23T13:00:00Z"}).start()


def test_a_delay_holds_until_its_timer_fires() -> None:
    driver = waiting_on("delay", {"delayMs": 1500})
    timer = driver.timer(TimerKind.DELAY)
    assert timer.due_at == T0 + timedelta(milliseconds=1500)
    assert driver.status("w") is StepStatus.WAITING
    assert driver.state.attempts_out == 0
    driver.fire(timer)
    assert driver.effect(RunAction).key.path == "next"
    assert driver.fire(timer).transitions == ()


def test_a_delay_until_an_instant_of_the_context() -> None:
    driver = waiting_on("delay", {"until": "{{triggerData.at}}"})
    assert driver.timer(TimerKind.DELAY).due_at == datetime(2026, 11, 23, 13, tzinfo=UTC)


def test_a_delay_until_the_past_is_over_at_once() -> None:
    assert waiting_on("delay", {"until": "2020-01-01T00:00:00Z"}).status("w") is StepStatus.COMPLETED


def test_a_delay_until_something_that_is_no_instant_fails() -> None:
    failure = waiting_on("delay", {"until": "{{triggerData.order}}"}).finish().failure
    assert failure is not None
    assert failure.code == "delay.until_invalid"


def test_a_signal_completes_the_step_that_waits_for_it_and_counts_once() -> None:
    driver = waiting_on("wait", {"signal": "go"})
    assert driver.feed(SignalReceived("stop", 0, "s0")).transitions[0].status is ExecutionStatus.RUNNING
    driver.feed(SignalReceived("go", {"by": "ada"}, "s1"))
    assert driver.state.steps[W].output == {"by": "ada"}
    assert driver.feed(SignalReceived("go", {"by": "bob"}, "s1")).transitions == ()


def test_a_signal_that_comes_early_is_kept_even_before_the_start_and_over_a_crash() -> None:
    plan = plan_of(
        action("a", "w1"), typed("w1", "wait", {"signal": "go"}, "w2"), typed("w2", "wait", {"signal": "go"})
    )
    driver = Driver(plan)
    driver.feed(SignalReceived("go", 1, "s1"))
    assert driver.execution_status() == "queued"
    driver.feed(Started())
    driver.crash()
    assert driver.feed(SignalReceived("go", 1, "s1")).transitions == ()
    driver.succeed("a")
    assert driver.state.steps[StepKey("w1")].output == 1
    assert driver.status("w2") is StepStatus.WAITING
    driver.feed(SignalReceived("go", 2, "s2"))
    assert driver.state.status is ExecutionStatus.COMPLETED


def test_of_two_steps_that_wait_for_a_signal_the_one_that_waited_longer_gets_it() -> None:
    plan = plan_of(parallel("p", "w1", "w2"), *(typed(w, "wait", {"signal": "go"}) for w in ("w1", "w2")))
    driver = Driver(plan).start()
    driver.feed(SignalReceived("go", 1, "s1"))
    assert (driver.status("w1"), driver.status("w2")) == (StepStatus.COMPLETED, StepStatus.WAITING)


def test_an_event_is_awaited_with_its_correlation_filled_in() -> None:
    driver = waiting_on("wait", {"eventType": "paid", "correlation": {"order.id": "triggerData.order"}})
    assert driver.effect(Await) == Await(W, 0, "paid", {"order.id": "o-1"})
    assert driver.feed(EventReceived(W, 0, "refunded", {}, "e0")).transitions == ()
    assert driver.feed(EventReceived(W, 1, "paid", {}, "e0")).transitions == ()
    driver.feed(EventReceived(W, 0, "paid", {"order": {"id": "o-1"}}, "e1"))
    assert driver.state.steps[W].output == {"order": {"id": "o-1"}}


def test_a_wait_ends_at_its_timeout() -> None:
    driver = waiting_on("wait", {"eventType": "paid", "timeout": 5_000})
    timer = driver.timer(TimerKind.STEP_TIMEOUT)
    assert timer.due_at == T0 + timedelta(seconds=5)
    driver.fire(timer)
    assert driver.effect(StopAwaiting).key == W
    assert driver.state.steps[W].failure == Failure("step.timeout", "The step took longer than its timeout of 5000 ms.")
    assert driver.feed(EventReceived(W, 0, "paid", {}, "e1")).transitions == ()


def test_a_wait_that_ended_in_time_forgets_its_timer() -> None:
    driver = waiting_on("wait", {"signal": "go", "timeout": 5_000})
    timer = driver.timer(TimerKind.STEP_TIMEOUT)
    driver.feed(SignalReceived("go", None, "s1"))
    assert driver.effect(CancelTimers) == CancelTimers(W, TimerKind.STEP_TIMEOUT)
    assert driver.fire(timer).transitions == ()


def test_a_human_step_opens_its_task_with_templates_filled_in() -> None:
    driver = waiting_on(
        "human",
        {"title": "Order {{triggerData.order}}", "assignees": ["ada"], "inputMappings": {"o": "triggerData.order"}},
    )
    assert driver.effect(OpenTask) == OpenTask(W, 0, {"title": "Order o-1", "assignees": ["ada"]}, {"o": "o-1"})
    driver.feed(TaskClosed(W, 0, TASK, "completed", {"decision": "yes", "completedBy": "ada"}))
    assert driver.state.steps[W].output == {"decision": "yes", "completedBy": "ada"}
    assert driver.feed(TaskClosed(W, 0, TASK, "completed", {})).transitions == ()


@pytest.mark.parametrize("outcome", ["cancelled", "failed"])
def test_a_task_that_was_cancelled_or_failed_fails_its_step(outcome: str) -> None:
    driver = waiting_on("human", {})
    driver.feed(TaskClosed(W, 0, TASK, outcome))
    failure = driver.state.steps[W].failure
    assert failure is not None
    assert failure.code == f"task.{outcome}"


def test_a_skipped_task_completes_its_step() -> None:
    driver = waiting_on("human", {})
    driver.feed(TaskClosed(W, 0, TASK, "skipped"))
    assert driver.state.steps[W].output == {"skipped": True}


def test_the_task_of_a_step_that_timed_out_is_closed() -> None:
    driver = waiting_on("human", {"timeout": 1})
    driver.fire(driver.timer(TimerKind.STEP_TIMEOUT))
    assert driver.effect(CloseTask).key == W


CHILD: JsonObject = {"subWorkflowId": str(WORKFLOW), "version": "2.0.0", "inputMappings": {"o": "triggerData.order"}}


def test_a_subprocess_starts_a_child_whose_output_becomes_its_own() -> None:
    driver = waiting_on("subprocess", CHILD)
    child = driver.effect(StartChild)
    assert (child.workflow_id, child.version, child.trigger_data) == (WORKFLOW, "2.0.0", {"o": "o-1"})
    assert driver.feed(ChildFinished(W, 0, TASK, ExecutionStatus.COMPLETED, {})).transitions == ()
    driver.feed(ChildFinished(W, 0, child.child_id, ExecutionStatus.COMPLETED, {"total": 7}))
    assert driver.state.steps[W].output == {"total": 7}


def test_without_input_mappings_a_child_gets_a_copy_of_the_whole_context() -> None:
    plan = plan_of(
        parallel("p", "a", "w"), action("a"), typed("w", "subprocess", {"subWorkflowId": str(WORKFLOW)}), settings={}
    )
    driver = Driver(plan, {"k": 1}).start()
    data = driver.effect(StartChild).trigger_data
    driver.succeed("a")
    assert isinstance(data, dict)
    assert data["triggerData"] == {"k": 1}
    assert data["steps"] == {"p": {"status": "completed", "output": {}}}


@pytest.mark.parametrize("status", [ExecutionStatus.FAILED, ExecutionStatus.CANCELLED])
def test_a_childs_failure_comes_up(status: ExecutionStatus) -> None:
    driver = waiting_on("subprocess", CHILD)
    child = driver.effect(StartChild).child_id
    cause = Failure("http.500", "Broken.") if status is ExecutionStatus.FAILED else None
    driver.feed(ChildFinished(W, 0, child, status, None, cause))
    failure = driver.state.steps[W].failure
    assert failure is not None
    assert failure.code == f"subprocess.{status.value}"
    assert failure.details is not None
    assert failure.details["childId"] == str(child)


def test_a_failed_child_is_retried_by_policy_as_another_child() -> None:
    driver = waiting_on("subprocess", CHILD, retryConfig={"maxRetries": 1})
    first = driver.effect(StartChild).child_id
    driver.feed(ChildFinished(W, 0, first, ExecutionStatus.FAILED))
    driver.fire(driver.timer(TimerKind.RETRY))
    second = driver.effect(StartChild).child_id
    assert second != first
    assert driver.feed(ChildFinished(W, 0, first, ExecutionStatus.COMPLETED)).transitions == ()
    driver.feed(ChildFinished(W, 0, second, ExecutionStatus.FAILED))
    assert driver.status("w") is StepStatus.FAILED


def test_child_ids_are_version_7_of_the_steps_start_and_differ_by_every_fact() -> None:
    made = child_id(EXECUTION, W, 0, 1, T0)
    assert made == child_id(EXECUTION, W, 0, 1, T0)
    assert made.version == 7
    assert made.variant == "specified in RFC 4122"
    assert made.int >> 80 == int(T0.timestamp() * 1000)
    others = {
        child_id(WORKFLOW, W, 0, 1, T0),
        child_id(EXECUTION, StepKey("w", "1"), 0, 1, T0),
        child_id(EXECUTION, W, 1, 1, T0),
        child_id(EXECUTION, W, 0, 2, T0),
        child_id(EXECUTION, W, 0, 1, T0 + timedelta(milliseconds=1)),
    }
    assert len(others | {made}) == 6


def test_a_malformed_sub_workflow_id_fails_the_step() -> None:
    failure = waiting_on("subprocess", {"subWorkflowId": "nobody"}).state.steps[W].failure
    assert failure is not None
    assert failure.code == "subprocess.unknown"


def test_the_workflow_timeout_ends_everything() -> None:
    plan = plan_of(
        parallel("p", "h", "a", "s"),
        typed("h", "human", {}),
        action("a"),
        typed("s", "subprocess", CHILD),
        settings={"timeout": 60_000},
    )
    driver = Driver(plan, {"order": 1})
    driver.feed(Started())
    timer = driver.timer(TimerKind.WORKFLOW_TIMEOUT)
    child = driver.effect(StartChild).child_id
    assert timer == SetTimer(EXECUTION_KEY, TimerKind.WORKFLOW_TIMEOUT, 0, 0, T0 + timedelta(minutes=1))
    driver.fire(timer)
    assert driver.statuses() == {"p": "completed", "h": "cancelled", "a": "cancelled", "s": "cancelled"}
    failure = driver.finish().failure
    assert failure is not None
    assert failure.code == "execution.timeout"
    assert driver.effect(CloseTask).key == StepKey("h")
    assert driver.effect(CancelChild).child_id == child


def test_a_timely_end_forgets_the_workflow_timer() -> None:
    driver = Driver(plan_of(action("a"), settings={"timeout": 60_000})).start()
    driver.succeed("a")
    assert driver.effect(CancelTimers) == CancelTimers(EXECUTION_KEY, TimerKind.WORKFLOW_TIMEOUT)
    assert driver.feed(TimerFired(EXECUTION_KEY, TimerKind.WORKFLOW_TIMEOUT, 0, 0)).transitions == ()
