"""`maestro test`: the built-in templates' own cases hold, and what does not hold is named."""

import json
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest
from click.testing import CliRunner

from scripts.cli.main import main

SUITES = sorted((Path(__file__).parents[1] / "fixtures" / "workflow_tests").glob("*.json"))
WAITING: dict[str, Any] = {
    "name": "Wait",
    "triggers": [{"id": "daily", "type": "schedule", "config": {"schedule": "0 2 * * *", "timezone": "Europe/Berlin"}}],
    "steps": [
        {"id": "nap", "name": "Nap", "type": "delay", "config": {"delayMs": 86400000},
         "connections": [{"targetStepId": "go"}]},
        {"id": "go", "name": "Go", "type": "wait", "config": {"signal": "go"}},
    ],
}  # fmt: skip


TWO_PEOPLE: dict[str, Any] = {
    "name": "Two people",
    "triggers": [{"id": "by-hand", "type": "manual"}],
    "steps": [
        {"id": "sign", "name": "Sign", "type": "human",
         "config": {"title": "Sign", "candidateGroups": ["board"], "approvals": {"required": 2, "of": 2},
                    "formConfig": {"fields": [{"name": "decision", "type": "select", "required": True,
                                               "options": ["yes", "no"]}]},
                    "sla": {"startMs": 1000, "completionMs": 10000, "warnAtPct": 50},
                    "escalation": [{"afterMs": 4000, "action": "addCandidates", "assignees": ["eve"]},
                                   {"afterMs": 60000, "action": "fail"}]}},
    ],
}  # fmt: skip


def _run(
    place: Path, case: dict[str, Any], *more: str, definition: dict[str, Any] = WAITING
) -> tuple[int, list[dict[str, Any]]]:
    (place / "wait.json").write_text(json.dumps(definition))
    (place / "cases.json").write_text(json.dumps({"definition": "wait.json", "cases": [{"name": "it", **case}]}))
    result = CliRunner().invoke(main, ["test", str(place / "cases.json"), "--json", *more])
    return result.exit_code, json.loads(result.stdout)


@pytest.mark.parametrize("suite", SUITES, ids=lambda one: str(one.stem))
def test_the_cases_of_a_built_in_template_hold(suite: Path) -> None:
    result = CliRunner().invoke(main, ["test", str(suite)])
    assert result.exit_code == 0, result.output


def test_there_is_a_suite_for_each_template() -> None:
    assert [one.stem for one in SUITES] == ["approval", "data-processing", "incident-response"]


def test_time_skips_through_delays_and_schedules(tmp_path: Path) -> None:
    case = {
        "start": "2026-03-28T12:00:00Z",
        "signals": [{"name": "go", "payload": 7, "atMs": 90000000}],
        "expect": {
            "status": "completed",
            "tookMs": 90000000,
            "startsAtMs": {"go": 86400000},
            "ticks": {"daily": ["2026-03-29T01:00:00Z", "2026-03-30T00:00:00Z"]},
        },
    }
    code, (row,) = _run(tmp_path, case)
    assert (code, row["faults"]) == (0, [])


def test_what_differs_is_named_and_stands_in_the_report(tmp_path: Path) -> None:
    case = {"signals": [{"name": "go"}], "expect": {"tookMs": 1, "path": ["go"], "ticks": {"none": []}}}
    code, (row,) = _run(tmp_path, case, "--junit", str(tmp_path / "report.xml"))
    assert code == 1
    assert [fault.partition(":")[0] for fault in row["faults"]] == ["tookMs", "path", "ticks of none"]
    (failure,) = ET.parse(tmp_path / "report.xml").iter("failure")  # noqa: S314 - our own report
    assert str(failure.get("message")).startswith("tookMs: expected 1, was 86400000")


def test_an_execution_that_waits_for_ever_fails_its_case(tmp_path: Path) -> None:
    code, (row,) = _run(tmp_path, {})
    assert (code, row["faults"]) == (1, ["It waits for ever, at: go."])


def _yes(by: str, after_ms: int, **more: int) -> dict[str, Any]:
    return {"output": {"decision": "yes"}, "by": by, "afterMs": after_ms, **more}


def test_clocks_and_escalations_of_tasks_run_while_two_people_sign(tmp_path: Path) -> None:
    moves = [
        ["activate", 0], ["warn", 500], ["breach", 1000], ["claim", 2000], ["start", 2000],
        ["complete", 3000], ["escalate", 4000], ["warn", 5000], ["claim", 6000], ["start", 6000], ["complete", 6000],
    ]  # fmt: skip
    task = {
        "status": "completed", "slaBreached": True, "assignees": ["eve"], "escalationLevel": 1, "moves": moves,
    }  # fmt: skip
    case = {
        "results": {"sign": [_yes("ann", 3000, startAfterMs=2000), _yes("eve", 3000)]},
        "expect": {"status": "completed", "tookMs": 6000, "tasks": {"sign": task},
                   "outputs": {"steps.sign.output.approvals.approved": True}},
    }  # fmt: skip
    code, (row,) = _run(tmp_path, case, definition=TWO_PEOPLE)
    assert (code, row["faults"]) == (0, [])


def test_an_escalation_that_fails_its_task_fails_the_step(tmp_path: Path) -> None:
    case = {"expect": {"status": "failed", "tookMs": 60000, "tasks": {"sign": {"status": "failed"}}}}
    code, (row,) = _run(tmp_path, case, definition=TWO_PEOPLE)
    assert (code, row["faults"]) == (0, [])


@pytest.mark.parametrize(
    ("results", "said"),
    [
        ([_yes("ann", 1), _yes("ann", 1)], "You are excluded from this task"),
        ([{"output": {"decision": "maybe"}}], "/formData/decision"),
        ([_yes("ann", 1, startAfterMs=2)], "handed in before it is started"),
    ],
)
def test_what_a_task_does_not_allow_fails_the_case(tmp_path: Path, results: list[Any], said: str) -> None:
    code, (row,) = _run(tmp_path, {"results": {"sign": results}}, definition=TWO_PEOPLE)
    assert code == 1
    assert said in row["faults"][0]


def test_an_expectation_that_nobody_knows_is_no_silent_pass(tmp_path: Path) -> None:
    code, (row,) = _run(tmp_path, {"signals": [{"name": "go"}], "expect": {"stauts": "completed"}})
    assert (code, row["faults"]) == (1, ["Nobody knows how to expect stauts."])
