"""Schedules: made and changed by publishing, reconciled and fired by many at once, in turn or side by side."""

import asyncio
import os
from collections import Counter
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest
import pytest_asyncio
from sqlalchemy import text

from engine.errors import Denied, NotFound
from engine.identity.actor import Actor
from engine.jsonvalue import JsonObject
from engine.services.assembly import Assembled, Parts, assemble
from engine.services.requests import PublishRequest
from engine.services.schedule_values import BackfillRequest, HoldRequest, ReconcileRequest
from engine.services.values import PageRequest
from engine.store.database import Database
from engine.triggers.ticks import TickStatus
from tests.clock import FakeClock
from tests.policy.role_table import RoleTableGate
from tests.services.conftest import CATALOGUE, RecordingBell
from tests.services.schedule_bench import MINUTE, SECOND, Bench, forget_schedules, scheduled


async def test_publishing_makes_the_schedule_and_the_nominal_instant_reaches_the_workflow(
    bench: Bench, bell: RecordingBell
) -> None:
    _, schedule = await bench.workflow(scheduled("0 * * * *", payload={"region": "eu"}))
    assert schedule.next_tick_at == datetime(2026, 1, 5, 10, tzinfo=UTC)
    assert schedule.next_ticks[:2] == (datetime(2026, 1, 5, 10, tzinfo=UTC), datetime(2026, 1, 5, 11, tzinfo=UTC))
    assert len(schedule.next_ticks) == 10

    bench.clock.advance(timedelta(hours=1, milliseconds=120))
    assert await bench.fire() == 1

    [(execution_id, status, data)] = await bench.executions()
    assert status == "queued"
    assert data == {
        "region": "eu",
        "scheduleId": str(schedule.id),
        "triggerId": "clock",
        "tickAt": "2026-01-05T10:00:00.000Z",
        "timezone": "UTC",
        "origin": "scheduled",
    }
    [tick] = await bench.ticks(schedule)
    assert (tick.status, tick.drift_ms, tick.execution_id, tick.reason) == (TickStatus.FIRED, 120, execution_id, "")
    assert (bench.actor.tenant, execution_id) in bell.rung
    assert await bench.fire() == 0


async def test_reconciling_repairs_and_then_changes_nothing(bench: Bench) -> None:
    _, kept = await bench.workflow(scheduled("0 1 * * *"))
    workflow, lost = await bench.workflow(scheduled("0 2 * * *"))
    async with bench.database.transaction(bench.actor.tenant) as connection:
        await connection.execute(text("delete from scheduled_workflows where id = :id"), {"id": lost.id})

    planned = await bench.schedules.reconcile(bench.actor, ReconcileRequest(dry_run=True))
    assert [one.id for one in planned.created] == [lost.id]
    assert [one.id for one in planned.unchanged] == [kept.id]
    with pytest.raises(NotFound):
        await bench.schedules.get(bench.actor, lost.id)

    done = await bench.schedules.reconcile(bench.actor, ReconcileRequest())
    assert [one.id for one in done.created] == [lost.id]
    again = await bench.schedules.reconcile(bench.actor, ReconcileRequest())
    assert (again.created, again.updated, again.removed, again.recovered) == ((), (), (), ())
    assert len(again.unchanged) == 2

    await bench.services.workflows.archive(bench.actor, workflow.id)
    left = await bench.schedules.list(bench.actor, None, PageRequest())
    assert [one.id for one in left.items] == [kept.id]


async def test_another_version_and_another_activity_change_the_schedule_at_once(bench: Bench) -> None:
    workflow, schedule = await bench.workflow(scheduled("*/10 * * * *"))
    bench.clock.advance(timedelta(minutes=25))
    await bench.services.workflows.update(bench.actor, workflow.id, scheduled("0 0 * * *", timezone="Europe/Berlin"))
    await bench.services.workflows.publish(bench.actor, workflow.id, PublishRequest())

    changed = await bench.schedules.get(bench.actor, schedule.id)
    assert changed.next_tick_at == datetime(2026, 1, 5, 23, tzinfo=UTC)
    assert [(t.status, t.reason) for t in await bench.ticks(schedule)] == [
        (TickStatus.MISSED, "Its schedule was changed before it could start.")
    ] * 2

    await bench.services.workflows.update(
        bench.actor, workflow.id, {**scheduled("0 0 * * *", timezone="Europe/Berlin"), "isActive": False}
    )
    assert (await bench.schedules.list(bench.actor, workflow.id, PageRequest())).items == ()
    await bench.services.workflows.update(
        bench.actor, workflow.id, {**scheduled("0 0 * * *", timezone="Europe/Berlin"), "isActive": True}
    )
    [back] = (await bench.schedules.list(bench.actor, workflow.id, PageRequest())).items
    assert back.id == schedule.id


async def test_overlap_skip_records_what_did_not_start(bench: Bench) -> None:
    _, schedule = await bench.workflow(scheduled(overlap="skip"))
    for _ in range(3):
        bench.clock.advance(MINUTE)
        await bench.fire()
    await bench.finish()
    bench.clock.advance(MINUTE)
    await bench.fire()
    assert [tick.status.value for tick in await bench.ticks(schedule)] == ["fired", "skipped", "skipped", "fired"]


async def test_overlap_buffer_keeps_the_oldest_waiting(bench: Bench) -> None:
    _, schedule = await bench.workflow(scheduled(overlap="buffer"))
    for _ in range(3):
        bench.clock.advance(MINUTE)
        await bench.fire()
    assert [tick.status.value for tick in await bench.ticks(schedule)] == ["fired", "pending", "skipped"]
    await bench.finish()
    await bench.fire()
    ticks = await bench.ticks(schedule)
    assert [tick.status.value for tick in ticks] == ["fired", "late", "skipped"]
    assert ticks[1].drift_ms == 60_000


async def test_overlap_cancel_other_starts_when_the_other_has_ended(bench: Bench, bell: RecordingBell) -> None:
    _, schedule = await bench.workflow(scheduled(overlap="cancel_other"))
    bench.clock.advance(MINUTE)
    await bench.fire()
    [(first, _, _)] = await bench.executions()
    bench.clock.advance(MINUTE)
    await bench.fire()
    await bench.fire()

    async with bench.database.transaction(bench.actor.tenant) as connection:
        mail = (await connection.execute(text("select execution_id, kind from execution_inbox"))).all()
    assert [tuple(row) for row in mail] == [(first, "CancelAsked")]
    assert bell.rung[-1] == (bench.actor.tenant, first)
    assert len(await bench.executions()) == 1

    await bench.finish()
    assert await bench.fire() == 1
    assert [tick.status.value for tick in await bench.ticks(schedule)] == ["fired", "fired"]


async def test_overlap_allow_runs_side_by_side(bench: Bench) -> None:
    _, schedule = await bench.workflow(scheduled(overlap="allow"))
    for _ in range(3):
        bench.clock.advance(MINUTE)
        await bench.fire()
    assert await bench.statuses(schedule) == {"fired": 3}
    assert len(await bench.executions()) == 3


async def test_jitter_delays_the_start_and_not_the_instant(bench: Bench) -> None:
    _, schedule = await bench.workflow(scheduled(jitterMs=40_000))
    async with bench.database.transaction(bench.actor.tenant) as connection:
        due_at = (
            await connection.execute(
                text("select next_due_at from scheduled_workflows where id = :id"), {"id": schedule.id}
            )
        ).scalar_one()
    delay = due_at - schedule.next_tick_at
    assert timedelta(0) < delay <= timedelta(seconds=40)
    bench.clock.advance(MINUTE + delay - timedelta(milliseconds=1))
    assert await bench.fire() == 0
    bench.clock.advance(timedelta(milliseconds=1))
    assert await bench.fire() == 1
    [tick] = await bench.ticks(schedule)
    assert (tick.tick_at, tick.status) == (schedule.next_tick_at, TickStatus.FIRED)


async def test_a_workflow_that_refuses_the_trigger_data_is_told_of(bench: Bench) -> None:
    definition: JsonObject = {**scheduled(), "inputSchema": {"type": "object", "required": ["region"]}}
    _, schedule = await bench.workflow(definition)
    bench.clock.advance(MINUTE)
    assert await bench.fire() == 0
    [tick] = await bench.ticks(schedule)
    assert tick.status is TickStatus.SKIPPED
    assert "inputSchema" in tick.reason


async def test_nobody_else_sees_or_moves_it(bench: Bench, stranger: Actor, viewer: Actor) -> None:
    _, schedule = await bench.workflow(scheduled())
    for call in (
        bench.schedules.get(stranger, schedule.id),
        bench.schedules.ticks(stranger, schedule.id, PageRequest()),
        bench.schedules.pause(stranger, schedule.id, HoldRequest()),
        bench.schedules.backfill(stranger, schedule.id, BackfillRequest()),
    ):
        with pytest.raises(NotFound):
            await call
    assert (await bench.schedules.list(stranger, None, PageRequest())).items == ()
    assert (await bench.schedules.reconcile(stranger, ReconcileRequest())).unchanged == ()
    with pytest.raises(Denied):
        await bench.schedules.pause(viewer, schedule.id, HoldRequest())
    with pytest.raises(Denied):
        await bench.schedules.reconcile(viewer, ReconcileRequest())


async def test_the_gap_metric_sees_a_row_that_is_gone(bench: Bench) -> None:
    _, schedule = await bench.workflow(scheduled(overlap="allow"))
    for _ in range(3):
        bench.clock.advance(MINUTE)
        await bench.fire()
    before = await bench.reconciler.find_gaps(bench.clock.now())
    async with bench.database.transaction(bench.actor.tenant) as connection:
        await connection.execute(
            text("delete from schedule_ticks where schedule_id = :id and tick_at = :at"),
            {"id": schedule.id, "at": datetime(2026, 1, 5, 9, 2, tzinfo=UTC)},
        )
    assert await bench.reconciler.find_gaps(bench.clock.now()) == before + 1


async def test_newer_zone_data_moves_the_next_tick(bench: Bench) -> None:
    _, schedule = await bench.workflow(scheduled("0 12 * * *"))
    for wrong in ("2026-01-05 08:00Z", "2026-01-05 13:00Z"):
        async with bench.database.transaction(bench.actor.tenant) as connection:
            await connection.execute(
                text(f"update scheduled_workflows set next_tick_at = '{wrong}', next_due_at = '{wrong}'")  # noqa: S608
            )
        if wrong < "2026-01-05 09":
            assert await bench.fire() == 0
        else:
            report = await bench.schedules.reconcile(bench.actor, ReconcileRequest())
            assert [one.id for one in report.updated] == [schedule.id]
        assert (await bench.schedules.get(bench.actor, schedule.id)).next_tick_at == schedule.next_tick_at


@pytest_asyncio.fixture
async def fleet(database_url: str, clock: FakeClock, planner: Actor) -> AsyncIterator[list[Bench]]:
    """Five processes, each with connections and caches of its own."""
    made: list[tuple[Assembled, Database]] = []
    for number in range(5):
        database = Database.connect(database_url, application_name=f"fleet-{number}", pool_size=4)
        gate = RoleTableGate(uuid4)
        made.append((assemble(Parts(database, RecordingBell(), gate, lambda: CATALOGUE, clock)), database))
    yield [Bench(assembled, database, planner, clock) for assembled, database in made]
    await forget_schedules(made[0][1], planner)
    for assembled, database in made:
        await assembled.close()
        await database.close()


async def test_five_workers_and_five_reconcilers_lose_and_double_nothing(fleet: list[Bench]) -> None:
    """Ten minutes of every-second ticks on a clock that jumps unevenly, everybody at once."""
    one = fleet[0]
    _, schedule = await one.workflow(scheduled("* * * * * *", overlap="allow", driftWindowSeconds=60))
    since = one.clock.now()
    steps = [1, 3, 2, 4, 5] if os.environ.get("MAESTRO_LONG_SCHEDULES") else [1, 30, 12, 5, 45]
    reconciled: list[int] = []
    while one.clock.now() < since + timedelta(minutes=10):
        one.clock.advance(
            SECOND * min(steps[len(reconciled) % 5], (since + timedelta(minutes=10) - one.clock.now()).seconds)
        )
        passes = [bench.fire(since) for bench in fleet]
        rounds = [bench.schedules.reconcile(bench.actor, ReconcileRequest()) for bench in fleet]
        _, reports = await asyncio.gather(asyncio.gather(*passes), asyncio.gather(*rounds))
        reconciled.append(len(reports[-1].unchanged))

    started = Counter(str(data["tickAt"]) for _, _, data in await one.executions())
    assert len(started) == 600
    assert set(started.values()) == {1}
    assert await one.statuses(schedule) == {"fired": 600}
    assert set(reconciled) == {1}


async def test_reconcilers_at_once_create_a_schedule_once(fleet: list[Bench]) -> None:
    one = fleet[0]
    await one.workflow(scheduled())
    async with one.database.transaction(one.actor.tenant) as connection:
        await connection.execute(text("delete from scheduled_workflows"))
    found = await asyncio.gather(*(bench.schedules.reconcile(bench.actor, ReconcileRequest()) for bench in fleet))
    assert sorted(len(report.created) for report in found) == [0, 0, 0, 0, 1]
    assert sorted(len(report.unchanged) for report in found) == [0, 1, 1, 1, 1]


async def test_the_workers_reconciler_finds_tenants_that_need_it(bench: Bench) -> None:
    _, schedule = await bench.workflow(scheduled())
    async with bench.database.transaction(bench.actor.tenant) as connection:
        await connection.execute(text("delete from scheduled_workflows"))
    assert await bench.reconciler.run_once() >= 1
    assert (await bench.schedules.get(bench.actor, schedule.id)).id == schedule.id
    assert await bench.reconciler.run_once() == 0
