"""Queries of figures."""

from typing import Annotated

import strawberry

from engine.services import analytics as values
from engine.services.analytics import Period
from resolvers.info import Info, identifier_or_none
from schema.analytics import (
    AnalyticsPeriod,
    ExecutionFigures,
    ExecutionMetrics,
    PeriodFigures,
    WorkflowFigures,
    WorkflowStats,
)
from schema.fields import field

OfWorkflow = Annotated[strawberry.ID | None, strawberry.argument(description="Only of this workflow.")]
OfPeriod = Annotated[
    AnalyticsPeriod | None, strawberry.argument(description="How far to look back; the last 24 hours where left out.")
]


@strawberry.type
class AnalyticsQueries:
    """Queries of figures."""

    @field("How workflows did in a period: in all, and the busiest of them.")
    async def workflow_stats(
        self, info: Info, workflow_id: OfWorkflow = None, period: OfPeriod = None
    ) -> WorkflowStats:
        workflow = identifier_or_none("workflow", workflow_id)
        found = await info.context.services.analytics.workflow_stats(info.context.actor, workflow, _period(period))
        return _stats(found)

    @field("How executions did over a period, hour by hour or day by day.")
    async def execution_metrics(
        self, info: Info, workflow_id: OfWorkflow = None, period: OfPeriod = None
    ) -> ExecutionMetrics:
        workflow = identifier_or_none("workflow", workflow_id)
        found = await info.context.services.analytics.execution_metrics(info.context.actor, workflow, _period(period))
        return _metrics(found)


def _period(wanted: AnalyticsPeriod | None) -> Period:
    return Period.DAY if wanted is None else Period(wanted.value)


def _figures(found: values.Figures) -> ExecutionFigures:
    return ExecutionFigures(
        started=found.started,
        completed=found.completed,
        failed=found.failed,
        cancelled=found.cancelled,
        success_rate=found.success_rate,
        average_duration_ms=found.average_duration_ms,
    )


def _stats(found: values.WorkflowStats) -> WorkflowStats:
    return WorkflowStats(
        period=AnalyticsPeriod(found.window.period.value),
        from_=found.window.since,
        to=found.window.until,
        total_workflows=found.total_workflows,
        published_workflows=found.published_workflows,
        active_workflows=found.active_workflows,
        unfinished_executions=found.unfinished,
        figures=_figures(found.figures),
        workflows=[
            WorkflowFigures(workflow_id=strawberry.ID(str(one.workflow_id)), figures=_figures(one.figures))
            for one in found.busiest
        ],
    )


def _metrics(found: values.ExecutionMetrics) -> ExecutionMetrics:
    p50, p95, p99 = found.quantiles_ms or (None, None, None)
    return ExecutionMetrics(
        period=AnalyticsPeriod(found.window.period.value),
        from_=found.window.since,
        to=found.window.until,
        figures=_figures(found.figures),
        p50_duration_ms=p50,
        p95_duration_ms=p95,
        p99_duration_ms=p99,
        series=[PeriodFigures(period_start=one.period_start, figures=_figures(one.figures)) for one in found.series],
    )
