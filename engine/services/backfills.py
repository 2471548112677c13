"""Backfill: ticks of the past that a person asks for. What was started is never started again."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import takewhile
from typing import Final

from engine.definitions.model import Overlap
from engine.errors import Fault, ValidationFailed
from engine.services.requests import WRONG_VALUE
from engine.store import ticks as ledger
from engine.store.database import Transaction
from engine.store.schedules import ScheduleRow
from engine.store.ticks import TickRow
from engine.triggers.ticks import STARTED, WAITING, Rule, TickStatus, upcoming_ticks

MOST: Final = 10_000
"""Ticks that one backfill may ask for."""
_NOTHING: Final = timedelta(microseconds=1)
_TAKEN: Final = STARTED | WAITING
WAITS = "A backfill asks for it; it waits for its turn."


@dataclass(frozen=True, slots=True)
class Wish:
    """Ticks that a person wants.

    Attributes:
        overlap: None: the schedule's own.
    """

    start: datetime
    end: datetime
    overlap: Overlap | None
    subject: str


def wanted_ticks(rule: Rule, start: datetime, end: datetime) -> tuple[datetime, ...]:
    """Ticks of a range, both ends included.

    Raises:
        ValidationFailed: there are more than one backfill may ask for.
    """
    found: list[datetime] = []
    for tick in takewhile(lambda one: one.at <= end, upcoming_ticks(rule, start - _NOTHING)):
        if len(found) == MOST:
            message = f"The range has more than {MOST:,} ticks."
            raise ValidationFailed((Fault(WRONG_VALUE, "/to", message, "Backfill it in several parts."),))
        found.append(tick.at)
    return tuple(found)


async def ask(connection: Transaction, row: ScheduleRow, rule: Rule, wish: Wish) -> tuple[int, int]:
    """Let the ticks of a wish wait for their turn, in the caller's transaction, which holds the schedule.

    Returns:
        How many wait now, and how many were started before or wait already.
    """
    wanted = wanted_ticks(rule, wish.start, wish.end)
    present = await ledger.find_between(connection, row.tenant, row.id, wish.start, wish.end)
    single = {one.tick_at: one for one in present if one.until_tick_at is None}
    taken = sum(1 for at in wanted if at in single and single[at].status in _TAKEN)
    again = [at for at in wanted if at in single and single[at].status not in _TAKEN]
    fresh = [at for at in wanted if at not in single]
    for run in (one for one in present if one.until_tick_at is not None):
        await _shorten(connection, row, rule, run, fresh)
    for at in again:
        await ledger.rewrite(connection, row.tenant, _pending(row, at, wish))
    await ledger.record(connection, row.tenant, [_pending(row, at, wish) for at in fresh])
    return len(again) + len(fresh), taken


async def _shorten(
    connection: Transaction, row: ScheduleRow, rule: Rule, run: TickRow, fresh: Sequence[datetime]
) -> None:
    """Take ticks out of a row that stands for many: from now on they have rows of their own."""
    until = run.until_tick_at or run.tick_at
    taken_out = {at for at in fresh if run.tick_at <= at <= until}
    if not taken_out:
        return
    inside = await ledger.find_between(connection, row.tenant, row.id, run.tick_at, until)
    own = {one.tick_at for one in inside if one.until_tick_at is None}
    ticks = takewhile(lambda one: one.at <= until, upcoming_ticks(rule, run.tick_at - _NOTHING))
    left = [tick.at for tick in ticks if tick.at not in taken_out and tick.at not in own]
    after = replace(run, tick_at=left[0], until_tick_at=left[-1], count=run.count - len(taken_out)) if left else None
    await ledger.rewrite_run(connection, row.tenant, run, after)


def _pending(row: ScheduleRow, at: datetime, wish: Wish) -> TickRow:
    return TickRow(
        schedule_id=row.id,
        tick_at=at,
        until_tick_at=None,
        count=1,
        status=TickStatus.PENDING,
        fired_at=None,
        drift_ms=None,
        execution_id=None,
        reason=WAITS,
        is_backfill=True,
        overlap=wish.overlap,
        requested_by=wish.subject,
    )
