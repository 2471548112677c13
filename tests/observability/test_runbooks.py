"""Each alert has one page, each page one alert, and what a page tells somebody to look at exists."""

import re
from typing import Final

import pytest

from scripts.observability.files import ROOT
from scripts.observability.objectives import read_promises
from tests.observability.exported import exported_names
from tests.observability.promql import metrics_of, unknown
from tests.observability.rulebook import RUNBOOKS, alerts, recordings

PAGES: Final = sorted(path.stem for path in RUNBOOKS.glob("*.md"))
_QUERY: Final = re.compile(r"^```promql\n(.+?)\n```$", re.MULTILINE | re.DOTALL)
_HEADINGS: Final = [
    "What it means",
    "What to look at",
    "What to do",
    "How to know that it is over",
    "Tried",
]


def queries(page: str) -> list[str]:
    """Queries of a page, one to a block."""
    return _QUERY.findall((RUNBOOKS / f"{page}.md").read_text())


def test_every_alert_leads_to_its_page_and_every_page_is_led_to() -> None:
    links = {alert.name: alert.annotations["runbook_url"] for alert in alerts()}
    assert links == {name: f"docs/RUNBOOKS/{name}.md" for name in links}
    assert sorted(links) == PAGES


@pytest.mark.parametrize("page", PAGES)
def test_a_page_answers_the_four_questions_and_names_who_has_tried_it(page: str) -> None:
    text = (RUNBOOKS / f"{page}.md").read_text()
    assert text.startswith(f"# {page}\n")
    sections = re.split(r"^## ", text, flags=re.MULTILINE)[1:]
    assert [section.partition("\n")[0] for section in sections] == _HEADINGS
    tried = re.findall(r"`(tests/[\w/.]+)`", sections[-1])
    assert tried
    assert [name for name in tried if not (ROOT / name).is_file()] == []


@pytest.mark.parametrize("page", PAGES)
def test_queries_of_a_page_ask_for_what_exists(page: str) -> None:
    found = queries(page)
    assert found
    exported, recorded = exported_names() | {"process_start_time_seconds"}, set(recordings())
    assert [(each, missing) for each in found if (missing := unknown(each, exported, recorded))] == []


@pytest.mark.parametrize("page", PAGES)
def test_a_page_asks_about_what_its_alert_is_about(page: str) -> None:
    recorded = recordings()
    wanted: set[str] = set()
    for alert in alerts():
        if alert.name == page:
            wanted |= metrics_of(alert.expression)
    shown = {name for each in queries(page) for name in metrics_of(each)}
    assert wanted & shown or any(name in recorded for name in shown) or page == "ExporterAbsent"


def test_every_page_is_listed_in_the_overview() -> None:
    listed = re.findall(r"\]\(RUNBOOKS/(\w+)\.md\)", (ROOT / "docs" / "monitoring.md").read_text())
    assert sorted(listed) == PAGES


def test_the_overview_promises_what_the_data_promises() -> None:
    text = (ROOT / "docs" / "monitoring.md").read_text()
    for objective in read_promises().objectives:
        promised = f"{objective.ratio * 100:f}".rstrip("0").rstrip(".")
        row = re.search(rf"^\| {objective.name} \| {re.escape(promised)} % .*\[{objective.alert}\]", text, re.MULTILINE)
        assert row, objective.name
