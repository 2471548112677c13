"""Figures of executions."""

from datetime import datetime

import strawberry

from schema.enums import ExplainedEnum, enum


@enum("How far figures look back; each begins at a full hour or day, in UTC.")
class AnalyticsPeriod(ExplainedEnum):
    LAST_24_HOURS = "24h", "Figures by the hour."
    LAST_7_DAYS = "7d", "Figures by the day."
    LAST_30_DAYS = "30d", "Figures by the day."
    LAST_90_DAYS = "90d", "Figures by the day."


@strawberry.type(description="What happened to executions in a time.")
class ExecutionFigures:
    started: int = strawberry.field(description="Accepted in it.")
    completed: int = strawberry.field(description="Completed in it.")
    failed: int = strawberry.field(description="Failed in it.")
    cancelled: int = strawberry.field(description="Cancelled in it.")
    success_rate: float | None = strawberry.field(description="Completed of all that completed or failed, 0 to 1.")
    average_duration_ms: float | None = strawberry.field(description="From start to completion, of the completed.")


@strawberry.type(description="Figures of one workflow.")
class WorkflowFigures:
    workflow_id: strawberry.ID = strawberry.field(description="The workflow.")
    figures: ExecutionFigures = strawberry.field(description="What happened to its executions.")


@strawberry.type(description="Figures of one hour or day.")
class PeriodFigures:
    period_start: datetime = strawberry.field(description="Its start.")
    figures: ExecutionFigures = strawberry.field(description="What happened in it.")


@strawberry.type(description="How workflows did in a period.")
class WorkflowStats:
    period: AnalyticsPeriod = strawberry.field(description="How far it looks back.")
    from_: datetime = strawberry.field(description="Start of the period.", name="from")
    to: datetime = strawberry.field(description="Its end: now.")
    total_workflows: int = strawberry.field(description="Workflows that are not archived.")
    published_workflows: int = strawberry.field(description="Those that were published.")
    active_workflows: int = strawberry.field(description="Those that were published and are active.")
    unfinished_executions: int = strawberry.field(description="Executions that have not ended, up to 10,000.")
    figures: ExecutionFigures = strawberry.field(description="What happened in the period.")
    workflows: list[WorkflowFigures] = strawberry.field(description="The busiest, at most twenty.")


@strawberry.type(description="How executions did over a period.")
class ExecutionMetrics:
    period: AnalyticsPeriod = strawberry.field(description="How far it looks back.")
    from_: datetime = strawberry.field(description="Start of the period.", name="from")
    to: datetime = strawberry.field(description="Its end: now.")
    figures: ExecutionFigures = strawberry.field(description="What happened in the period.")
    p50_duration_ms: float | None = strawberry.field(description="Half took no longer, to within a fifth.")
    p95_duration_ms: float | None = strawberry.field(description="95 of a hundred took no longer.")
    p99_duration_ms: float | None = strawberry.field(description="99 of a hundred took no longer.")
    series: list[PeriodFigures] = strawberry.field(description="Hours or days in which something happened.")
