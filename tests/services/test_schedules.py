"""Schedules: reconciling, firing by many at once, recovering, holding, backfilling."""

import asyncio
import os
from collections import Counter
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import pytest
import pytest_asyncio
from sqlalchemy import text

from engine.definitions.model import Overlap
from engine.errors import Conflict, Denied, NotFound, ValidationFailed
from engine.identity.actor import Actor
from engine.jsonvalue import Json, JsonObject
from engine.policy.gate import RoleTableGate
from engine.services.assembly import Assembled, Parts, assemble
from engine.services.requests import PublishRequest
from engine.services.schedule_values import BackfillRequest, HoldRequest, ReconcileRequest, Schedule, ScheduleTick
from engine.services.values import PageRequest, Workflow
from engine.store.database import Database
from engine.triggers.ticks import TickStatus
from tests.clock import FakeClock
from tests.services.conftest import CATALOGUE, RecordingBell
from tests.services.documents import document, published

SECOND = timedelta(seconds=1)
MINUTE = timedelta(minutes=1)


def scheduled(cron: str = "* * * * *", trigger_id: str = "clock", **config: Json) -> JsonObject:
    trigger: JsonObject = {"id": trigger_id, "type": "schedule", "config": {"schedule": cron, **config}}
    return document(triggers=[trigger])


class Bench:
    """One tenant's schedules, seen through one process."""

    def __init__(self, assembled: Assembled, database: Database, actor: Actor, clock: FakeClock) -> None:
        self.services = assembled.services
        self.schedules = assembled.services.schedules
        self.firing = assembled.triggers.firing
        self.reconciler = assembled.triggers.reconciler
        self.database = database
        self.actor = actor
        self.clock = clock

    async def workflow(self, definition: JsonObject) -> tuple[Workflow, Schedule]:
        workflow = await published(self.services, self.actor, definition)
        found = await self.schedules.list(self.actor, workflow.id, PageRequest())
        return workflow, found.items[0]

    async def fire(self, watched_from: datetime | None = None) -> int:
        now = self.clock.now()
        return (await self.firing.run_once(now, watched_from or now)).started

    async def ticks(self, schedule: Schedule) -> list[ScheduleTick]:
        found = await self.schedules.ticks(self.actor, schedule.id, PageRequest(limit=200))
        return list(reversed(found.items))

    async def statuses(self, schedule: Schedule) -> Counter[str]:
        async with self.database.transaction(self.actor.tenant) as connection:
            rows = await connection.execute(
                text("select status, sum(count) from schedule_ticks where schedule_id = :id group by status"),
                {"id": schedule.id},
            )
            return Counter({status: int(number) for status, number in rows})

    async def executions(self) -> list[tuple[UUID, str, JsonObject]]:
        async with self.database.transaction(self.actor.tenant) as connection:
            rows = await connection.execute(
                text(
                    "select id, status, trigger_data from executions where trigger_type = 'schedule'"
                    " order by created_at, trigger_data->>'tickAt'"
                )
            )
            return [tuple(row) for row in rows]

    async def finish(self) -> None:
        """End whatever runs, as a worker would."""
        async with self.database.transaction(self.actor.tenant) as connection:
            await connection.execute(
                text(
                    "update executions set status = 'completed', finished_at = now()"
                    " where status not in ('completed', 'failed', 'cancelled')"
                )
            )


@pytest.fixture
def actor(tenant: str) -> Actor:
    return Actor(tenant, "ann", frozenset({"editor", "operator"}), request_id="req-1")


@pytest_asyncio.fixture
async def bench(assembled: Assembled, database: Database, actor: Actor, clock: FakeClock) -> AsyncIterator[Bench]:
    yield Bench(assembled, database, actor, clock)
    await forget_schedules(database, actor)


async def forget_schedules(database: Database, actor: Actor) -> None:
    """Rounds go over all tenants: what a test leaves behind would come due in the next one."""
    async with database.transaction(actor.tenant) as connection:
        await connection.execute(text("delete from schedule_ticks"))
        await connection.execute(text("delete from scheduled_workflows"))
        await connection.execute(text("update workflow_definitions set is_active = false"))


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


@pytest.mark.parametrize(
    ("catch_up", "overlap", "expected"),
    [
        ("skip", "allow", {"missed": 60}),
        ("latest", "allow", {"missed": 59, "caught_up": 1}),
        ("all", "allow", {"caught_up": 60}),
        ("all", "skip", {"caught_up": 60}),
        ("all", "buffer", {"caught_up": 60}),
        ("all", "cancel_other", {"caught_up": 1, "skipped": 59}),
    ],
)
async def test_a_stop_of_an_hour_is_recovered_as_the_policy_says(
    bench: Bench, catch_up: str, overlap: str, expected: dict[str, int]
) -> None:
    _, schedule = await bench.workflow(scheduled(catchUp=catch_up, overlap=overlap))
    bench.clock.advance(timedelta(hours=1, seconds=30))

    for _ in range(61):
        await bench.fire()
        await bench.finish()

    assert await bench.statuses(schedule) == expected
    started = [str(data["tickAt"]) for _, _, data in await bench.executions()]
    assert started == sorted(set(started))
    assert len(started) == expected.get("caught_up", 0)
    if catch_up == "latest":
        assert started == ["2026-01-05T10:00:00.000Z"]


@pytest.mark.parametrize(("lease_s", "status"), [(60.0, TickStatus.LATE), (0.0, TickStatus.CAUGHT_UP)])
async def test_reconciling_does_not_call_missed_what_workers_are_behind_with(
    bench: Bench, lease_s: float, status: TickStatus
) -> None:
    _, schedule = await bench.workflow(scheduled(overlap="allow", catchUp="all"))
    async with bench.database.loop_transaction() as connection:
        await connection.execute(
            text(
                "insert into workers (id, name, started_at, lease_until)"
                " values (gen_random_uuid(), 'w', '2026-01-01', now() + make_interval(secs => :lease_s))"
            ),
            {"lease_s": lease_s},
        )
    bench.clock.advance(3 * MINUTE - SECOND)
    await bench.schedules.reconcile(bench.actor, ReconcileRequest())
    assert [tick.status for tick in await bench.ticks(schedule)] == [status] * 2
    async with bench.database.loop_transaction() as connection:
        await connection.execute(text("delete from workers"))


async def test_what_lies_outside_of_the_window_is_dropped_with_its_reason(bench: Bench) -> None:
    _, schedule = await bench.workflow(scheduled(catchUp="all", overlap="allow", catchUpWindowSeconds=600))
    bench.clock.advance(timedelta(hours=1, seconds=30))
    await bench.fire()

    assert await bench.statuses(schedule) == {"missed": 50, "caught_up": 10}
    first = (await bench.ticks(schedule))[0]
    assert first.reason == "It was missed, and lies outside of the catch-up window."


async def test_a_long_run_of_equal_outcomes_is_one_row(bench: Bench) -> None:
    _, schedule = await bench.workflow(scheduled("* * * * * *", catchUp="skip"))
    bench.clock.advance(timedelta(hours=4))
    for _ in range(4):
        await bench.fire()

    rows = [tick for tick in await bench.ticks(schedule) if tick.status is TickStatus.MISSED]
    [row] = rows
    assert row.count == 4 * 3600 - 6
    assert row.tick_at == datetime(2026, 1, 5, 9, 0, 1, tzinfo=UTC)
    assert row.until_tick_at == datetime(2026, 1, 5, 12, 59, 54, tzinfo=UTC)


async def test_somebody_who_looked_all_the_time_starts_late_ticks(bench: Bench) -> None:
    _, schedule = await bench.workflow(scheduled(catchUp="skip"))
    since = bench.clock.now()
    bench.clock.advance(MINUTE + timedelta(seconds=8))
    assert await bench.fire(since) == 1

    [tick] = await bench.ticks(schedule)
    assert (tick.status, tick.drift_ms) == (TickStatus.LATE, 8_000)
    assert tick.reason


@pytest.mark.parametrize(("window", "status"), [(7, TickStatus.LATE), (8, TickStatus.FIRED)])
async def test_a_trigger_has_its_own_drift_window(bench: Bench, window: int, status: TickStatus) -> None:
    _, schedule = await bench.workflow(scheduled(driftWindowSeconds=window))
    since = bench.clock.now()
    bench.clock.advance(MINUTE + timedelta(seconds=8))
    await bench.fire(since)
    assert [tick.status for tick in await bench.ticks(schedule)] == [status]


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


async def test_pausing_drops_by_the_same_rule(bench: Bench) -> None:
    _, schedule = await bench.workflow(scheduled(catchUp="latest"))
    since = bench.clock.now()
    held = await bench.schedules.pause(bench.actor, schedule.id, HoldRequest("upgrade"))
    assert (held.status.value, held.next_ticks) == ("paused", ())
    with pytest.raises(Conflict, match="already"):
        await bench.schedules.pause(bench.actor, schedule.id, HoldRequest())
    bench.clock.advance(timedelta(minutes=5, seconds=30))
    assert await bench.fire(since) == 0
    assert await bench.ticks(schedule) == []

    await bench.schedules.resume(bench.actor, schedule.id, HoldRequest())
    ticks = await bench.ticks(schedule)
    assert [tick.status.value for tick in ticks] == ["missed"] * 4 + ["caught_up"]
    assert ticks[0].reason.endswith("The schedule was paused.")
    assert "pause" in ticks[-1].reason
    with pytest.raises(Conflict, match="not paused"):
        await bench.schedules.resume(bench.actor, schedule.id, HoldRequest())


async def test_backfill_never_repeats_a_started_tick(bench: Bench) -> None:
    _, schedule = await bench.workflow(scheduled(catchUp="skip", overlap="allow"))
    bench.clock.advance(MINUTE)
    await bench.fire()
    bench.clock.advance(timedelta(minutes=9, seconds=30))
    await bench.fire()
    start = datetime(2026, 1, 5, 8, 58, tzinfo=UTC)
    request = BackfillRequest(start=start, end=start + timedelta(minutes=5))

    asked = await bench.schedules.backfill(bench.actor, schedule.id, request)
    assert (asked.asked, asked.already_started) == (5, 1)
    again = await bench.schedules.backfill(bench.actor, schedule.id, request)
    assert (again.asked, again.already_started) == (0, 6)

    ticks = {tick.tick_at: tick for tick in await bench.ticks(schedule)}
    assert [ticks[start + MINUTE * n].status.value for n in range(6)] == ["caught_up"] * 3 + ["fired"] + [
        "caught_up"
    ] * 2
    started = Counter(str(data["tickAt"]) for _, _, data in await bench.executions())
    assert set(started.values()) == {1}
    assert len(started) == 6


async def test_backfill_takes_ticks_out_of_a_compressed_run(bench: Bench) -> None:
    _, schedule = await bench.workflow(scheduled("* * * * * *", catchUp="skip"))
    bench.clock.advance(timedelta(hours=1))
    await bench.fire()
    start = datetime(2026, 1, 5, 9, 0, 1, tzinfo=UTC)
    request = BackfillRequest(start=start, end=start + 2 * SECOND, overlap=Overlap.ALLOW)
    assert (await bench.schedules.backfill(bench.actor, schedule.id, request)).asked == 3

    counts = await bench.statuses(schedule)
    assert sum(counts.values()) == 3600
    assert counts["caught_up"] == 3
    [run] = [tick for tick in await bench.ticks(schedule) if tick.count > 1]
    assert (run.tick_at, run.count) == (start + 3 * SECOND, 3600 - 6 - 3)


@pytest.mark.parametrize(
    ("start", "end"),
    [
        (timedelta(0), timedelta(seconds=-1)),
        (timedelta(hours=-1), timedelta(hours=1)),
        (timedelta(days=-30), timedelta(0)),
    ],
)
async def test_backfill_refuses_a_range_that_makes_no_sense(bench: Bench, start: timedelta, end: timedelta) -> None:
    _, schedule = await bench.workflow(scheduled())
    request = BackfillRequest(start=bench.clock.now() + start, end=bench.clock.now() + end)
    with pytest.raises(ValidationFailed):
        await bench.schedules.backfill(bench.actor, schedule.id, request)
    assert await bench.ticks(schedule) == []


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
async def fleet(database_url: str, clock: FakeClock, actor: Actor) -> AsyncIterator[list[Bench]]:
    """Five processes, each with connections and caches of its own."""
    made: list[tuple[Assembled, Database]] = []
    for number in range(5):
        database = Database.connect(database_url, application_name=f"fleet-{number}", pool_size=4)
        gate = RoleTableGate(uuid4)
        made.append((assemble(Parts(database, RecordingBell(), gate, lambda: CATALOGUE, clock)), database))
    yield [Bench(assembled, database, actor, clock) for assembled, database in made]
    await forget_schedules(made[0][1], actor)
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
