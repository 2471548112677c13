"""Who holds the slots of a workflow, over every door."""

import json
from typing import Any
from uuid import UUID

import pytest
from click.testing import CliRunner
from sqlalchemy import insert

from engine.identity.actor import Actor
from engine.store.tables.runtime import workflow_slots
from federation.explorer.page import operations
from scripts.cli.main import main as maestro
from scripts.cli.operator import UseCase
from tests.federation.edge import Edge, workflow

OPERATION = operations()["WorkflowSlots"]
SEVERAL = """query { workflows(first: 50) { edges { node { id slots { slot executionId execution { id } } } } } }"""


async def taken(edge: Edge, name: str) -> tuple[str, list[str]]:
    """A workflow with two executions that hold its slots, the later one the first slot."""
    created = await edge.published(workflow(name, settings={"concurrency": 2}))
    path = f"/api/workflows/{created['id']}/execute"
    ids = [(await edge.rest("POST", path, {})).json()["id"] for _ in range(2)]
    rows = [
        {"tenant_id": "acme", "workflow_id": UUID(created["id"]), "slot": slot, "execution_id": UUID(holder)}
        for slot, holder in enumerate(reversed(ids), 1)
    ]
    async with edge.database.transaction("acme") as connection:
        await connection.exec_driver_sql("reset role")
        await connection.execute(insert(workflow_slots), rows)
    return created["id"], ids[::-1]


async def test_both_doors_name_the_holders_in_order(edge: Edge) -> None:
    workflow_id, holders = await taken(edge, "limited")

    over_rest = (await edge.rest("GET", f"/api/workflows/{workflow_id}/slots")).json()
    over_graphql = (await edge.graphql(OPERATION, {"id": workflow_id}))["workflow"]["slots"]

    assert [(one["slot"], one["executionId"]) for one in over_rest] == [(1, holders[0]), (2, holders[1])]
    assert [(one["slot"], one["execution"]["id"]) for one in over_graphql] == [(1, holders[0]), (2, holders[1])]
    assert [one["takenAt"] for one in over_graphql] == [one["takenAt"] for one in over_rest]


async def test_another_tenant_learns_nothing_of_them(edge: Edge) -> None:
    workflow_id, _ = await taken(edge, "foreign")

    answer = await edge.rest("GET", f"/api/workflows/{workflow_id}/slots", claims={"tenant": "other"})

    assert answer.status_code == 404
    assert (await edge.graphql(OPERATION, {"id": workflow_id}, tenant="other"))["workflow"] is None


async def test_slots_of_many_workflows_are_one_read(edge: Edge, monkeypatch: pytest.MonkeyPatch) -> None:
    wanted = dict([await taken(edge, f"many {number}") for number in range(3)])
    asked: list[int] = []
    read = edge.services.slots.of_workflows

    async def counting(actor: Actor, ids: Any) -> Any:
        asked.append(len(ids))
        return await read(actor, ids)

    monkeypatch.setattr(type(edge.services.slots), "of_workflows", lambda _self, actor, ids: counting(actor, ids))
    found = (await edge.graphql(SEVERAL))["workflows"]["edges"]

    shown = {one["node"]["id"]: [slot["execution"]["id"] for slot in one["node"]["slots"]] for one in found}
    assert {workflow_id: shown[workflow_id] for workflow_id in wanted} == wanted
    assert len(asked) == 1


async def test_the_command_line_shows_them(edge: Edge, monkeypatch: pytest.MonkeyPatch) -> None:
    workflow_id, holders = await taken(edge, "operated")
    asked: list[UseCase[Any]] = []

    def perform(_tenant: str, use_case: UseCase[Any]) -> tuple[()]:
        asked.append(use_case)
        return ()

    monkeypatch.setattr("scripts.cli.workflows.perform", perform)
    assert CliRunner().invoke(maestro, ["workflows", "slots", workflow_id]).exit_code == 0
    answer = await asked[0](edge.services, Actor("acme", "operator:ada", frozenset({"admin"})))
    monkeypatch.setattr("scripts.cli.workflows.perform", lambda _tenant, _use_case: answer)

    told = CliRunner().invoke(maestro, ["workflows", "slots", workflow_id, "--json"])

    assert [one["executionId"] for one in json.loads(told.output)] == holders
