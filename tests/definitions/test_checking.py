"""The check as a whole: typed values, pages, speed."""

import json
import time
from pathlib import Path
from typing import Any

from engine.definitions.building import priority_of
from engine.definitions.catalogue import ActionCatalogue, ActionEffect
from engine.definitions.checking import check
from engine.definitions.conditions import Condition, FieldTest, Logical, Operator
from engine.definitions.faults import fault_codes_page
from engine.definitions.interpolation import Constant, Members, Reference
from engine.definitions.model import (
    ActionConfig,
    CatchUp,
    ConnectionCondition,
    Definition,
    DelayConfig,
    Delivery,
    ErrorHandling,
    HumanConfig,
    Join,
    LoopConfig,
    OnInDoubt,
    Overlap,
    Priority,
    RetryPolicy,
    ScheduleTrigger,
    SignatureScheme,
    SubprocessConfig,
    WaitConfig,
    WebhookTrigger,
)
from engine.definitions.paths import parse_path
from engine.definitions.subworkflows import called_workflows

ROOT = Path(__file__).parent.parent.parent
VALID = ROOT / "tests" / "fixtures" / "definitions" / "valid"


def every_step_type(catalogue: ActionCatalogue) -> Definition:
    definition = check(json.loads((VALID / "every-step-type.json").read_text()), catalogue).definition
    assert definition is not None
    return definition


def test_a_document_becomes_typed_values(catalogue: ActionCatalogue) -> None:
    definition = every_step_type(catalogue)
    steps = {step.id: step for step in definition.all_steps()}

    assert (definition.name, definition.version, definition.labels) == ("Fixture", "2.1.0", ("a", "b"))
    assert definition.require_separate_publisher
    assert definition.settings.error_handling is ErrorHandling.CONTINUE
    assert (definition.settings.priority, definition.settings.timeout_ms) == (Priority.HIGH, 3_600_000)
    fetch = steps["fetch"]
    assert isinstance(fetch.config, ActionConfig)
    assert isinstance(fetch.config.action_config, Members)
    assert dict(fetch.config.action_config.members)["timeoutMs"] == Reference(parse_path("variables.limit"))
    assert (fetch.config.effect, fetch.config.delivery) == (ActionEffect.WRITE, Delivery.AT_MOST_ONCE)
    assert fetch.config.on_in_doubt is OnInDoubt.HUMAN
    assert fetch.config.probe is not None
    assert fetch.config.probe.happened == Condition(
        FieldTest(parse_path("probe.body.found"), Operator.EQ, True), Logical.AND
    )
    assert fetch.retry == RetryPolicy(2, 100, True, 1_000, True, frozenset({"404", "http.409"}), 4_000)
    assert fetch.timeout_ms == 5_000
    assert fetch.input_mappings == (("id", parse_path("triggerData.id")),)
    assert fetch.output_mappings == (("body", parse_path("body")),)
    assert [one.condition for one in steps["check"].connections] == [
        ConnectionCondition.SUCCESS,
        ConnectionCondition.FAILURE,
    ]
    assert (steps["join"].join, steps["join"].timeout_ms, steps["join"].input_mappings) == (
        Join.ALL,
        None,
        None,
    )


def test_every_config_is_typed(catalogue: ActionCatalogue) -> None:
    steps = {step.id: step for step in every_step_type(catalogue).all_steps()}

    each = steps["each"].config
    assert isinstance(each, LoopConfig)
    assert (each.iterate_over, each.max_iterations, each.concurrency, each.truncate) == (
        parse_path("steps.fetch.output.body.items"), 10, 2, True,
    )  # fmt: skip
    assert [step.id for step in each.body] == ["inner", "after-inner"]
    assert steps["pause"].config == DelayConfig(delay_ms=1_000)
    assert steps["until"].config == DelayConfig(until=Reference(parse_path("triggerData.when")))
    assert steps["wait-signal"].config == WaitConfig(signal="go")
    assert steps["wait-signal"].timeout_ms == 1_000
    assert steps["wait-signal"].connections[1].custom is not None
    assert steps["wait-event"].config == WaitConfig(
        event_type="order.paid", correlation=((parse_path("order.id"), parse_path("triggerData.id")),)
    )
    assert steps["sub"].config == SubprocessConfig("0197f3a0-0000-7000-8000-000000000001", "1.2.0")
    assert not steps["sub"].is_enabled
    ask = steps["ask"].config
    assert isinstance(ask, HumanConfig)
    assert isinstance(ask.task, Members)
    assert dict(ask.task.members)["dueInMs"] == Constant(60_000)


def test_every_trigger_is_typed(catalogue: ActionCatalogue) -> None:
    triggers = {trigger.id: trigger for trigger in every_step_type(catalogue).triggers}

    assert triggers["s"].config == ScheduleTrigger(
        "*/5 8-18 * jan-dec mon-fri", "Europe/Berlin", CatchUp.ALL, 60, Overlap.BUFFER, 10, 5
    )
    assert (triggers["s"].is_enabled, triggers["s"].payload) == (False, {"id": "x"})
    assert triggers["h"].config == WebhookTrigger("in/orders", SignatureScheme.GITHUB)


def test_called_workflows_are_found_in_bodies_too() -> None:
    call: dict[str, Any] = {"id": "s", "type": "subprocess", "config": {"subWorkflowId": "b"}}
    loop: dict[str, Any] = {"id": "l", "type": "loop", "config": {"iterateOver": "x", "body": [call]}}
    other: dict[str, Any] = {"id": "t", "type": "subprocess", "config": {"subWorkflowId": "c"}}

    assert called_workflows({"steps": [loop, other]}) == {"b", "c"}


def test_waits_between_retries_add_up_to_the_longest() -> None:
    assert RetryPolicy(4, 1_000, max_delay_ms=3_000).longest_wait_ms() == 1_000 + 2_000 + 3_000 + 3_000
    assert RetryPolicy(3, 500, exponential=False).longest_wait_ms() == 1_500
    assert RetryPolicy(3, 500, exponential=False, max_delay_ms=100).longest_wait_ms() == 300
    assert RetryPolicy(1_000, 1, max_elapsed_ms=5_000).longest_wait_ms() == 5_000
    assert RetryPolicy(0).longest_wait_ms() == 0


def test_priorities_have_names_and_numbers() -> None:
    assert [priority_of(value) for value in (None, "critical", "LOW", 1)] == [
        Priority.NORMAL,
        Priority.CRITICAL,
        Priority.LOW,
        Priority.HIGH,
    ]


def test_the_page_of_fault_codes_is_the_source() -> None:
    assert (ROOT / "docs" / "fault-codes.md").read_text() == fault_codes_page()


def chain(count: int) -> dict[str, Any]:
    return {
        "name": "x",
        "steps": [
            {
                "id": f"s{index}",
                "name": f"Step {index}",
                "type": "action",
                "position": {"x": index, "y": 0},
                "config": {
                    "actionType": "api",
                    "actionConfig": {
                        "url": "https://example.com/{{triggerData.id}}",
                        "body": {"x": f"{{{{steps.s{index - 1}.output}}}}" if index else 1},
                    },
                },
                "connections": [{"targetStepId": f"s{index + 1}"}] if index + 1 < count else [],
                "retryConfig": {"maxRetries": 3, "retryDelay": 10},
            }
            for index in range(count)
        ],
    }


def best_of(rounds: int, document: dict[str, Any], catalogue: ActionCatalogue) -> float:
    times = []
    for _ in range(rounds):
        started = time.process_time()
        assert not check(document, catalogue).faults
        times.append(time.process_time() - started)
    return min(times)


def test_checking_is_quick_and_linear(catalogue: ActionCatalogue) -> None:
    small = best_of(5, chain(200), catalogue)

    assert small < 0.1  # ten times what it takes where nobody else uses the core
    assert best_of(3, chain(2_000), catalogue) < 25 * small


def test_a_large_document_full_of_faults_is_answered_in_bounded_time(catalogue: ActionCatalogue) -> None:
    document = chain(5_000)
    for step in document["steps"]:
        step["config"]["actionTyp"] = step["connections"] = step["isEnabled"] = 1
    started = time.process_time()

    faults = check(document, catalogue).faults

    assert len(faults) == 1_000
    assert time.process_time() - started < 5
