"""Writing into the ledger of ticks what became of them."""

from collections.abc import Sequence
from datetime import datetime

from engine.services.schedule_rules import rule_of
from engine.store import ticks as ledger
from engine.store.database import Transaction
from engine.store.schedules import ScheduleRow
from engine.store.ticks import TickRow
from engine.triggers.metrics import TICKS
from engine.triggers.ticks import LOOKED_AT, Outcome, Run, TickStatus, compress, upcoming_ticks


def row_of(row: ScheduleRow, run: Run) -> TickRow:
    """The ledger's row of ticks that ended without an execution."""
    return TickRow(
        schedule_id=row.id,
        tick_at=run.at,
        until_tick_at=run.until if run.count > 1 else None,
        count=run.count,
        status=run.status,
        fired_at=None,
        drift_ms=None,
        execution_id=None,
        reason=run.reason,
        is_backfill=False,
        overlap=None,
        requested_by=None,
    )


async def write_outcomes(
    connection: Transaction, row: ScheduleRow, outcomes: Sequence[Outcome], *, follow_cursor: bool
) -> None:
    """Write how ticks in a row ended; `follow_cursor`: the first is the one behind the schedule's cursor."""
    if not outcomes:
        return
    runs = [row_of(row, run) for run in compress(outcomes)]
    if follow_cursor and await ledger.extend_run(connection, row, runs[0]):
        runs = runs[1:]
    await ledger.record(connection, row.tenant, runs)
    for outcome in outcomes:
        TICKS.labels(outcome.status.value).inc()


async def give_up(connection: Transaction, row: ScheduleRow, now: datetime, reason: str) -> None:
    """Record what has come due and was not dealt with as missed: its schedule is about to be another one."""
    rule = rule_of(row, 0)
    known = {one.tick_at for one in await ledger.find_between(connection, row.tenant, row.id, row.cursor_at, now)}
    outcomes: list[Outcome] = []
    follows = True
    for tick in upcoming_ticks(rule, row.cursor_at):
        if tick.at > now:
            break
        if tick.at not in known:
            outcomes.append(Outcome(tick.at, TickStatus.MISSED, reason))
        if len(outcomes) >= LOOKED_AT:
            await write_outcomes(connection, row, outcomes, follow_cursor=follows)
            outcomes, follows = [], False
    await write_outcomes(connection, row, outcomes, follow_cursor=follows)
    for waiting in await ledger.find_waiting(connection, row.tenant, row.id, LOOKED_AT):
        if reason == REMOVED:
            await ledger.rewrite(connection, row.tenant, ended(waiting, TickStatus.SKIPPED, reason))


REMOVED = "Its schedule was removed before it could start."
CHANGED = "Its schedule was changed before it could start."


def ended(tick: TickRow, status: TickStatus, reason: str) -> TickRow:
    """A tick that waited, without an execution in the end."""
    return TickRow(
        schedule_id=tick.schedule_id,
        tick_at=tick.tick_at,
        until_tick_at=None,
        count=1,
        status=status,
        fired_at=None,
        drift_ms=None,
        execution_id=None,
        reason=reason,
        is_backfill=tick.is_backfill,
        overlap=tick.overlap,
        requested_by=tick.requested_by,
    )
