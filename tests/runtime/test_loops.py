"""Loops: items, iterations, concurrency, results, failures inside, nesting."""

import pytest

from engine.jsonvalue import Json, JsonObject
from engine.runtime.effects import RunAction, StopAction
from engine.runtime.states import ExecutionStatus, StepKey, StepStatus, TimerKind
from engine.runtime.view import steps_of
from tests.runtime.documents import action, condition, edge, equals, loop, plan_of, typed
from tests.runtime.driver import EXECUTION, Driver


def over(items: Json, *body: JsonObject, settings: JsonObject | None = None, **config: Json) -> Driver:
    plan = plan_of(loop("each", "triggerData.items", list(body), "after", **config), action("after"), settings=settings)
    return Driver(plan, {"items": items}).start()


def ran(driver: Driver) -> list[tuple[str, str]]:
    return [(run.key.path, run.key.iteration) for run in driver.effects(RunAction)]


def test_iterations_run_one_after_another_and_see_their_item() -> None:
    config: JsonObject = {"actionConfig": {"x": "{{item}}", "i": "{{index}}", "o": "{{loopItem}}-{{loopIndex}}"}}
    driver = over(["a", "b"], action("do", config=config))
    first = driver.effect(RunAction)
    assert (first.key, first.config) == (StepKey("each/do", "0"), {"x": "a", "i": 0, "o": "a-0"})
    assert first.idempotency_key == f"{EXECUTION}:each/do:0:0"
    driver.succeed("each/do", {"r": 1}, "0")
    assert ran(driver) == [("each/do", "1")]
    driver.succeed("each/do", {"r": 2}, "1")
    assert driver.state.steps[StepKey("each")].output == {"results": [{"r": 1}, {"r": 2}], "iterations": 2}
    assert ran(driver) == [("after", "")]


def test_an_empty_list_completes_at_once() -> None:
    driver = over([], action("do"))
    assert driver.state.steps[StepKey("each")].output == {"results": [], "iterations": 0}
    assert ran(driver) == [("after", "")]


def test_no_more_iterations_than_the_concurrency_are_in_progress_and_results_keep_their_order() -> None:
    driver = over([0, 1, 2, 3], action("do"), concurrency=2)
    assert ran(driver) == [("each/do", "0"), ("each/do", "1")]
    driver.succeed("each/do", 1, "1")
    assert ran(driver) == [("each/do", "2")]
    driver.succeed("each/do", 2, "2")
    driver.succeed("each/do", 3, "3")
    assert ran(driver) == []
    driver.succeed("each/do", 10, "0")
    assert driver.state.steps[StepKey("each")].output == {"results": [10, 1, 2, 3], "iterations": 4}


@pytest.mark.parametrize(
    ("items", "code"),
    [([1, 2, 3], "loop.too_many_items"), ("abc", "loop.not_a_list"), (None, "loop.not_a_list")],
)
def test_what_a_loop_cannot_take_fails_it(items: Json, code: str) -> None:
    driver = over(items, action("do"), maxIterations=2)
    failure = driver.finish().failure
    assert failure is not None
    assert (failure.code, driver.status("each")) == (code, StepStatus.FAILED)


def test_a_list_that_is_not_there_fails_the_loop() -> None:
    driver = Driver(plan_of(loop("each", "triggerData.none", [action("do")]))).start()
    failure = driver.finish().failure
    assert failure is not None
    assert failure.code == "template.path_missing"


def test_truncate_takes_the_first_items() -> None:
    driver = over([1, 2, 3], action("do"), maxIterations=2, truncate=True, concurrency=9)
    assert ran(driver) == [("each/do", "0"), ("each/do", "1")]


def test_a_body_is_a_graph_of_its_own_and_several_last_steps_give_an_object() -> None:
    driver = over(
        [1, 2],
        condition("big", equals("item", 2), "yes", edge("no", "failure")),
        action("yes"),
        action("no"),
        concurrency=2,
    )
    assert ran(driver) == [("each/no", "0"), ("each/yes", "1")]
    driver.succeed("each/no", "n", "0")
    driver.succeed("each/yes", "y", "1")
    assert driver.state.steps[StepKey("each")].output == {"results": [{"no": "n"}, {"yes": "y"}], "iterations": 2}


def test_a_body_sees_its_own_steps_and_those_outside_and_its_mappings_stay_inside() -> None:
    seen: JsonObject = {
        "actionConfig": {"own": "{{steps.one.output.v}}", "out": "{{steps.pre.output.v}}", "key": "{{k}}"}
    }
    plan = plan_of(
        action("pre", "each"),
        loop(
            "each",
            "triggerData.items",
            [action("one", "two", config={"outputMappings": {"k": "v"}}), action("two", config=seen)],
            "after",
        ),
        action("after", config={"actionConfig": {"r": "{{steps.each.output.results.0.z}}"}}),
    )
    driver = Driver(plan, {"items": [1]}).start()
    driver.succeed("pre", {"v": "P"})
    driver.succeed("each/one", {"v": "O"}, "0")
    assert driver.effect(RunAction).config == {"own": "O", "out": "P", "key": "O"}
    driver.succeed("each/two", {"z": "Z"}, "0")
    assert driver.effect(RunAction).config == {"r": "Z"}
    assert driver.state.root is not None
    assert driver.state.root.mapped == {}


def test_nested_loops_hide_the_outer_item() -> None:
    inner = loop("inner", "item", [action("do", config={"actionConfig": {"x": "{{item}}"}})], concurrency=5)
    driver = over([[1, 2], [3]], inner)
    assert [(*key, run.config["x"]) for key, run in driver.runs.items()] == [
        ("each/inner/do", "0.0", 1),
        ("each/inner/do", "0.1", 2),
    ]
    driver.succeed("each/inner/do", "a", "0.0")
    driver.succeed("each/inner/do", "b", "0.1")
    assert ran(driver) == [("each/inner/do", "1.0")]
    driver.succeed("each/inner/do", "c", "1.0")
    assert driver.state.steps[StepKey("each")].output == {
        "results": [{"results": ["a", "b"], "iterations": 2}, {"results": ["c"], "iterations": 1}],
        "iterations": 2,
    }


def test_an_unhandled_failure_inside_fails_the_loop_and_says_where() -> None:
    driver = over([1, 2, 3], action("do", "more"), action("more"), concurrency=2)
    driver.fail("each/do", "http.500", iteration="1")
    assert driver.statuses() == {
        "each": "failed",
        "each/do[0]": "cancelled",
        "each/more[0]": "cancelled",
        "each/do[1]": "failed",
        "each/more[1]": "cancelled",
        "after": "cancelled",
    }
    assert driver.effect(StopAction).key == StepKey("each/do", "0")
    finish = driver.finish()
    assert finish.failure is not None
    assert (finish.failure.code, finish.failure.details) == ("http.500", {"stepId": "each/do", "iteration": "1"})
    assert finish.failed_steps == ("each/do", "each")


def test_the_loops_failure_connection_handles_a_failure_inside() -> None:
    plan = plan_of(
        loop("each", "triggerData.items", [action("do")], "after", edge("mend", "failure")),
        action("after"),
        action("mend"),
    )
    driver = Driver(plan, {"items": [1, 2]}).start()
    driver.fail("each/do", iteration="0")
    assert ran(driver) == [("mend", "")]
    driver.succeed("mend")
    assert driver.state.status is ExecutionStatus.COMPLETED
    assert driver.finish().failed_steps == ()


def test_with_continue_a_failed_iteration_leaves_the_others_alone() -> None:
    driver = over([1, 2], action("do", "more"), action("more"), settings={"errorHandling": "continue"})
    driver.fail("each/do", iteration="0")
    assert driver.status("each/more", "0") is StepStatus.SKIPPED
    driver.succeed("each/do", 1, "1")
    driver.succeed("each/more", 2, "1")
    assert driver.state.steps[StepKey("each")].output == {"results": [None, 2], "iterations": 2}
    driver.succeed("after")
    assert driver.finish().failed_steps == ("each/do",)


def test_a_loops_timeout_stops_its_iterations() -> None:
    driver = over([1, 2], action("do"), typed("nap", "delay", {"delayMs": 9_000}), timeout=5_000)
    timer = driver.timer(TimerKind.STEP_TIMEOUT)
    driver.fire(timer)
    assert driver.status("each/do", "0") is StepStatus.CANCELLED
    assert driver.state.failure is not None
    assert driver.state.failure.code == "step.timeout"


def test_a_crash_between_iterations_goes_on_where_it_was() -> None:
    driver = over([1, 2, 3], action("do"), action("also"))
    driver.succeed("each/do", 1, "0")
    driver.crash()
    assert ran(driver) == [("each/also", "0")]
    driver.succeed("each/also", 1, "0")
    assert ran(driver) == [("each/do", "1"), ("each/also", "1")]


def test_the_view_names_loop_and_iteration() -> None:
    driver = over([1, 2], action("do"), concurrency=2)
    driver.succeed("each/do", 5, "1")
    shown = [(s.step_id, s.parent_step_id, s.iteration, s.status.value) for s in steps_of(driver.plan, driver.state)]
    assert shown == [
        ("each", None, None, "running"),
        ("do", "each", "0", "running"),
        ("do", "each", "1", "completed"),
        ("after", None, None, "pending"),
    ]
