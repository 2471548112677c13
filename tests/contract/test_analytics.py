"""Figures over both doors."""

from tests.federation.edge import Edge, workflow


async def test_both_doors_say_the_same(edge: Edge) -> None:
    first = await edge.executed(workflow("counted"), tenant="figured")
    await edge.rest("POST", f"/api/executions/{first['id']}/cancel", {}, claims={"tenant": "figured"})
    await edge.rest("POST", f"/api/workflows/{first['workflowId']}/execute", {}, claims={"tenant": "figured"})

    of_workflow = f"?workflowId={first['workflowId']}&period=7d"
    stats = (await edge.rest("GET", f"/api/analytics/workflow-stats{of_workflow}", claims={"tenant": "figured"})).json()
    over_time = (
        await edge.rest("GET", f"/api/analytics/execution-metrics{of_workflow}", claims={"tenant": "figured"})
    ).json()
    data = await edge.graphql(
        """query ($id: ID!) {
             workflowStats(workflowId: $id, period: LAST_7_DAYS) {
               totalWorkflows unfinishedExecutions figures { started cancelled } workflows { workflowId } }
             executionMetrics(workflowId: $id, period: LAST_7_DAYS) {
               period p95DurationMs figures { started successRate } series { figures { started } } } }""",
        {"id": first["workflowId"]},
        tenant="figured",
    )

    assert (stats["started"], stats["unfinishedExecutions"], stats["totalWorkflows"]) == (2, 2, 1)
    assert stats["workflows"][0]["workflowId"] == first["workflowId"]
    assert (over_time["started"], over_time["successRate"], over_time["granularity"]) == (2, None, "day")
    assert [part["started"] for part in over_time["series"]] == [2]
    assert data["workflowStats"] == {
        "totalWorkflows": 1,
        "unfinishedExecutions": 2,
        "figures": {"started": 2, "cancelled": 0},
        "workflows": [{"workflowId": first["workflowId"]}],
    }
    assert data["executionMetrics"]["figures"] == {"started": 2, "successRate": None}
    assert data["executionMetrics"]["series"] == [{"figures": {"started": 2}}]


async def test_periods_are_the_known_ones(edge: Edge) -> None:
    refused = await edge.rest("GET", "/api/analytics/workflow-stats?period=1y")
    assert (refused.status_code, refused.json()["code"]) == (400, "request.bad_parameter")
    assert "90d" in refused.json()["detail"]
