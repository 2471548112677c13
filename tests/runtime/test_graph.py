"""Connections, joins, dead paths, failures: who runs, who is passed by."""

import pytest

from engine.jsonvalue import JsonObject
from engine.runtime.effects import OpenTask, RunAction, StopAction
from engine.runtime.events import ActionSucceeded, Started
from engine.runtime.states import ExecutionStatus, StepKey, StepStatus
from engine.runtime.transitions import StepTransition
from engine.runtime.view import steps_of
from tests.runtime.documents import action, condition, edge, equals, is_true, parallel, plan_of, typed
from tests.runtime.driver import EXECUTION, Driver


def ran(driver: Driver) -> list[str]:
    return [run.key.path for run in driver.effects(RunAction)]


def test_started_execution_runs_its_entry_steps_and_records_their_intent_first() -> None:
    driver = Driver(plan_of(action("a", "b"), action("b"))).start()

    running, intent = driver.last.transitions
    assert running.status is ExecutionStatus.RUNNING
    assert isinstance(intent, StepTransition)
    assert (intent.key, intent.status, intent.attempt) == (StepKey("a"), StepStatus.RUNNING, 1)
    assert intent.detail == {"delivery": "effectively_once"}
    assert intent.input is None
    run = driver.effect(RunAction)
    assert (run.key, run.attempt, run.generation, run.timeout_ms) == (StepKey("a"), 1, 0, 30_000)
    assert run.idempotency_key == f"{EXECUTION}:a:-:0"


def test_the_intent_of_the_next_step_rides_with_the_outcome_of_the_last() -> None:
    driver = Driver(plan_of(action("a", "b"), action("b"))).start()
    driver.succeed("a", {"x": 1})

    assert [(t.key.path, t.status.value) for t in driver.last.transitions if isinstance(t, StepTransition)] == [
        ("a", "completed"),
        ("b", "running"),
    ]
    assert ran(driver) == ["b"]


def test_an_execution_whose_last_step_completed_is_completed_with_its_output() -> None:
    driver = Driver(plan_of(action("a", "b"), action("b", config={"outputMappings": {"total": "sum"}}))).start()
    driver.succeed("a")
    driver.succeed("b", {"sum": 7})

    assert driver.state.status is ExecutionStatus.COMPLETED
    assert driver.finish().output == {"b": {"sum": 7}, "total": 7}
    assert driver.finish().failed_steps == ()


def test_a_second_start_changes_nothing() -> None:
    driver = Driver(plan_of(action("a"))).start()
    assert driver.feed(Started()).transitions == ()


@pytest.mark.parametrize(
    ("generation", "attempt"), [(0, 0), (0, 2), (1, 1)], ids=["older attempt", "later attempt", "other generation"]
)
def test_an_outcome_of_another_attempt_changes_nothing(generation: int, attempt: int) -> None:
    driver = Driver(plan_of(action("a"))).start()
    advanced = driver.feed(ActionSucceeded(StepKey("a"), generation, attempt, {}))
    assert (advanced.transitions, advanced.effects) == ((), ())
    assert driver.status("a") is StepStatus.RUNNING


def test_a_repeated_outcome_and_one_after_the_end_change_nothing() -> None:
    driver = Driver(plan_of(action("a", "b"), action("b"))).start()
    driver.succeed("a", {"first": True})
    assert driver.succeed("a", {"first": False}).transitions == ()
    driver.succeed("b")
    assert driver.succeed("b").transitions == ()
    assert driver.state.steps[StepKey("a")].output == {"first": True}


def test_a_condition_takes_the_true_branch_only_and_the_other_is_skipped() -> None:
    plan = plan_of(
        condition("high", equals("triggerData.severity", "high"), "page", edge("note", "failure")),
        action("page"),
        action("note"),
    )
    driver = Driver(plan, {"severity": "high"}).start()
    assert ran(driver) == ["page"]
    assert driver.status("note") is StepStatus.SKIPPED
    assert driver.state.steps[StepKey("high")].output == {"result": True}

    other = Driver(plan, {"severity": "low"}).start()
    assert ran(other) == ["note"]
    assert other.status("page") is StepStatus.SKIPPED


def test_a_dead_path_is_skipped_to_its_end_within_one_advance() -> None:
    plan = plan_of(condition("c", is_true("triggerData.go"), "a"), action("a", "b"), action("b", "d"), action("d"))
    driver = Driver(plan, {"go": False}).start()
    assert driver.statuses() == {"c": "completed", "a": "skipped", "b": "skipped", "d": "skipped"}
    assert driver.state.status is ExecutionStatus.COMPLETED


def test_any_join_waits_for_all_to_be_decided_and_runs_once() -> None:
    plan = plan_of(parallel("p", "a", "b"), action("a", "j"), action("b", "j"), action("j"))
    driver = Driver(plan).start()
    driver.succeed("a")
    assert ran(driver) == []
    driver.succeed("b")
    assert ran(driver) == ["j"]


def test_any_join_runs_when_one_branch_is_dead() -> None:
    plan = plan_of(condition("c", is_true("triggerData.go"), "a", edge("j", "failure")), action("a", "j"), action("j"))
    driver = Driver(plan, {"go": False}).start()
    assert driver.status("a") is StepStatus.SKIPPED
    assert ran(driver) == ["j"]


def test_all_join_is_skipped_when_one_branch_is_dead() -> None:
    plan = plan_of(
        parallel("p", "c", "b"),
        condition("c", is_true("triggerData.go"), "j"),
        action("b", "j"),
        action("j", join="all"),
    )
    driver = Driver(plan, {"go": False}).start()
    driver.succeed("b")
    assert driver.status("j") is StepStatus.SKIPPED
    assert driver.state.status is ExecutionStatus.COMPLETED


@pytest.mark.parametrize("kind", ["failure", "always"])
def test_a_failure_connection_handles_the_failure(kind: str) -> None:
    plan = plan_of(action("a", "b", edge("mend", kind)), action("b"), action("mend"))
    driver = Driver(plan).start()
    driver.fail("a")
    assert driver.status("b") is StepStatus.SKIPPED
    assert ran(driver) == ["mend"]
    driver.succeed("mend")
    assert driver.state.status is ExecutionStatus.COMPLETED
    assert driver.finish().failed_steps == ()


def test_a_matching_custom_connection_handles_the_failure_and_its_answer_is_recorded() -> None:
    busy = edge("wait", "custom", equals("steps.a.error.code", "http.429"))
    gone = edge("drop", "custom", equals("steps.a.error.code", "http.404"))
    driver = Driver(plan_of(action("a", busy, gone), action("wait"), action("drop"))).start()
    driver.fail("a", "http.404")
    assert driver.last.transitions[0].detail == {"taken": [1]}
    assert ran(driver) == ["drop"]
    assert driver.status("wait") is StepStatus.SKIPPED


def test_a_custom_connection_looks_at_the_output_of_its_own_step() -> None:
    plan = plan_of(action("a", edge("b", "custom", equals("steps.a.output.n", 2))), action("b"))
    driver = Driver(plan).start()
    driver.succeed("a", {"n": 2})
    assert ran(driver) == ["b"]


def test_always_runs_after_success_and_not_after_skipped() -> None:
    plan = plan_of(
        condition("c", is_true("triggerData.go"), "a"), action("a", edge("clean", "always")), action("clean")
    )
    went = Driver(plan, {"go": True}).start()
    went.succeed("a")
    assert ran(went) == ["clean"]
    assert Driver(plan, {"go": False}).start().statuses()["clean"] == "skipped"


def test_stop_ends_the_execution_at_once_and_cancels_what_is_undecided() -> None:
    plan = plan_of(parallel("p", "a", "b"), action("a", "c"), action("b", "c"), action("c"))
    driver = Driver(plan).start()
    driver.fail("a", "http.500")
    assert driver.statuses() == {"p": "completed", "a": "failed", "b": "cancelled", "c": "cancelled"}
    assert driver.state.status is ExecutionStatus.FAILED
    assert driver.effect(StopAction).key == StepKey("b")
    finish = driver.finish()
    assert finish.failure is not None
    assert (finish.failure.code, finish.failure.details) == ("http.500", {"stepId": "a"})
    assert finish.failed_steps == ("a",)
    assert finish.output is None
    assert driver.succeed("b").transitions == ()


def test_continue_skips_what_depended_on_the_failure_and_completes() -> None:
    plan = plan_of(
        parallel("p", "a", "b"),
        action("a", "a2"),
        action("a2"),
        action("b", "b2"),
        action("b2"),
        settings={"errorHandling": "continue"},
    )
    driver = Driver(plan).start()
    driver.fail("a")
    assert driver.status("a2") is StepStatus.SKIPPED
    driver.succeed("b")
    driver.succeed("b2")
    assert driver.state.status is ExecutionStatus.COMPLETED
    assert driver.finish().failed_steps == ("a",)


def test_a_disabled_step_is_passed_through() -> None:
    driver = Driver(plan_of(action("a", "b", isEnabled=False), action("b"))).start()
    assert driver.status("a") is StepStatus.SKIPPED
    assert ran(driver) == ["b"]


def test_a_disabled_step_on_a_dead_path_takes_nothing() -> None:
    plan = plan_of(condition("c", is_true("triggerData.go"), "a"), action("a", "b", isEnabled=False), action("b"))
    driver = Driver(plan, {"go": False}).start()
    assert driver.status("b") is StepStatus.SKIPPED


def test_a_fan_out_of_200_joins_once() -> None:
    branches = [action(f"b{i}", "join") for i in range(200)]
    plan = plan_of(parallel("p", *(f"b{i}" for i in range(200))), *branches, action("join", join="all"))
    driver = Driver(plan).start()
    assert len(ran(driver)) == 200
    for i in range(199):
        driver.succeed(f"b{i}")
        assert ran(driver) == []
    driver.succeed("b199")
    assert ran(driver) == ["join"]


def test_templates_are_filled_in_with_their_json_type_and_a_missing_path_fails_the_step() -> None:
    config: JsonObject = {"actionConfig": {"n": "{{steps.a.output.n}}", "text": "n={{steps.a.output.n}}"}}
    driver = Driver(plan_of(action("a", "b"), action("b", config=config))).start()
    driver.succeed("a", {"n": 3})
    assert driver.effect(RunAction).config == {"n": 3, "text": "n=3"}

    missing = Driver(plan_of(action("a", "b"), action("b", config=config))).start()
    missing.succeed("a", {})
    assert missing.state.status is ExecutionStatus.FAILED
    failure = missing.finish().failure
    assert failure is not None
    assert failure.code == "template.path_missing"
    assert missing.effects(RunAction) == []


def test_input_mappings_choose_the_input_and_are_recorded() -> None:
    driver = Driver(
        plan_of(action("a", config={"inputMappings": {"who": "triggerData.name"}})), {"name": "Ada"}
    ).start()
    assert driver.effect(RunAction).input == {"who": "Ada"}
    assert driver.last.transitions[1].input == {"who": "Ada"}  # type: ignore[union-attr]  # it is the step's


def test_templates_and_conditions_find_what_input_mappings_name_beside_the_context() -> None:
    mapped: JsonObject = {"who": "triggerData.name", "plan": "triggerData.wanted", "triggerData": "triggerData.name"}
    config: JsonObject = {
        "inputMappings": mapped,
        "actionConfig": {"who": "{{who}}", "plan": "{{plan}}", "name": "{{triggerData.name}}"},
    }
    asked: JsonObject = {"inputMappings": mapped, "condition": equals("who", "Ada")}
    driver = Driver(
        plan_of(action("a", "b", config=config), typed("b", "condition", asked, "c"), action("c")),
        {"name": "Ada", "plan": "older", "wanted": "newer"},
    ).start()
    # A mapped name hides older ones, and never a root.
    assert driver.effect(RunAction).config == {"who": "Ada", "plan": "newer", "name": "Ada"}
    driver.succeed("a", {})
    assert [step.output for step in steps_of(driver.plan, driver.state) if step.step_id == "b"] == [{"result": True}]


def test_a_task_is_called_what_its_step_is_called_unless_its_config_says_otherwise() -> None:
    asking = {**typed("ask", "human", {"assignees": ["ada"]}), "name": "Check {{ the order"}
    titled = typed("titled", "human", {"title": "Look"}, name="Other")
    effects = Driver(plan_of(asking, titled)).start().effects(OpenTask)
    assert [effect.config for effect in effects] == [
        {"title": "Check {{ the order", "assignees": ["ada"]},
        {"title": "Look"},
    ]


def test_without_input_mappings_a_step_gets_all_of_the_context() -> None:
    driver = Driver(plan_of(action("a", "b"), action("b")), {"k": 1}).start()
    driver.succeed("a", {"n": 1})
    given = driver.effect(RunAction).input
    assert isinstance(given, dict)
    assert given["steps"] == {"a": {"status": "completed", "output": {"n": 1}}}
    assert given["triggerData"] == {"k": 1}
    assert given["execution"] == {
        "id": str(EXECUTION),
        "workflowId": "01900000-0000-7000-8000-000000000002",
        "version": "1.2.0",
        "startedBy": "ada",
    }


def test_older_names_at_the_top_level_outputs_before_trigger_data_before_variables() -> None:
    plan = plan_of(
        action("a", "b", config={"outputMappings": {"x": "x", "steps": "x"}}),
        action("b", config={"actionConfig": {"x": "{{x}}", "y": "{{y}}", "z": "{{z}}", "s": "{{steps.a.status}}"}}),
        settings={"variables": {"x": "variable", "y": "variable", "z": "variable"}},
    )
    driver = Driver(plan, {"x": "trigger", "y": "trigger"}).start()
    driver.succeed("a", {"x": "output"})
    assert driver.effect(RunAction).config == {"x": "output", "y": "trigger", "z": "variable", "s": "completed"}


def test_a_chain_of_pure_steps_is_decided_in_one_advance() -> None:
    steps = [parallel(f"p{i}", f"p{i + 1}") for i in range(50)]
    driver = Driver(plan_of(*steps, action("p50"))).start()
    assert len(driver.last.transitions) == 1 + 50 + 1
    assert ran(driver) == ["p50"]
