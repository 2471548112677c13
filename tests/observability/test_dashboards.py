"""Dashboards keep the rules of Grafana's own linter, and name only what exists."""

import json
from collections.abc import Iterator
from typing import Any, Final

import pytest

from scripts.observability.dashboards.model import SOURCE, Unit
from scripts.observability.files import ROOT
from tests.observability.exported import exported_names
from tests.observability.promql import is_over_all, selectors, unknown
from tests.observability.rulebook import recordings

FOLDER: Final = ROOT / "deploy" / "grafana" / "dashboards"
BOARDS: Final = {path.stem: json.loads(path.read_text()) for path in sorted(FOLDER.glob("*.json"))}
_REFERENCE: Final = {"type": SOURCE.type_val, "uid": SOURCE.uid}
_ASKED_FOR: Final = {
    "Runtime RED",
    "Live executions",
    "Queue and workers",
    "Policy decision rate",
    "Human tasks and SLAs",
    "Triggers",
    "SLO and error budgets",
    "Service internals",
}


def panels(board: dict[str, Any]) -> Iterator[dict[str, Any]]:
    return (panel for panel in board["panels"] if panel["type"] != "row")


def expressions(board: dict[str, Any]) -> Iterator[str]:
    return (target["expr"] for panel in panels(board) for target in panel["targets"])


def test_all_dashboards_are_there_with_addresses_of_their_own() -> None:
    assert {board["title"] for board in BOARDS.values()} == {f"Maestro: {title}" for title in _ASKED_FOR}
    assert len({board["uid"] for board in BOARDS.values()}) == len(BOARDS)
    for board in BOARDS.values():
        numbers = [panel["id"] for panel in board["panels"]]
        assert len(numbers) == len(set(numbers))


@pytest.mark.parametrize("name", sorted(BOARDS))
def test_source_job_and_instance_are_chosen_above_the_panels(name: str) -> None:
    source, job, instance = BOARDS[name]["templating"]["list"]
    assert (source["name"], source["type"], source["query"]) == ("datasource", "datasource", "prometheus")
    assert [(each["name"], each["multi"], each["includeAll"], each["allValue"]) for each in (job, instance)] == [
        ("job", True, True, ".+"),
        ("instance", True, True, ".+"),
    ]
    assert job["datasource"] == instance["datasource"] == _REFERENCE
    for variable in (job, instance):
        query, _, label = variable["query"].removeprefix("label_values(").removesuffix(")").rpartition(", ")
        assert label == variable["name"]
        assert [found for found, _ in selectors(query)] == ["up"]


@pytest.mark.parametrize("name", sorted(BOARDS))
def test_each_panel_says_what_it_shows_in_which_unit_from_the_chosen_source(name: str) -> None:
    for panel in panels(BOARDS[name]):
        assert panel["title"]
        assert len(panel["description"]) > 10, panel["title"]
        assert panel["fieldConfig"]["defaults"]["unit"] in set(Unit)
        assert panel["datasource"] == _REFERENCE
        assert panel["targets"]
        assert all(target["datasource"] == _REFERENCE and target["legendFormat"] for target in panel["targets"])


@pytest.mark.parametrize("name", sorted(BOARDS))
def test_each_query_is_narrowed_to_the_chosen_and_takes_rates_over_what_the_screen_shows(name: str) -> None:
    for expression in expressions(BOARDS[name]):
        assert "rate(" not in expression or "[$__rate_interval]" in expression, expression
        for metric, matchers in selectors(expression):
            if not is_over_all(metric):
                assert {"job", "instance"} <= set(matchers), expression
        assert 'job=~"$job",instance=~"$instance"' in expression or is_over_all(expression), expression


def test_every_name_on_a_dashboard_is_exported_or_recorded() -> None:
    exported, recorded = exported_names(), set(recordings())
    asked = [(name, each) for name, board in BOARDS.items() for each in expressions(board)]
    assert [(name, found) for name, each in asked if (found := unknown(each, exported, recorded))] == []
    assert unknown("rate(maestro_steps[5m])", exported, recorded) == {"maestro_steps"}
