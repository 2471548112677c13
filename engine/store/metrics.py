"""Figures of executions: sums by hour and day, made away from the hot path, and read with what is newer."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import func, select, text
from sqlalchemy.ext.asyncio import AsyncConnection

from engine.store.hot import HotConnection
from engine.store.statements import load
from engine.store.tables.definitions import workflow_definitions
from engine.store.tables.runtime import FINAL, executions
from engine.store.visibility import Hidden, belongs_to_visible, visible

_SQL = load("metrics")
_W = workflow_definitions.c
_E = executions.c
BUCKETS_PER_DOUBLING = 4
"""A bucket `n` holds durations from 2^(n/4) - 1 to 2^((n+1)/4) - 1 milliseconds."""
UNFINISHED_CAP = 10_000


@dataclass(frozen=True, slots=True)
class MetricsQuestion:
    """Which sums.

    Attributes:
        workflow_id: None: of all workflows.
        granularity: `hour` or `day`: how the periods are cut.
        since: start of the first period.
    """

    tenant: str
    workflow_id: UUID | None
    granularity: str
    since: datetime
    hidden: Hidden | None = None


@dataclass(frozen=True, slots=True)
class MetricsRow:
    """Sums of one workflow, or of one period.

    Attributes:
        workflow_id: None where they are by period.
        period_start: None where they are by workflow.
        duration_sum_ms: of what completed.
        buckets: how many completed executions took how long, by bucket.
    """

    workflow_id: UUID | None
    period_start: datetime | None
    started: int
    completed: int
    failed: int
    cancelled: int
    duration_sum_ms: int
    buckets: Mapping[int, int]


@dataclass(frozen=True, slots=True)
class WorkflowCounts:
    """How many workflows a tenant has."""

    total: int
    published: int
    active: int


async def add(connection: HotConnection, settled_s: float, every_s: float) -> datetime | None:
    """Sum what is new. Returns up to when it is summed now; None: nothing was due."""
    rows = await connection.fetch(_SQL["add"], settled_s, every_s)
    upto: datetime | None = rows[0]["upto"] if rows else None
    return upto


async def read(connection: AsyncConnection, question: MetricsQuestion, *, by_workflow: bool) -> Sequence[MetricsRow]:
    """Sums by workflow, busiest first, or by period, oldest first; what has just happened is among them."""
    found = await connection.execute(
        text(_SQL["read"]),
        {
            "tenant": question.tenant,
            "workflow_id": question.workflow_id,
            "granularity": question.granularity,
            "since": question.since,
            "by_workflow": by_workflow,
            "hidden": None if question.hidden is None else [*question.hidden.classifications],
            "unless_created_by": None if question.hidden is None else question.hidden.unless_created_by,
        },
    )
    return [
        MetricsRow(
            workflow_id=row.workflow_id,
            period_start=row.period_start,
            started=row.started,
            completed=row.completed,
            failed=row.failed,
            cancelled=row.cancelled,
            duration_sum_ms=row.duration_sum_ms,
            buckets={int(bucket): int(n) for bucket, n in row.buckets.items()},
        )
        for row in found
    ]


async def count_unfinished(
    connection: AsyncConnection, tenant: str, workflow_id: UUID | None, hidden: Hidden | None
) -> int:
    """Executions that have not ended, counted up to `UNFINISHED_CAP`."""
    # In the words of the partial index, which bound values would not match.
    wanted = select(_E.id).where(_E.tenant_id == tenant, text(f"status not in {FINAL}"))
    if workflow_id is not None:
        wanted = wanted.where(_E.workflow_id == workflow_id)
    wanted = wanted.where(*belongs_to_visible(hidden, tenant, _E.workflow_id))
    counted = wanted.limit(UNFINISHED_CAP).subquery()
    return int((await connection.execute(select(func.count()).select_from(counted))).scalar_one())


async def count_workflows(
    connection: AsyncConnection, tenant: str, workflow_id: UUID | None, hidden: Hidden | None
) -> WorkflowCounts:
    """Workflows that are not archived."""
    wanted = [_W.tenant_id == tenant, _W.status != "archived", *visible(hidden)]
    if workflow_id is not None:
        wanted.append(_W.id == workflow_id)
    published = _W.status == "published"
    statement = select(
        func.count(), func.count().filter(published), func.count().filter(published, _W.is_active)
    ).where(*wanted)
    total, of_published, active = (await connection.execute(statement)).one()
    return WorkflowCounts(total, of_published, active)
