"""Figures: what is summed and what is newer make one answer, each execution counted once."""

from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import asyncpg
import pytest
import pytest_asyncio

from engine.identity.actor import Actor
from engine.ids import uuid7
from engine.services.analytics import ExecutionMetrics, Figures, Granularity, Period
from engine.services.services import Services
from engine.store.database import Database
from engine.store.hot import HotConnection
from tests.clock import FakeClock
from tests.store.rows import add_execution, add_workflow
from workers.sums import Sums


@pytest.fixture
def now(clock: FakeClock) -> datetime:
    """The database's clock decides what has settled, so these tests live in its present."""
    present = datetime.now(UTC)
    clock.advance(present - clock.now())
    return present


@pytest_asyncio.fixture
async def summing(loop_connection: HotConnection, superuser: asyncpg.Connection, now: datetime) -> Sums:
    """Sums that have got as far as two days ago."""
    await superuser.execute("delete from workflow_metrics")
    await superuser.execute("update workflow_metrics_progress set aggregated_until = $1", now - timedelta(days=2))
    return Sums(loop_connection, lambda: 0.5)


async def add_ended(
    database: Database, tenant: str, workflow_id: UUID, status: str, ended_at: datetime, took_ms: int = 100
) -> None:
    started_at = ended_at - timedelta(milliseconds=took_ms)
    await add_execution(
        database,
        tenant,
        workflow_id,
        id=uuid7(started_at, uuid4().bytes[:10]),
        status=status,
        created_at=started_at,
        started_at=started_at,
        finished_at=ended_at,
    )


async def summed(metrics: Sums) -> None:
    while await metrics.run_once():
        continue


async def asked(services: Services, actor: Actor, workflow_id: UUID | None = None) -> ExecutionMetrics:
    return await services.analytics.execution_metrics(actor, workflow_id, Period.DAY)


async def test_sums_and_what_is_newer_make_one_answer(
    services: Services, database: Database, viewer: Actor, summing: Sums, now: datetime
) -> None:
    workflow = await add_workflow(database, viewer.tenant)
    await add_ended(database, viewer.tenant, workflow.id, "completed", now - timedelta(hours=3), 200)
    await add_ended(database, viewer.tenant, workflow.id, "failed", now - timedelta(hours=3))
    await add_ended(database, viewer.tenant, workflow.id, "completed", now - timedelta(seconds=1), 400)
    await add_execution(database, viewer.tenant, workflow.id, id=uuid7(now, uuid4().bytes[:10]), status="queued")
    before = await asked(services, viewer)

    await summed(summing)

    after = await asked(services, viewer)
    assert before.figures == after.figures == Figures(4, 2, 1, 0, 300)
    assert after.figures.success_rate == 0.6667
    assert after.window.granularity is Granularity.HOUR
    assert [part.figures.completed for part in after.series if part.figures.completed] == [1, 1]
    assert before.series == after.series
    assert after.quantiles_ms == before.quantiles_ms
    assert after.quantiles_ms is not None
    assert all(200 <= low < 200 * 1.25 for low in after.quantiles_ms[:1])
    assert all(400 <= high < 400 * 1.25 for high in after.quantiles_ms[1:])


async def test_summing_again_counts_nothing_twice(
    services: Services,
    database: Database,
    viewer: Actor,
    summing: Sums,
    now: datetime,
    superuser: asyncpg.Connection,
) -> None:
    workflow = await add_workflow(database, viewer.tenant)
    for minutes in (70, 90, 1_000):
        await add_ended(database, viewer.tenant, workflow.id, "completed", now - timedelta(minutes=minutes))

    await summed(summing)
    await add_ended(database, viewer.tenant, workflow.id, "completed", now - timedelta(seconds=20))
    assert await summing.run_once() is False
    assert await summing.run_once(settled_s=0, every_s=0) is True

    kept = await superuser.fetchval(
        "select sum(completed) from workflow_metrics where tenant_id = $1 and granularity = 'day'", viewer.tenant
    )
    assert kept == 4
    assert (await asked(services, viewer)).figures.completed == 4


async def test_stats_name_the_busiest_workflow_first_and_count_what_has_not_ended(
    services: Services, database: Database, viewer: Actor, now: datetime, summing: Sums
) -> None:
    calm = await add_workflow(database, viewer.tenant)
    busy = await add_workflow(database, viewer.tenant)
    await add_ended(database, viewer.tenant, calm.id, "cancelled", now - timedelta(hours=2))
    for _ in range(2):
        await add_ended(database, viewer.tenant, busy.id, "completed", now - timedelta(hours=2))
    await summed(summing)
    await add_execution(database, viewer.tenant, busy.id, id=uuid7(now, uuid4().bytes[:10]), status="running")

    stats = await services.analytics.workflow_stats(viewer, None, Period.WEEK)

    assert [one.workflow_id for one in stats.busiest] == [busy.id, calm.id]
    assert [one.figures for one in stats.busiest] == [Figures(3, 2, 0, 0, 100), Figures(1, 0, 0, 1, None)]
    assert (stats.total_workflows, stats.published_workflows, stats.unfinished) == (2, 0, 1)
    only = await services.analytics.workflow_stats(viewer, calm.id, Period.WEEK)
    assert only.figures == Figures(1, 0, 0, 1, None)
    assert (only.total_workflows, only.unfinished) == (1, 0)


async def test_what_lies_before_the_period_is_not_counted(
    services: Services, database: Database, viewer: Actor, now: datetime, summing: Sums
) -> None:
    workflow = await add_workflow(database, viewer.tenant)
    await add_ended(database, viewer.tenant, workflow.id, "completed", now - timedelta(hours=26))
    assert (await asked(services, viewer)).figures == Figures()
    await summed(summing)
    assert (await asked(services, viewer)).figures == Figures()
    week = await services.analytics.execution_metrics(viewer, workflow.id, Period.WEEK)
    assert week.figures.completed == 1
    assert week.window.granularity is Granularity.DAY


async def test_another_tenants_figures_are_nobodys(
    services: Services, database: Database, viewer: Actor, stranger: Actor, now: datetime, summing: Sums
) -> None:
    workflow = await add_workflow(database, viewer.tenant)
    await add_ended(database, viewer.tenant, workflow.id, "completed", now - timedelta(hours=2))
    await summed(summing)

    assert (await asked(services, stranger, workflow.id)).figures == Figures()
    assert (await asked(services, stranger)).figures == Figures()
