"""docs/traceability.md leads somewhere: every requirement has tests, a page for operators and a decision."""

import ast
import re
from typing import Final

import pytest

from tests.docs.documents import ROOT

_ASKED_FOR: Final = {
    "definition schema",
    "publish",
    "diff",
    "queue",
    "checkpoints",
    "human tasks",
    "webhooks",
    "schedules",
    "policy",
    "provenance",
    "telemetry",
    "load baselines",
    "federation",
    "SDK",
}
_COLUMNS: Final = {"tests": 1, "runbook": 2, "decision": 3}


def _rows() -> dict[str, list[str]]:
    lines = (ROOT / "docs" / "traceability.md").read_text().splitlines()
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines if line.startswith("| ")]
    return {row[0]: row for row in cells[1:]}


def _files(row: list[str], column: str) -> list[str]:
    return re.findall(r"`([^`]+)`", row[_COLUMNS[column]])


def test_no_requirement_is_left_out() -> None:
    assert set(_rows()) >= _ASKED_FOR


@pytest.mark.parametrize("requirement", sorted(_rows()))
def test_every_cell_names_files_that_are_there(requirement: str) -> None:
    row = _rows()[requirement]
    for column in _COLUMNS:
        files = _files(row, column)
        assert files, column
        assert [name for name in files if not (ROOT / name).is_file()] == []
    assert all(name.startswith("docs/adr/") for name in _files(row, "decision"))


@pytest.mark.parametrize("requirement", sorted(_rows()))
def test_every_named_test_file_holds_tests(requirement: str) -> None:
    for name in _files(_rows()[requirement], "tests"):
        if name.endswith(".py"):
            nodes = ast.walk(ast.parse((ROOT / name).read_text()))
            found = [each for each in nodes if isinstance(each, ast.FunctionDef | ast.AsyncFunctionDef)]
            assert any(each.name.startswith("test_") for each in found), name


def test_every_runbook_stands_in_the_table() -> None:
    named = {name for row in _rows().values() for name in _files(row, "runbook")}
    pages = {str(path.relative_to(ROOT)) for path in (ROOT / "docs" / "RUNBOOKS").glob("*.md")}
    assert pages - named == set()


def test_every_decision_stands_in_the_table() -> None:
    named = {name for row in _rows().values() for name in _files(row, "decision")}
    assert named == {str(path.relative_to(ROOT)) for path in (ROOT / "docs" / "adr").glob("[0-9]*.md")}
