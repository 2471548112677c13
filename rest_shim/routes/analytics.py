"""`/api/analytics`: figures of executions."""

from rest_shim.call import Call
from rest_shim.models.analytics import AnalyticsQuery, ExecutionMetricsBody, WorkflowStatsBody
from rest_shim.table import Answer, Method, Reply, Route


async def workflow_stats(call: Call) -> Answer:
    """Figures by workflow."""
    query = call.query(AnalyticsQuery)
    found = await call.services.analytics.workflow_stats(call.actor, query.workflow_id, query.period)
    return Answer(WorkflowStatsBody.of(found))


async def execution_metrics(call: Call) -> Answer:
    """Figures over time."""
    query = call.query(AnalyticsQuery)
    found = await call.services.analytics.execution_metrics(call.actor, query.workflow_id, query.period)
    return Answer(ExecutionMetricsBody.of(found))


ROUTES: tuple[Route, ...] = (
    Route(
        Method.GET,
        "/api/analytics/workflow-stats",
        "getWorkflowStats",
        "How workflows did in a period: in all, and the busiest of them.",
        workflow_stats,
        {200: Reply("The figures.", WorkflowStatsBody)},
        "analytics",
        query=AnalyticsQuery,
        action="analytics.read",
    ),
    Route(
        Method.GET,
        "/api/analytics/execution-metrics",
        "getExecutionMetrics",
        "How executions did over a period, hour by hour or day by day.",
        execution_metrics,
        {200: Reply("The figures.", ExecutionMetricsBody)},
        "analytics",
        query=AnalyticsQuery,
        action="analytics.read",
    ),
)
