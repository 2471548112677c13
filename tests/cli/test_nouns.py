"""Operators' nouns against real servers: what one command does, the next one sees."""

import asyncio
import json
from pathlib import Path

from click.testing import Result

from engine.identity.actor import Actor
from engine.jsonvalue import JsonObject
from engine.services.task_values import CreateTaskRequest
from tests.cli.conftest import Maestro
from tests.federation.edge import open_edge

DOCUMENT: JsonObject = {
    "name": "Greet",
    "steps": [{"id": "greet", "name": "Greet", "type": "action", "config": {"actionType": "noop"}}],
}


def _json(result: Result) -> JsonObject:
    assert result.exit_code == 0, result.output
    content: JsonObject = json.loads(result.stdout)
    return content


def test_from_a_document_to_a_cancelled_execution(maestro: Maestro, tmp_path: Path) -> None:
    (tmp_path / "greet.json").write_text(json.dumps(DOCUMENT))
    workflow_id = str(_json(maestro("workflows", "create", f"@{tmp_path / 'greet.json'}", "--json"))["id"])
    version = _json(maestro("workflows", "publish", workflow_id, "--bump", "major", "--json"))
    assert version["version"] == "1.0.0"
    execution = _json(maestro("workflows", "execute", workflow_id, "--data", '{"a": 1}', "--json"))
    assert (execution["status"], execution["triggerData"]) == ("queued", {"a": 1})
    listed = maestro("executions", "list", "--workflow", workflow_id, "--json")
    assert [each["id"] for each in json.loads(listed.stdout)] == [execution["id"]]

    elsewhere = maestro("executions", "cancel", str(execution["id"]), "--tenant", "another")
    assert elsewhere.exit_code == 1
    assert "(execution.not_found)" in elsewhere.stderr
    cancelled = maestro("executions", "cancel", str(execution["id"]), "--reason", "a test")
    assert cancelled.exit_code == 0, cancelled.output


def test_a_table_that_is_piped_cuts_nothing_and_reads_names_as_they_are(maestro: Maestro) -> None:
    name = "A [bold]name[/nothing] " + "that is long " * 10
    created = _json(maestro("workflows", "create", json.dumps({**DOCUMENT, "name": name}), "--json"))

    listed = maestro("workflows", "list")

    assert listed.exit_code == 0, listed.output
    [line] = [each for each in listed.stdout.splitlines() if each.startswith(str(created["id"]))]
    assert name.strip() in line


def test_every_fault_of_a_document_is_a_line(maestro: Maestro) -> None:
    result = maestro("workflows", "create", '{"name": "", "steps": [{"id": "a", "type": "dance"}]}')
    assert result.exit_code == 1
    lines = result.stderr.splitlines()
    assert lines[0] == "Error: This is not valid:"
    assert len(lines) > 2
    assert "No workflow" not in result.stdout
    assert json.loads(maestro("workflows", "list", "--tenant", "empty", "--json").stdout) == []


def test_a_task_is_claimed_and_completed_by_who_sits_at_the_terminal(maestro: Maestro, database_url: str) -> None:
    task_id = asyncio.run(_open_task(database_url))
    assert [each["id"] for each in json.loads(maestro("tasks", "list", "--json").stdout)] == [task_id]
    claimed = _json(maestro("tasks", "claim", task_id, "--reason", "a test", "--json"))
    assert (claimed["status"], str(claimed["owner"]).startswith("operator:")) == ("assigned", True)
    done = _json(maestro("tasks", "complete", task_id, "--form", '{"ok": true}', "--json"))
    assert (done["status"], done["formData"]) == ("completed", {"ok": True})
    shown = maestro("tasks", "get", task_id)
    assert shown.exit_code == 0
    assert "a test" in shown.stdout
    again = maestro("tasks", "cancel", task_id)
    assert again.exit_code == 1
    assert "(task.not_cancellable)" in again.stderr


async def _open_task(database_url: str) -> str:
    async with open_edge(database_url) as edge:
        actor = Actor("default", "ann", frozenset({"admin"}))
        return str((await edge.services.human_tasks.create(actor, CreateTaskRequest(title="Look"))).id)
