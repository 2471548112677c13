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


def _run(place: Path, case: dict[str, Any], *more: str) -> tuple[int, list[dict[str, Any]]]:
    (place / "wait.json").write_text(json.dumps(WAITING))
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
