"""The ledger of ticks in the long run: one row for many that ended alike, and old rows go."""

from datetime import timedelta

import pytest
from sqlalchemy import text

from engine.services import reconciler
from engine.services.schedule_values import BackfillRequest, Schedule
from engine.store.database import LOOP_ROLE
from engine.store.hot import HotConnection
from engine.triggers.ticks import TickStatus
from tests.services.schedule_bench import SECOND, Bench, scheduled
from workers.retention import Retention

MANY = 12


@pytest.fixture(autouse=True)
def short_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reconciler, "ROWS_OF_A_RUN", MANY)


async def each_second(bench: Bench, seconds: int) -> None:
    """One pass a second, as workers make them."""
    for _ in range(seconds):
        bench.clock.advance(SECOND)
        await bench.fire(bench.clock.now() - SECOND)


async def rows_of(bench: Bench, schedule: Schedule) -> list[tuple[TickStatus, int]]:
    return [(tick.status, tick.count) for tick in await bench.ticks(schedule)]


async def test_a_run_that_passes_have_written_one_by_one_becomes_one_row_and_goes_on(bench: Bench) -> None:
    _, schedule = await bench.workflow(scheduled("* * * * * *", overlap="skip"))
    await each_second(bench, 1 + MANY)
    assert await bench.reconciler.fold_runs() == 0
    await each_second(bench, 1)
    assert await bench.reconciler.fold_runs() == MANY
    assert await rows_of(bench, schedule) == [(TickStatus.FIRED, 1), (TickStatus.SKIPPED, MANY + 1)]
    await each_second(bench, 3)
    await bench.finish()
    await each_second(bench, 1)
    assert await rows_of(bench, schedule) == [
        (TickStatus.FIRED, 1),
        (TickStatus.SKIPPED, MANY + 4),
        (TickStatus.FIRED, 1),
    ]
    run = (await bench.ticks(schedule))[1]
    assert run.until_tick_at == run.tick_at + (MANY + 3) * SECOND
    assert await bench.reconciler.find_gaps(bench.clock.now()) == 0
    assert await bench.reconciler.fold_runs() == 0


async def test_a_run_is_folded_from_where_it_begins_however_late_that_is_noticed(bench: Bench) -> None:
    _, schedule = await bench.workflow(scheduled("* * * * * *", overlap="skip"))
    await each_second(bench, 5 * MANY)
    await bench.reconciler.fold_runs()
    assert await rows_of(bench, schedule) == [(TickStatus.FIRED, 1), (TickStatus.SKIPPED, 5 * MANY - 1)]


async def test_ticks_of_a_folded_run_can_be_backfilled(bench: Bench) -> None:
    _, schedule = await bench.workflow(scheduled("* * * * * *", overlap="skip"))
    await each_second(bench, 2 + MANY)
    await bench.reconciler.fold_runs()
    await bench.finish()
    third = (await bench.ticks(schedule))[1].tick_at + 2 * SECOND
    await bench.schedules.backfill(bench.actor, schedule.id, BackfillRequest(third, third))
    assert await bench.statuses(schedule) == {"fired": 1, "caught_up": 1, "skipped": MANY}


async def test_what_another_holds_is_left_for_the_next_look(bench: Bench) -> None:
    await bench.workflow(scheduled("* * * * * *", overlap="skip"))
    await each_second(bench, 2 + MANY)
    async with bench.database.transaction(bench.actor.tenant) as connection:
        await connection.execute(text("select 1 from scheduled_workflows for update"))
        assert await bench.reconciler.fold_runs() == 0
    assert await bench.reconciler.fold_runs() == MANY


async def test_old_rows_go_and_what_waits_stays(bench: Bench) -> None:
    _, schedule = await bench.workflow(scheduled("* * * * * *", overlap="buffer"))
    await each_second(bench, 2)
    assert await rows_of(bench, schedule) == [(TickStatus.FIRED, 1), (TickStatus.PENDING, 1)]
    loop = HotConnection(bench.database, LOOP_ROLE)
    for age, left in ((timedelta(days=9), 2), (timedelta(days=2), 1)):
        async with bench.database.transaction(bench.actor.tenant) as connection:
            await connection.execute(
                text("update schedule_ticks set created_at = created_at - cast(:age as interval)"), {"age": age}
            )
        await Retention(loop, 10, lambda: 0.5).run_once()
        assert len(await bench.ticks(schedule)) == left
    assert await rows_of(bench, schedule) == [(TickStatus.PENDING, 1)]
    await Retention(loop, None, lambda: 0.5).run_once()
    await loop.close()
