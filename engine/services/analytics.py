"""Use cases of figures: what became of executions, by workflow and by period."""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from types import MappingProxyType
from typing import Final
from uuid import UUID

from engine.clock import Clock
from engine.identity.actor import Actor
from engine.policy.gate import Resource
from engine.services.authority import Authority
from engine.services.facts import workflow_resource
from engine.services.visibility import hidden_by
from engine.store import metrics, workflows
from engine.store.database import Database
from engine.store.metrics import BUCKETS_PER_DOUBLING, MetricsQuestion, MetricsRow
from engine.store.visibility import Hidden

READ = "analytics.read"
BUSIEST: Final = 20


class Period(StrEnum):
    """How far figures look back; each begins at a full hour or day, in UTC, and lasts until now."""

    DAY = "24h"
    WEEK = "7d"
    MONTH = "30d"
    QUARTER = "90d"


class Granularity(StrEnum):
    """How long the parts of a period are."""

    HOUR = "hour"
    DAY = "day"


_LENGTHS: Final[Mapping[Period, timedelta]] = MappingProxyType(
    {
        Period.DAY: timedelta(hours=24),
        Period.WEEK: timedelta(days=7),
        Period.MONTH: timedelta(days=30),
        Period.QUARTER: timedelta(days=90),
    }
)


@dataclass(frozen=True, slots=True)
class Window:
    """The time that figures are of: `since` belongs to it."""

    period: Period
    granularity: Granularity
    since: datetime
    until: datetime


@dataclass(frozen=True, slots=True)
class Figures:
    """What happened in a time: executions that were accepted in it, and those that ended in it.

    Attributes:
        average_duration_ms: from start to completion, of those that completed; None: none did.
    """

    started: int = 0
    completed: int = 0
    failed: int = 0
    cancelled: int = 0
    average_duration_ms: int | None = None

    @property
    def success_rate(self) -> float | None:
        """Completed of all that completed or failed, 0 to 1; None: there were none."""
        ended = self.completed + self.failed
        return round(self.completed / ended, 4) if ended else None


@dataclass(frozen=True, slots=True)
class WorkflowFigures:
    """Figures of one workflow."""

    workflow_id: UUID
    figures: Figures


@dataclass(frozen=True, slots=True)
class PeriodFigures:
    """Figures of one hour or day, by its start."""

    period_start: datetime
    figures: Figures


@dataclass(frozen=True, slots=True)
class WorkflowStats:
    """Figures of a tenant, or of one workflow.

    Attributes:
        total_workflows: those that are not archived; the two after it are among them.
        unfinished: executions that have not ended now, counted up to 10,000.
        busiest: at most twenty, by what was accepted.
    """

    window: Window
    total_workflows: int
    published_workflows: int
    active_workflows: int
    unfinished: int
    figures: Figures
    busiest: tuple[WorkflowFigures, ...]


@dataclass(frozen=True, slots=True)
class ExecutionMetrics:
    """Figures over time.

    Attributes:
        quantiles_ms: durations that half, 95 and 99 of a hundred completed executions stayed under, each to within a
            fifth; None: none completed.
        series: hours or days in which something happened, oldest first.
    """

    window: Window
    figures: Figures
    quantiles_ms: tuple[int, int, int] | None
    series: tuple[PeriodFigures, ...]


class Analytics:
    """Figures of executions, from sums that are made away from their path.

    A workflow that is not in the tenant has none. All methods raise `Denied` where policy refuses, and `Unavailable`.
    """

    def __init__(self, database: Database, authority: Authority, clock: Clock) -> None:
        self._database = database
        self._authority = authority
        self._clock = clock

    async def workflow_stats(self, actor: Actor, workflow_id: UUID | None, period: Period) -> WorkflowStats:
        """How workflows did in a period: in all, and the busiest of them."""
        hidden = await self._permit(actor, workflow_id)
        window = self._window(period)
        question = MetricsQuestion(actor.tenant, workflow_id, window.granularity, window.since, hidden)
        async with self._database.transaction(actor.tenant) as connection:
            rows = await metrics.read(connection, question, by_workflow=True)
            unfinished = await metrics.count_unfinished(connection, actor.tenant, workflow_id, hidden)
            counts = await metrics.count_workflows(connection, actor.tenant, workflow_id, hidden)
        busiest = (WorkflowFigures(row.workflow_id, _figures([row])) for row in rows[:BUSIEST] if row.workflow_id)
        return WorkflowStats(
            window=window,
            total_workflows=counts.total,
            published_workflows=counts.published,
            active_workflows=counts.active,
            unfinished=unfinished,
            figures=_figures(rows),
            busiest=tuple(busiest),
        )

    async def execution_metrics(self, actor: Actor, workflow_id: UUID | None, period: Period) -> ExecutionMetrics:
        """How executions did over a period, hour by hour or day by day."""
        hidden = await self._permit(actor, workflow_id)
        window = self._window(period)
        question = MetricsQuestion(actor.tenant, workflow_id, window.granularity, window.since, hidden)
        async with self._database.transaction(actor.tenant) as connection:
            rows = await metrics.read(connection, question, by_workflow=False)
        series = (PeriodFigures(row.period_start, _figures([row])) for row in rows if row.period_start is not None)
        return ExecutionMetrics(window, _figures(rows), _quantiles(rows), tuple(series))

    async def _permit(self, actor: Actor, workflow_id: UUID | None) -> Hidden | None:
        """Permission to read figures; whose must be left out."""
        resource = Resource("analytics", None)
        if workflow_id is not None:
            async with self._database.transaction(actor.tenant) as connection:
                row = await workflows.find(connection, actor.tenant, workflow_id)
            if row is not None:
                resource = workflow_resource(row)
        return hidden_by(await self._authority.permit(actor, READ, resource))

    def _window(self, period: Period) -> Window:
        until = self._clock.now()
        since = (until - _LENGTHS[period]).replace(minute=0, second=0, microsecond=0)
        if period is Period.DAY:
            return Window(period, Granularity.HOUR, since, until)
        return Window(period, Granularity.DAY, since.replace(hour=0), until)


def _figures(rows: Iterable[MetricsRow]) -> Figures:
    started = completed = failed = cancelled = duration_ms = 0
    for row in rows:
        started += row.started
        completed += row.completed
        failed += row.failed
        cancelled += row.cancelled
        duration_ms += row.duration_sum_ms
    average = round(duration_ms / completed) if completed else None
    return Figures(started, completed, failed, cancelled, average)


def _quantiles(rows: Iterable[MetricsRow]) -> tuple[int, int, int] | None:
    counts: dict[int, int] = {}
    for row in rows:
        for bucket, count in row.buckets.items():
            counts[bucket] = counts.get(bucket, 0) + count
    if not counts:
        return None
    return _quantile(counts, 50), _quantile(counts, 95), _quantile(counts, 99)


def _quantile(counts: Mapping[int, int], percent: int) -> int:
    """Upper end of the bucket that holds the rank."""
    rank = -(-sum(counts.values()) * percent // 100)
    seen = 0
    for bucket in sorted(counts):
        seen += counts[bucket]
        if seen >= rank:
            return round(math.exp2((bucket + 1) / BUCKETS_PER_DOUBLING)) - 1
    raise AssertionError("the rank is among the counted")
