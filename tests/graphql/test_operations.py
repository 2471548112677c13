"""The operations that come with the schema: valid, within all limits, and each executed once."""

import json
from typing import Any

import pytest
from graphql import OperationDefinitionNode, build_schema, parse, validate

from federation.explorer.page import operations
from federation.export import sdl
from tests.federation.edge import Edge, workflow

OPERATIONS = operations()


@pytest.mark.parametrize("name", OPERATIONS)
def test_an_operation_fits_the_schema_and_has_the_name_of_its_file(name: str) -> None:
    document = parse(OPERATIONS[name])
    (operation,) = document.definitions

    assert isinstance(operation, OperationDefinitionNode)
    assert operation.name is not None
    assert operation.name.value == name
    assert validate(build_schema(sdl(), assume_valid=True), document) == []


@pytest.mark.parametrize("name", [name for name in OPERATIONS if not name.endswith("Updated")])
async def test_an_operation_is_within_all_limits(edge: Edge, name: str) -> None:
    operation = parse(OPERATIONS[name]).definitions[0]
    assert isinstance(operation, OperationDefinitionNode)
    required = [one.variable.name.value for one in operation.variable_definitions or () if one.default_value is None]
    variables: dict[str, Any] = {one: {} if one == "input" else "1.0.0" for one in required}

    response = await edge.post_graphql(OPERATIONS[name], variables)

    # Variables that do not fit are fine here; a document that asks for too much is not.
    assert "GRAPHQL_LIMIT_EXCEEDED" not in response.text


async def test_the_operations_carry_a_workflow_from_draft_to_execution(edge: Edge) -> None:
    async def run(name: str, **variables: Any) -> Any:
        data = await edge.graphql(OPERATIONS[name], variables)
        return next(iter(data.values()))

    document = workflow("from operations")
    checked = await run("ValidateWorkflow", input={"definition": document})
    created = (await run("CreateWorkflow", input={"definition": document}))["workflow"]
    published = await run("PublishWorkflow", input={"workflowId": created["id"], "bump": "major"})
    updated = await run(
        "UpdateWorkflow", input={"workflowId": created["id"], "definition": {**document, "description": "more"},
                                 "expectedRevision": published["workflow"]["revision"]},
    )  # fmt: skip
    execution = (await run("ExecuteWorkflow", input={"workflowId": created["id"]}))["execution"]

    assert checked["__typename"] == "ValidateWorkflowSuccess"
    assert published["workflowVersion"]["version"] == "1.0.0"
    assert updated["__typename"] == "UpdateWorkflowSuccess"
    assert (await run("Execution", id=execution["id"]))["workflow"]["id"] == created["id"]
    assert created["id"] in json.dumps(await run("Workflows", search="from operations"))
    assert (await run("Workflow", id=created["id"]))["executions"]["edges"][0]["node"]["id"] == execution["id"]
    assert (await run("WorkflowVersionDiff", workflowId=created["id"], **{"from": "1.0.0", "to": "draft"}))["changes"]
    assert (await run("CancelExecution", input={"executionId": execution["id"]}))["execution"]["id"] == execution["id"]
    assert {edge["node"]["id"] for edge in (await run("WorkflowTemplates"))["edges"]} >= {"incident-response"}


async def test_the_operations_carry_a_task_from_claim_to_completion(edge: Edge) -> None:
    async def run(name: str, **variables: Any) -> Any:
        return next(iter((await edge.graphql(OPERATIONS[name], variables)).values()))

    body = {"title": "Look at it", "assignees": ["ada", "bob"]}
    task = (await edge.rest("POST", "/api/human-tasks", body)).json()["id"]
    waiting = await run("HumanTasks", assignee="ada", status="pending")
    claimed = await run("ClaimHumanTask", input={"taskId": task})
    completed = await run("CompleteHumanTask", input={"taskId": task, "formData": {}})

    assert [one["node"]["id"] for one in waiting["edges"]] == [task]
    assert claimed["humanTask"]["status"] == "assigned"
    assert (completed["humanTask"]["status"], completed["humanTask"]["owner"]) == ("completed", "ada")
    assert (await run("Schedules"))["edges"] == (await run("DeadLetters"))["edges"] == []
