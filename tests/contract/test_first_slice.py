from tests.federation.edge import FIVE_FAULTS, Edge, workflow


async def test_a_workflow_goes_from_draft_to_execution_over_rest(edge: Edge) -> None:
    created = await edge.rest("POST", "/api/workflows", workflow("over rest"))
    assert created.status_code == 201
    body = created.json()
    assert (body["status"], body["revision"], body["version"], body["publishedVersion"]) == ("draft", 1, "0.0.0", None)
    assert created.headers["etag"] == '"1"'
    assert created.headers["location"] == f"/api/workflows/{body['id']}"

    published = await edge.rest("POST", f"/api/workflows/{body['id']}/publish", {"bump": "major"})
    assert published.status_code == 201, published.text
    assert (published.json()["version"], published.json()["provenance"]["status"]) == ("1.0.0", "pending")

    started = await edge.rest("POST", f"/api/workflows/{body['id']}/execute", {"triggerData": {"n": 1}})
    assert started.status_code == 201, started.text
    execution = started.json()
    assert (execution["status"], execution["workflowVersion"], execution["triggerData"]) == (
        "queued",
        "1.0.0",
        {"n": 1},
    )

    read = await edge.rest("GET", f"/api/executions/{execution['id']}")
    assert read.status_code == 200
    assert read.json()["id"] == execution["id"]


async def test_a_workflow_goes_from_draft_to_execution_over_graphql(edge: Edge) -> None:
    created = await edge.graphql(
        """mutation ($input: CreateWorkflowInput!) { createWorkflow(input: $input) {
             __typename ... on CreateWorkflowSuccess { workflow { id status revision version } } } }""",
        {"input": {"definition": workflow("over graphql")}},
    )
    workflow_id = created["createWorkflow"]["workflow"]["id"]
    assert created["createWorkflow"]["workflow"]["status"] == "draft"

    published = await edge.graphql(
        """mutation ($input: PublishWorkflowInput!) { publishWorkflow(input: $input) {
             __typename
             ... on PublishWorkflowSuccess { workflowVersion { version contentHash } workflow { status } } } }""",
        {"input": {"workflowId": workflow_id, "bump": "major"}},
    )
    assert published["publishWorkflow"]["workflowVersion"]["version"] == "1.0.0"
    assert published["publishWorkflow"]["workflow"]["status"] == "published"

    started = await edge.graphql(
        """mutation ($input: ExecuteWorkflowInput!) { executeWorkflow(input: $input) {
             __typename ... on ExecuteWorkflowSuccess { replayed execution { id status } } } }""",
        {"input": {"workflowId": workflow_id, "triggerData": {"n": 1}}},
    )
    execution_id = started["executeWorkflow"]["execution"]["id"]

    read = await edge.graphql(
        "query ($id: ID!) { execution(id: $id) { id status triggerData workflow { name } steps { stepId status } } }",
        {"id": execution_id},
    )
    assert read["execution"] == {
        "id": execution_id,
        "status": "queued",
        "triggerData": {"n": 1},
        "workflow": {"name": "over graphql"},
        "steps": [{"stepId": "greet", "status": "pending"}],
    }


async def test_five_faults_come_back_as_five_over_both_doors(edge: Edge) -> None:
    over_rest = await edge.rest("POST", "/api/workflows", FIVE_FAULTS)
    assert over_rest.status_code == 422
    assert over_rest.headers["content-type"] == "application/problem+json"
    faults = over_rest.json()["errors"]
    assert len({fault["code"] + fault["path"] for fault in faults}) >= 5
    assert all(fault["message"] and fault["hint"] for fault in faults)

    over_graphql = await edge.graphql(
        """mutation ($input: CreateWorkflowInput!) { createWorkflow(input: $input) {
             __typename ... on ValidationFailed { faults { code path message hint } } } }""",
        {"input": {"definition": FIVE_FAULTS}},
    )
    assert over_graphql["createWorkflow"] == {"__typename": "ValidationFailed", "faults": faults}
