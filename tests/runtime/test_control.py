"""Control: cancel, pause, resume, retry."""

import pytest

from engine.jsonvalue import JsonObject
from engine.runtime.effects import CancelTimers, Effect, Finish, OpenTask, RunAction, SetTimer, StartChild, StopAction
from engine.runtime.events import (
    CancelAsked,
    PauseAsked,
    Recovered,
    ResumeAsked,
    RetryAsked,
    SignalReceived,
    Started,
    StepResolved,
)
from engine.runtime.states import EXECUTION_KEY, ExecutionStatus, StepKey, StepStatus, TimerKind
from engine.runtime.transitions import ExecutionTransition, Failure
from tests.runtime.documents import action, condition, edge, is_true, loop, parallel, plan_of, typed
from tests.runtime.driver import EXECUTION, WORKFLOW, Driver


def ran(driver: Driver) -> list[str]:
    return [run.key.path for run in driver.effects(RunAction)]


def chain(*ids: str, settings: JsonObject | None = None) -> Driver:
    steps = [action(name, *ids[i + 1 : i + 2]) for i, name in enumerate(ids)]
    return Driver(plan_of(*steps, settings=settings)).start()


def test_cancel_lets_go_of_everything_that_is_held() -> None:
    plan = plan_of(
        parallel("p", "a", "d", "r", "e"),
        action("a"),
        typed("d", "delay", {"delayMs": 5}),
        action("r", retryConfig={"maxRetries": 1}),
        action("e", "f"),
        action("f"),
    )
    driver = Driver(plan).start()
    driver.fail("r")
    driver.feed(CancelAsked("ada", "no longer needed"))
    assert driver.state.status is ExecutionStatus.CANCELLED
    expected: set[Effect] = {
        StopAction(StepKey("a"), 0, 1),
        StopAction(StepKey("e"), 0, 1),
        CancelTimers(StepKey("d"), TimerKind.DELAY),
        CancelTimers(StepKey("r"), TimerKind.RETRY),
        Finish(ExecutionStatus.CANCELLED, None, None, ()),
    }
    assert set(driver.last.effects) == expected
    assert driver.status("f") is StepStatus.CANCELLED
    assert driver.last.transitions[-1].detail == {"actor": "ada", "reason": "no longer needed"}
    assert driver.feed(CancelAsked("ada")).transitions == ()


def test_cancel_before_the_start() -> None:
    driver = Driver(plan_of(action("a")))
    driver.feed(CancelAsked("ada"))
    assert [t.status for t in driver.last.transitions] == [ExecutionStatus.CANCELLED]
    assert driver.feed(Started()).transitions == ()


def test_paused_lets_outcomes_in_and_starts_nothing_until_resumed() -> None:
    driver = chain("a", "b")
    driver.feed(PauseAsked("ada"))
    assert driver.execution_status() == "paused"
    assert driver.feed(PauseAsked("ada")).transitions == ()
    driver.succeed("a")
    assert ran(driver) == []
    assert driver.status("a") is StepStatus.COMPLETED
    driver.crash()
    assert ran(driver) == []
    driver.feed(ResumeAsked("ada"))
    assert ran(driver) == ["b"]
    assert driver.feed(ResumeAsked("ada")).transitions == ()


def test_the_last_outcome_while_paused_completes_at_resume() -> None:
    driver = chain("a")
    driver.feed(PauseAsked("ada"))
    driver.succeed("a")
    assert driver.execution_status() == "paused"
    driver.feed(ResumeAsked("ada"))
    assert driver.state.status is ExecutionStatus.COMPLETED


def test_a_failure_while_paused_ends_the_execution_at_resume() -> None:
    driver = Driver(plan_of(parallel("p", "a", "b"), action("a"), action("b"))).start()
    driver.feed(PauseAsked("ada"))
    driver.fail("a")
    assert driver.execution_status() == "paused"
    driver.feed(ResumeAsked("ada"))
    assert driver.state.status is ExecutionStatus.FAILED
    assert ran(driver) == []


def test_paused_before_the_start_begins_at_resume() -> None:
    driver = Driver(plan_of(action("a"), settings={"timeout": 5}))
    driver.feed(PauseAsked("ada"))
    assert driver.feed(Started()).transitions == ()
    assert driver.feed(Recovered()).transitions == ()
    driver.feed(ResumeAsked("ada"))
    assert ran(driver) == ["a"]
    assert driver.timer(TimerKind.WORKFLOW_TIMEOUT).attempt == 0


def test_a_back_off_that_ended_while_paused_goes_on_at_resume() -> None:
    driver = Driver(plan_of(action("a", retryConfig={"maxRetries": 1}))).start()
    driver.fail("a")
    timer = driver.timer(TimerKind.RETRY)
    driver.feed(PauseAsked("ada"))
    assert driver.fire(timer).transitions == ()
    driver.feed(ResumeAsked("ada"))
    assert driver.effect(RunAction).attempt == 2
    assert driver.fire(timer).transitions == ()


def test_a_back_off_not_over_at_resume_gets_its_timer_again() -> None:
    driver = Driver(plan_of(action("a", retryConfig={"maxRetries": 1}))).start()
    driver.fail("a")
    timer = driver.timer(TimerKind.RETRY)
    driver.feed(PauseAsked("ada"))
    driver.feed(ResumeAsked("ada"))
    assert driver.effect(SetTimer) == timer


def test_an_attempt_lost_while_paused_goes_again_at_resume() -> None:
    driver = chain("a")
    driver.feed(PauseAsked("ada"))
    driver.crash()
    assert driver.status("a") is StepStatus.WAITING
    assert ran(driver) == []
    driver.feed(ResumeAsked("ada"))
    assert driver.effect(RunAction).attempt == 2


def test_a_doubt_resolved_as_retry_while_paused_waits_for_resume() -> None:
    driver = Driver(plan_of(action("a", config={"delivery": "at_most_once"}))).start()
    driver.crash()
    driver.feed(PauseAsked("ada"))
    driver.feed(StepResolved(StepKey("a"), "retry", "ada"))
    assert ran(driver) == []
    driver.feed(ResumeAsked("ada"))
    assert ran(driver) == ["a"]


def test_retry_runs_what_failed_again_keeping_what_completed() -> None:
    driver = chain("a", "b", "c")
    driver.succeed("a", {"n": 1})
    driver.fail("b")
    assert driver.status("c") is StepStatus.CANCELLED
    driver.feed(RetryAsked("ada"))
    run = driver.effect(RunAction)
    assert (run.key.path, run.generation, run.attempt) == ("b", 1, 2)
    assert run.idempotency_key == f"{EXECUTION}:b:-:1"
    assert driver.status("c") is StepStatus.PENDING
    assert driver.state.steps[StepKey("a")].output == {"n": 1}
    driver.succeed("b")
    assert driver.run_of("c").generation == 0
    driver.succeed("c")
    assert driver.state.status is ExecutionStatus.COMPLETED
    assert driver.finish().failed_steps == ()


def test_retry_from_a_named_step_runs_it_and_what_is_behind_it() -> None:
    driver = chain("a", "b", "c")
    for name in ("a", "b", "c"):
        driver.succeed(name, name)
    assert driver.feed(RetryAsked("ada")).transitions == ()
    assert driver.feed(RetryAsked("ada", "nobody")).transitions == ()
    driver.feed(RetryAsked("ada", "b"))
    assert ran(driver) == ["b"]
    assert driver.run_of("b").generation == 1
    assert driver.statuses() == {"a": "completed", "b": "running", "c": "pending"}
    driver.succeed("b")
    driver.succeed("c")
    assert driver.state.status is ExecutionStatus.COMPLETED


def test_restart_successful_runs_everything_again() -> None:
    driver = chain("a", "b")
    driver.succeed("a")
    driver.fail("b")
    driver.feed(RetryAsked("ada", restart_successful=True))
    assert ran(driver) == ["a"]
    assert (driver.run_of("a").generation, driver.run_of("a").attempt) == (1, 2)


def test_retry_of_a_cancelled_execution_sends_a_stopped_attempt_under_its_old_key() -> None:
    driver = chain("a", "b")
    before = driver.run_of("a").idempotency_key
    driver.feed(CancelAsked("ada"))
    driver.feed(RetryAsked("ada"))
    run = driver.effect(RunAction)
    assert (run.idempotency_key, run.attempt) == (before, 2)


def test_retry_comes_to_an_at_most_once_attempt_that_was_cancelled_out_there_as_in_doubt() -> None:
    driver = Driver(plan_of(action("a", config={"delivery": "at_most_once"}))).start()
    driver.feed(CancelAsked("ada"))
    driver.feed(RetryAsked("ada"))
    assert driver.status("a") is StepStatus.IN_DOUBT
    assert ran(driver) == []
    driver.feed(CancelAsked("ada"))
    driver.feed(RetryAsked("ada", from_step_id="a"))
    assert driver.effect(RunAction).attempt == 2


@pytest.mark.parametrize(("policy", "status"), [("fail", StepStatus.FAILED), ("retry", StepStatus.RUNNING)])
def test_on_in_doubt_decides_such_an_attempt_too(policy: str, status: StepStatus) -> None:
    driver = Driver(plan_of(action("a", config={"delivery": "at_most_once", "onInDoubt": policy}))).start()
    driver.feed(CancelAsked("ada"))
    driver.feed(RetryAsked("ada"))
    assert driver.status("a") is status


def quarantined(driver: Driver) -> Driver:
    """What a worker records that gives an execution up without the core."""
    ended = ExecutionTransition(driver.state.seq + 1, ExecutionStatus.FAILED, driver.now, Failure("gone", "Gone."))
    driver.records.append(ended)
    driver.state = driver.replayed()
    return driver


def test_retry_of_an_execution_that_was_quarantined_in_mid_run_takes_up_its_open_steps() -> None:
    driver = chain("a", "b", "c")
    driver.succeed("a")
    before = driver.run_of("b").idempotency_key
    quarantined(driver).feed(RetryAsked("ada"))
    assert ran(driver) == ["b"]
    assert driver.run_of("b").idempotency_key == before
    driver.succeed("b")
    driver.succeed("c")
    assert driver.execution_status() == "completed"


def test_retry_of_an_execution_that_was_quarantined_holds_what_must_not_be_sent_twice() -> None:
    driver = Driver(plan_of(action("a", config={"delivery": "at_most_once"}))).start()
    quarantined(driver).feed(RetryAsked("ada"))
    assert driver.status("a") is StepStatus.IN_DOUBT


def test_retry_of_an_execution_that_ended_before_it_began_starts_it() -> None:
    driver = quarantined(Driver(plan_of(action("a"))))
    driver.feed(RetryAsked("ada"))
    assert ran(driver) == ["a"]
    assert driver.state.run == 1


def test_retry_of_a_running_execution_changes_nothing() -> None:
    assert chain("a").feed(RetryAsked("ada", "a")).transitions == ()


def test_retry_opens_a_cancelled_task_and_child_under_a_new_generation() -> None:
    plan = plan_of(
        parallel("p", "h", "s"), typed("h", "human", {}), typed("s", "subprocess", {"subWorkflowId": str(WORKFLOW)})
    )
    driver = Driver(plan).start()
    child = driver.effect(StartChild).child_id
    driver.feed(CancelAsked("ada"))
    driver.feed(RetryAsked("ada"))
    assert driver.effect(OpenTask).generation == 1
    assert driver.effect(StartChild).child_id != child


def test_retry_recounts_joins_and_undoes_a_handler_that_is_no_longer_needed() -> None:
    plan = plan_of(
        parallel("p", "a", "b"),
        action("a", "j", edge("mend", "failure")),
        action("b", "j"),
        action("mend", "last"),
        action("j", "last", join="all"),
        action("last"),
    )
    driver = Driver(plan).start()
    driver.fail("a")
    driver.succeed("b")
    driver.succeed("mend")
    driver.fail("last")
    driver.feed(RetryAsked("ada", "a"))
    assert ran(driver) == ["a"]
    driver.succeed("a")
    assert driver.status("mend") is StepStatus.SKIPPED
    assert ran(driver) == ["j"]


def test_retry_sets_the_workflow_timer_anew() -> None:
    driver = chain("a", settings={"timeout": 1_000})
    timer = SetTimer(EXECUTION_KEY, TimerKind.WORKFLOW_TIMEOUT, 0, 0, driver.now)
    driver.later(1_000).fire(timer)
    assert driver.state.status is ExecutionStatus.FAILED
    driver.feed(RetryAsked("ada"))
    assert driver.timer(TimerKind.WORKFLOW_TIMEOUT).generation == 1
    assert driver.fire(timer).transitions == ()
    assert ran(driver) == []
    assert driver.status("a") is StepStatus.RUNNING


def test_retry_takes_a_failed_loop_up_again_and_keeps_its_finished_iterations() -> None:
    plan = plan_of(loop("each", "triggerData.items", [action("do", "more"), action("more")], "after"), action("after"))
    driver = Driver(plan, {"items": [1, 2, 3]}).start()
    driver.succeed("each/do", 1, "0")
    driver.succeed("each/more", 1, "0")
    driver.fail("each/do", iteration="1")
    driver.feed(RetryAsked("ada"))
    run = driver.effect(RunAction)
    assert (run.key, run.generation) == (StepKey("each/do", "1"), 1)
    assert driver.status("each/more", "0") is StepStatus.COMPLETED
    for i in ("1", "2"):
        driver.succeed("each/do", int(i) * 10, i)
        driver.succeed("each/more", int(i) * 10, i)
    assert driver.state.steps[StepKey("each")].output == {"results": [1, 10, 20], "iterations": 3}
    driver.succeed("after")
    assert driver.state.status is ExecutionStatus.COMPLETED


def test_retry_leaves_a_loop_alone_whose_failure_was_handled() -> None:
    plan = plan_of(
        loop("each", "triggerData.items", [action("do")], edge("mend", "failure"), concurrency=2), action("mend")
    )
    driver = Driver(plan, {"items": [1, 2]}).start()
    driver.fail("each/do", iteration="0")
    driver.fail("mend")
    assert driver.finish().failed_steps == ("mend",)
    driver.feed(RetryAsked("ada"))
    assert ran(driver) == ["mend"]
    assert driver.status("each/do", "1") is StepStatus.CANCELLED
    driver.succeed("mend")
    assert driver.state.status is ExecutionStatus.COMPLETED


def test_retry_from_a_loop_runs_all_its_iterations_again_with_new_keys() -> None:
    plan = plan_of(loop("each", "triggerData.items", [action("do")]))
    driver = Driver(plan, {"items": [1]}).start()
    driver.succeed("each/do", 1, "0")
    driver.feed(RetryAsked("ada", "each"))
    assert driver.run_of("each/do", "0").idempotency_key == f"{EXECUTION}:each/do:0:1"
    driver.succeed("each/do", 2, "0")
    assert driver.state.steps[StepKey("each")].output == {"results": [2], "iterations": 1}


@pytest.mark.parametrize("name", ["do", "each/do"])
def test_retry_from_a_step_inside_a_loop_by_id_or_path(name: str) -> None:
    plan = plan_of(loop("each", "triggerData.items", [action("pre", "do"), action("do")], "after"), action("after"))
    driver = Driver(plan, {"items": [1]}).start()
    driver.succeed("each/pre", 1, "0")
    driver.succeed("each/do", 1, "0")
    driver.succeed("after")
    driver.feed(RetryAsked("ada", name))
    assert ran(driver) == ["each/do"]
    driver.succeed("each/do", 2, "0")
    assert driver.state.steps[StepKey("each")].output == {"results": [2], "iterations": 1}
    assert ran(driver) == ["after"]


def test_a_skipped_branch_that_is_named_is_skipped_again() -> None:
    plan = plan_of(condition("c", is_true("triggerData.go"), "a"), action("a"))
    driver = Driver(plan, {"go": False}).start()
    driver.feed(RetryAsked("ada", "a"))
    assert driver.status("a") is StepStatus.SKIPPED
    assert driver.state.status is ExecutionStatus.COMPLETED


def test_a_signal_while_paused_completes_its_step_and_an_early_one_is_kept() -> None:
    driver = Driver(plan_of(typed("w", "wait", {"signal": "go"}, "v"), typed("v", "wait", {"signal": "on"}))).start()
    driver.feed(PauseAsked("ada"))
    driver.feed(SignalReceived("on", 2, "s2"))
    assert driver.execution_status() == "paused"
    driver.feed(SignalReceived("go", 1, "s1"))
    assert driver.status("w") is StepStatus.COMPLETED
    driver.feed(ResumeAsked("ada"))
    assert driver.state.steps[StepKey("v")].output == 2


def test_what_is_paused_can_be_cancelled_and_can_run_out_of_time() -> None:
    plan = plan_of(typed("w", "wait", {"signal": "go"}), settings={"timeout": 5})
    cancelled = Driver(plan).start()
    cancelled.feed(PauseAsked("ada"))
    cancelled.feed(CancelAsked("ada"))
    assert cancelled.state.status is ExecutionStatus.CANCELLED

    late = Driver(plan)
    late.feed(Started())
    timer = late.timer(TimerKind.WORKFLOW_TIMEOUT)
    late.feed(PauseAsked("ada"))
    late.fire(timer)
    assert late.state.status is ExecutionStatus.FAILED
