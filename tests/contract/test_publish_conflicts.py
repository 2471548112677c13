"""Every refusal of a publish that is a conflict, with its own code, over both doors alike."""

from copy import deepcopy

import pytest

from engine.jsonvalue import JsonObject
from tests.federation.edge import Edge, workflow

_PUBLISH = """mutation ($input: PublishWorkflowInput!) { publishWorkflow(input: $input) {
  __typename ... on Conflict { code message } } }"""


def with_second_step(document: JsonObject) -> JsonObject:
    changed = deepcopy(document)
    steps = changed["steps"]
    assert isinstance(steps, list)
    first = steps[0]
    assert isinstance(first, dict)
    steps.append({**deepcopy(first), "id": "second", "name": "second"})
    first["connections"] = [{"targetStepId": "second"}]
    return changed


async def drafted(edge: Edge) -> str:
    """A workflow at 1.1.0 whose draft has lost a step: any smaller bump than major is too small."""
    document = workflow("conflicts")
    created = (await edge.rest("POST", "/api/workflows", with_second_step(document))).json()
    path = f"/api/workflows/{created['id']}"
    assert (await edge.rest("POST", f"{path}/publish", {"version": "1.0.0"})).status_code == 201
    renamed = {**with_second_step(document), "description": "said more"}
    assert (await edge.rest("PUT", path, renamed)).status_code == 200
    assert (await edge.rest("POST", f"{path}/publish", {"version": "1.1.0"})).status_code == 201
    assert (await edge.rest("PUT", path, document)).status_code == 200
    return str(created["id"])


@pytest.mark.parametrize(
    ("asked", "code"),
    [
        ({"version": "1.1.0"}, "version.exists"),
        ({"version": "1.0.5"}, "version.not_greater"),
        ({"bump": "patch"}, "version.bump_too_small"),
        ({"bump": "minor"}, "version.bump_too_small"),
    ],
)
async def test_a_version_that_cannot_be_published_is_refused_alike(edge: Edge, asked: JsonObject, code: str) -> None:
    workflow_id = await drafted(edge)

    over_rest = await edge.rest("POST", f"/api/workflows/{workflow_id}/publish", asked)
    over_graphql = await edge.graphql(_PUBLISH, {"input": {"workflowId": workflow_id, **asked}})

    assert (over_rest.status_code, over_rest.json()["code"]) == (409, code)
    assert over_graphql["publishWorkflow"]["__typename"] == "Conflict"
    assert over_graphql["publishWorkflow"]["code"] == code
    versions = (await edge.rest("GET", f"/api/workflows/{workflow_id}/versions")).json()["versions"]
    assert [version["version"] for version in versions] == ["1.1.0", "1.0.0"]


async def test_publishing_what_has_not_changed_is_refused_alike(edge: Edge) -> None:
    created = (await edge.rest("POST", "/api/workflows", workflow("unchanged"))).json()
    path = f"/api/workflows/{created['id']}/publish"
    assert (await edge.rest("POST", path, {"bump": "major"})).status_code == 201

    over_rest = await edge.rest("POST", path, {"bump": "major"})
    over_graphql = await edge.graphql(_PUBLISH, {"input": {"workflowId": created["id"], "bump": "major"}})

    assert (over_rest.status_code, over_rest.json()["code"]) == (409, "version.nothing_changed")
    assert over_graphql["publishWorkflow"]["code"] == "version.nothing_changed"


async def test_publishing_an_archived_workflow_is_refused_alike(edge: Edge) -> None:
    created = (await edge.rest("POST", "/api/workflows", workflow("archived"))).json()
    path = f"/api/workflows/{created['id']}"
    assert (await edge.rest("DELETE", path)).status_code in {200, 204}

    over_rest = await edge.rest("POST", f"{path}/publish", {"bump": "major"})
    over_graphql = await edge.graphql(_PUBLISH, {"input": {"workflowId": created["id"], "bump": "major"}})

    assert over_rest.status_code == 409
    assert over_graphql["publishWorkflow"]["code"] == over_rest.json()["code"] == "workflow.archived"


async def test_publishing_a_draft_that_moved_is_refused_over_both_doors(edge: Edge) -> None:
    document = workflow("moved")
    created = (await edge.rest("POST", "/api/workflows", document)).json()
    path = f"/api/workflows/{created['id']}"
    assert (await edge.rest("PUT", path, {**document, "description": "moved"})).status_code == 200

    over_rest = await edge.rest("POST", f"{path}/publish", {"bump": "major"}, headers={"if-match": '"1"'})
    over_graphql = await edge.graphql(
        _PUBLISH, {"input": {"workflowId": created["id"], "bump": "major", "expectedRevision": 1}}
    )

    assert (over_rest.status_code, over_rest.json()["code"]) == (412, "workflow.revision_stale")
    assert over_graphql["publishWorkflow"]["code"] == "workflow.revision_stale"
