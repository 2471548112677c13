"""Ticks that came due while nobody looked, or are asked for afterwards: caught up, late, dropped, backfilled."""

from collections import Counter
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import text

from engine.definitions.model import Overlap
from engine.errors import Conflict, ValidationFailed
from engine.services.schedule_values import BackfillRequest, HoldRequest, ReconcileRequest
from engine.triggers.ticks import TickStatus
from tests.services.schedule_bench import MINUTE, SECOND, Bench, scheduled


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


async def test_pausing_drops_by_the_same_rule(bench: Bench) -> None:
    _, schedule = await bench.workflow(scheduled(catchUp="latest"))
    since = bench.clock.now()
    held = await bench.schedules.pause(bench.actor, schedule.id, HoldRequest("upgrade"))
    assert (held.status.value, held.next_ticks) == ("paused", ())
    with pytest.raises(Conflict, match="already"):
        await bench.schedules.pause(bench.actor, schedule.id, HoldRequest())
    bench.clock.advance(timedelta(minutes=5, seconds=2))
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
