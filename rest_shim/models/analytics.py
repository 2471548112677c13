"""Bodies and parameters of figures."""

# ruff: noqa: RUF009 - `wire` makes a dataclass field

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from engine.services.analytics import ExecutionMetrics, Figures, Granularity, Period, WorkflowStats
from rest_shim.shapes import Rule, wire


@dataclass(frozen=True, slots=True)
class AnalyticsQuery:
    """Which figures."""

    workflow_id: UUID | None = wire("Only of this workflow.", default=None)
    period: Period = wire("How far to look back.", default=Period.DAY)


@dataclass(frozen=True, slots=True)
class WorkflowFiguresBody:
    """Figures of one workflow."""

    workflow_id: UUID = wire("The workflow.")
    started: int = wire("Executions that were accepted in the period.")
    completed: int = wire("Executions that completed in the period.")
    failed: int = wire("Executions that failed in the period.")
    cancelled: int = wire("Executions that were cancelled in the period.")
    success_rate: float | None = wire("Completed of all that completed or failed, 0 to 1.")
    average_duration_ms: int | None = wire("From start to completion, of those that completed.")


@dataclass(frozen=True, slots=True)
class PeriodFiguresBody:
    """Figures of one hour or day."""

    period_start: datetime = wire("Its start.")
    started: int = wire("Executions that were accepted in it.")
    completed: int = wire("Executions that completed in it.")
    failed: int = wire("Executions that failed in it.")
    cancelled: int = wire("Executions that were cancelled in it.")
    success_rate: float | None = wire("Completed of all that completed or failed, 0 to 1.")
    average_duration_ms: int | None = wire("From start to completion, of those that completed.")


@dataclass(frozen=True, slots=True)
class WorkflowStatsBody:
    """How workflows did in a period."""

    period: Period = wire("How far it looks back.")
    from_: datetime = wire(Rule("Start of the period, a full hour or day in UTC.", name="from"))
    to: datetime = wire("Its end: now.")
    total_workflows: int = wire("Workflows that are not archived.")
    published_workflows: int = wire("Those that were published.")
    active_workflows: int = wire("Those that were published and are active.")
    unfinished_executions: int = wire("Executions that have not ended now, counted up to 10,000.")
    started: int = wire("Executions that were accepted in the period.")
    completed: int = wire("Executions that completed in the period.")
    failed: int = wire("Executions that failed in the period.")
    cancelled: int = wire("Executions that were cancelled in the period.")
    success_rate: float | None = wire("Completed of all that completed or failed, 0 to 1.")
    average_duration_ms: int | None = wire("From start to completion, of those that completed.")
    workflows: tuple[WorkflowFiguresBody, ...] = wire("The busiest, at most twenty.")

    @classmethod
    def of(cls, stats: WorkflowStats) -> "WorkflowStatsBody":
        """Body of the figures."""
        return cls(
            stats.window.period,
            stats.window.since,
            stats.window.until,
            stats.total_workflows,
            stats.published_workflows,
            stats.active_workflows,
            stats.unfinished,
            *_counts(stats.figures),
            tuple(WorkflowFiguresBody(one.workflow_id, *_counts(one.figures)) for one in stats.busiest),
        )


@dataclass(frozen=True, slots=True)
class ExecutionMetricsBody:
    """How executions did over a period."""

    period: Period = wire("How far it looks back.")
    granularity: Granularity = wire("How long the parts of the series are.")
    from_: datetime = wire(Rule("Start of the period, a full hour or day in UTC.", name="from"))
    to: datetime = wire("Its end: now.")
    started: int = wire("Executions that were accepted in the period.")
    completed: int = wire("Executions that completed in the period.")
    failed: int = wire("Executions that failed in the period.")
    cancelled: int = wire("Executions that were cancelled in the period.")
    success_rate: float | None = wire("Completed of all that completed or failed, 0 to 1.")
    average_duration_ms: int | None = wire("From start to completion, of those that completed.")
    p50_duration_ms: int | None = wire("Half of those that completed took no longer, to within a fifth.")
    p95_duration_ms: int | None = wire("95 of a hundred took no longer, to within a fifth.")
    p99_duration_ms: int | None = wire("99 of a hundred took no longer, to within a fifth.")
    series: tuple[PeriodFiguresBody, ...] = wire("Hours or days in which something happened, oldest first.")

    @classmethod
    def of(cls, metrics: ExecutionMetrics) -> "ExecutionMetricsBody":
        """Body of the figures."""
        p50, p95, p99 = metrics.quantiles_ms or (None, None, None)
        return cls(
            metrics.window.period,
            metrics.window.granularity,
            metrics.window.since,
            metrics.window.until,
            *_counts(metrics.figures),
            p50,
            p95,
            p99,
            tuple(PeriodFiguresBody(one.period_start, *_counts(one.figures)) for one in metrics.series),
        )


def _counts(figures: Figures) -> tuple[int, int, int, int, float | None, int | None]:
    """What all bodies say of figures, in the order of their members."""
    return (
        figures.started,
        figures.completed,
        figures.failed,
        figures.cancelled,
        figures.success_rate,
        figures.average_duration_ms,
    )
