"""Definitions as files: what apply does once it does not do again, and what it would do it says before."""

import json
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest

from tests.cli.conftest import Maestro

GREET: dict[str, Any] = {
    "name": "Greet from a file",
    "steps": [{"id": "greet", "name": "Greet", "type": "action", "config": {"actionType": "noop"}}],
}


def _folder(place: Path, *documents: dict[str, Any]) -> Path:
    folder = place / "definitions"
    folder.mkdir(exist_ok=True)
    for number, document in enumerate(documents):
        (folder / f"{number}.json").write_text(json.dumps(document))
    return folder


def _applied(maestro: Maestro, folder: Path, *more: str) -> list[dict[str, Any]]:
    result = maestro("apply", "-f", str(folder), "--json", *more)
    assert result.exit_code == 0, result.output
    found: list[dict[str, Any]] = json.loads(result.stdout)
    return found


def test_files_become_published_workflows_once_and_changes_new_versions(maestro: Maestro, tmp_path: Path) -> None:
    folder = _folder(tmp_path, GREET, {**GREET, "name": "Another"})
    assert [one["step"] for one in _applied(maestro, folder, "--dry-run")] == ["create", "create"]
    assert json.loads(maestro("workflows", "list", "--json").stdout) == []

    first = _applied(maestro, folder)
    assert [(one["step"], one["version"]) for one in first] == [("create", "1.0.0")] * 2
    again = _applied(maestro, folder)
    assert [(one["step"], one["version"]) for one in again] == [("unchanged", "1.0.0")] * 2

    changed = deepcopy(GREET)
    changed["description"] = "Says hello."
    _folder(tmp_path, changed)
    said = maestro("apply", "-f", str(folder), "--dry-run")
    assert "~ Greet from a file: would update (patch)" in said.stdout
    assert '/description: "" → "Says hello."' in said.stdout or '/description: - → "Says hello."' in said.stdout
    assert maestro("diff", str(folder / "0.json"), "--exit-code").exit_code == 3
    assert [(one["step"], one["version"]) for one in _applied(maestro, folder)] == [
        ("update", "1.0.1"),
        ("unchanged", "1.0.0"),
    ]
    workflow = first[0]["workflowId"]
    shown = maestro("diff", f"{workflow}@1.0.0", f"{workflow}@1.0.1", "--json")
    assert json.loads(shown.stdout)["suggestedBump"] == "patch"
    assert "Nothing differs." in maestro("diff", str(folder / "0.json"), "--exit-code").stdout


def test_one_file_with_faults_and_nothing_is_applied(maestro: Maestro, tmp_path: Path) -> None:
    folder = _folder(tmp_path, {**GREET, "name": "Good one"}, {"name": "Bad", "steps": [{"id": "a", "type": "dance"}]})
    result = maestro("apply", "-f", str(folder))
    assert result.exit_code == 1
    assert "1.json is not valid:" in result.stderr
    assert "/steps/0" in result.stderr
    assert json.loads(maestro("workflows", "list", "--search", "Good one", "--json").stdout) == []


def test_a_name_that_two_workflows_have_is_refused(maestro: Maestro, tmp_path: Path) -> None:
    twice = {**GREET, "name": "Twice"}
    made = [json.loads(maestro("workflows", "create", json.dumps(twice), "--json").stdout)["id"] for _ in range(2)]
    folder = _folder(tmp_path, twice)
    refused = maestro("apply", "-f", str(folder))
    assert refused.exit_code == 1
    assert "(workflow.ambiguous_name)" in refused.stderr
    _folder(tmp_path, {**twice, "id": made[0]})
    assert [one["workflowId"] for one in _applied(maestro, folder)] == [made[0]]


@pytest.mark.parametrize("name", ["none.json", "."])
def test_without_a_file_it_says_so(maestro: Maestro, tmp_path: Path, name: str) -> None:
    assert maestro("apply", "-f", str(tmp_path / name)).exit_code in (1, 2)
