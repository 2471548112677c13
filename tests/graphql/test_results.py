from uuid import uuid4

from tests.federation.edge import Edge, workflow

EXECUTE = """mutation ($input: ExecuteWorkflowInput!) { executeWorkflow(input: $input) {
  __typename
  ... on ExecuteWorkflowSuccess { replayed execution { id priority } }
  ... on ValidationFailed { faults { code path } }
  ... on NotFound { code message }
  ... on Conflict { code message } } }"""

UPDATE = """mutation ($input: UpdateWorkflowInput!) { updateWorkflow(input: $input) {
  __typename ... on UpdateWorkflowSuccess { workflow { revision name } } ... on Conflict { code } } }"""


async def test_the_same_key_starts_one_execution(edge: Edge) -> None:
    created = await edge.published()
    given = {"workflowId": created["id"], "triggerData": {"n": 1}, "idempotencyKey": "k", "priority": "high"}

    first = (await edge.graphql(EXECUTE, {"input": given}))["executeWorkflow"]
    again = (await edge.graphql(EXECUTE, {"input": given}))["executeWorkflow"]
    other = (await edge.graphql(EXECUTE, {"input": {**given, "triggerData": {"n": 2}}}))["executeWorkflow"]

    assert (first["replayed"], again["replayed"]) == (False, True)
    assert first["execution"] == {**again["execution"], "priority": "high"}
    assert other["faults"] == [{"code": "idempotency.mismatch", "path": "/idempotencyKey"}]


async def test_a_lost_race_is_a_conflict(edge: Edge) -> None:
    created = await edge.create(workflow("one"))
    given = {"workflowId": created["id"], "expectedRevision": 1}

    won = await edge.graphql(UPDATE, {"input": {**given, "definition": workflow("two")}})
    lost = await edge.graphql(UPDATE, {"input": {**given, "definition": workflow("three")}})

    assert won["updateWorkflow"]["workflow"] == {"revision": 2, "name": "two"}
    assert lost["updateWorkflow"] == {"__typename": "Conflict", "code": "workflow.revision_stale"}


async def test_what_is_not_there_is_not_found(edge: Edge) -> None:
    for identifier in (str(uuid4()), "nothing"):
        data = await edge.graphql(EXECUTE, {"input": {"workflowId": identifier}})
        assert data["executeWorkflow"]["__typename"] == "NotFound"
        assert data["executeWorkflow"]["code"] == "workflow.not_found"


async def test_a_diff_between_versions_is_read(edge: Edge) -> None:
    created = await edge.published(workflow("compared"))
    await edge.rest("PUT", f"/api/workflows/{created['id']}", workflow("compared", description="words"))

    data = await edge.graphql(
        """query ($id: ID!) { workflowVersionDiff(workflowId: $id, from: "1.0.0", to: "draft") {
             from to suggestedBump changes { path before after class } steps { added { stepId } } } }""",
        {"id": created["id"]},
    )

    assert data["workflowVersionDiff"] == {
        "from": "1.0.0",
        "to": "draft",
        "suggestedBump": "patch",
        "changes": [{"path": "/description", "before": None, "after": "words", "class": "cosmetic"}],
        "steps": {"added": []},
    }


async def test_nested_versions_and_executions_are_read(edge: Edge) -> None:
    execution = await edge.executed(workflow("nested"))

    data = await edge.graphql(
        """query ($id: ID!) { workflow(id: $id) {
             latestVersion { version contentHash provenance { status } }
             versions(first: 5) { totalCount edges { node { version } } }
             executions(first: 5) { totalCount edges { node { id status workflow { id } } } } } }""",
        {"id": execution["workflowId"]},
    )

    found = data["workflow"]
    assert found["latestVersion"]["version"] == "1.0.0"
    assert [one["node"]["version"] for one in found["versions"]["edges"]] == ["1.0.0"]
    assert found["executions"] == {
        "totalCount": 1,
        "edges": [{"node": {"id": execution["id"], "status": "queued", "workflow": {"id": execution["workflowId"]}}}],
    }


async def test_actions_are_listed(edge: Edge) -> None:
    data = await edge.graphql("{ actions(first: 50) { edges { node { name effect configSchema } } } }")

    effects = {one["node"]["name"]: one["node"]["effect"] for one in data["actions"]["edges"]}
    assert effects["noop"] == "write"
    assert effects["transform"] == "none"
