"""What a pass over a schedule comes to, before it is written and after: pure, from rows and verdicts."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from engine.services.schedule_rules import place_at
from engine.store.acceptance import Candidate as Acceptable
from engine.store.schedules import ScheduleRow
from engine.store.ticks import TickRow
from engine.triggers.ticks import (
    Arrangement,
    Candidate,
    Judged,
    Origin,
    Outcome,
    Pause,
    Placed,
    Review,
    Rule,
    Tick,
    TickStatus,
    Verdict,
    started_as,
)


@dataclass(frozen=True, slots=True)
class TickOutcome:
    """What one tick came to in a pass. A run of ticks that ended alike is one."""

    schedule_id: UUID
    tick_at: datetime
    outcome: TickStatus
    was_missed: bool


@dataclass(frozen=True, slots=True)
class Plan:
    """What a pass has decided before anything is asked of policy or written.

    Attributes:
        stored: ticks of the ledger that wait for their turn.
        running: unfinished executions of the schedule.
    """

    row: ScheduleRow
    rule: Rule
    review: Review
    arrangement: Arrangement
    stored: dict[datetime, TickRow]
    running: tuple[UUID, ...]

    @property
    def is_idle(self) -> bool:
        """Whether there is nothing to write."""
        # Newer zone data may say of the same rule that it is due at another time.
        place = place_at(self.review.cursor, self.review.upcoming, self.row.watched_from)
        moves = (place.cursor_at, place.next_due_at) != (self.row.cursor_at, self.row.next_due_at)
        waits_on = all(one.verdict is Verdict.WAIT and one.candidate.is_stored for one in self.arrangement.placed)
        return not moves and waits_on


def waiting_candidate(row: ScheduleRow, tick: TickRow) -> Candidate:
    """A tick of the ledger that waits for its turn."""
    origin = Origin.SCHEDULED
    if tick.is_backfill:
        origin = Origin.BACKFILL
    elif tick.status == TickStatus.PENDING:
        origin = Origin.CAUGHT_UP
    return Candidate(Tick(tick.tick_at, tick.tick_at), origin, tick.overlap or row.overlap, is_stored=True)


def tick_row(plan: Plan, placed: Placed, ready: Acceptable | str | None, now: datetime) -> TickRow:
    """The ledger's row of a tick that was placed."""
    candidate = placed.candidate
    stored = plan.stored.get(candidate.tick.at)
    status, reason, execution_id = TickStatus.SKIPPED, placed.reason, None
    if placed.verdict is Verdict.WAIT:
        status = TickStatus.BUFFERED if candidate.origin is Origin.SCHEDULED else TickStatus.PENDING
        reason = stored.reason if stored is not None else reason
    elif isinstance(ready, str):
        reason = ready
    elif ready is not None:
        status = started_as(plan.rule, candidate, now)
        reason, execution_id = _why(plan, candidate, status, stored), ready.id
    is_started = execution_id is not None
    drift_ms = round((now - candidate.tick.at).total_seconds() * 1_000)
    return TickRow(
        schedule_id=plan.row.id,
        tick_at=candidate.tick.at,
        until_tick_at=None,
        count=1,
        status=status,
        fired_at=now if is_started else None,
        drift_ms=drift_ms if is_started else None,
        execution_id=execution_id,
        reason=reason,
        is_backfill=candidate.origin is Origin.BACKFILL,
        overlap=None if stored is None else stored.overlap,
        requested_by=None if stored is None else stored.requested_by,
    )


def _why(plan: Plan, candidate: Candidate, status: TickStatus, stored: TickRow | None) -> str:
    if candidate.origin is Origin.BACKFILL:
        return f"A backfill asked for it ({stored.requested_by})." if stored is not None else "A backfill asked for it."
    if candidate.origin is Origin.CAUGHT_UP:
        missed = "It fell into a pause" if _was_paused(plan.row, candidate.tick) else "It was missed"
        return f"{missed} and is made up for (catchUp: {plan.rule.catch_up.value})."
    if status is TickStatus.LATE:
        waited = "it waited for an earlier execution to end" if candidate.is_stored else "the workers were behind"
        return f"It started later than its drift window: {waited}."
    return ""


def pause_of(row: ScheduleRow) -> Pause | None:
    """The latest pause of a schedule that goes on again; None: there was none."""
    return None if row.paused_at is None else Pause(row.paused_at, row.watched_from)


def _was_paused(row: ScheduleRow, tick: Tick) -> bool:
    pause = pause_of(row)
    return pause is not None and pause.holds(tick.due_at)


def stretches(plan: Plan, endings: dict[datetime, Outcome]) -> list[tuple[int, list[Outcome]]]:
    """Ticks that ended without an execution, in stretches that no other tick interrupts, with where each begins."""
    found: list[tuple[int, list[Outcome]]] = []
    is_open = False
    for position, judged in enumerate(plan.review.judged):
        outcome = endings.get(judged.tick.at) if judged.origin is not None else _missed(plan.row, judged)
        if outcome is None:
            is_open = False
            continue
        if not is_open:
            found.append((position, []))
            is_open = True
        found[-1][1].append(outcome)
    return found


def _missed(row: ScheduleRow, judged: Judged) -> Outcome:
    paused = " The schedule was paused." if _was_paused(row, judged.tick) else ""
    return Outcome(judged.tick.at, TickStatus.MISSED, judged.reason + paused)


def outcomes_of(plan: Plan, ready: dict[datetime, Acceptable | str], now: datetime) -> tuple[TickOutcome, ...]:
    """What the pass came to, in the order of the ticks. Without `ready`: what it would come to."""
    placed = {one.candidate.tick.at: one for one in plan.arrangement.placed}
    found: list[TickOutcome] = []
    for judged in plan.review.judged:
        at = judged.tick.at
        if judged.origin is None:
            found.append(TickOutcome(plan.row.id, at, TickStatus.MISSED, was_missed=True))
            continue
        one = placed[at]
        would_start = one.verdict is Verdict.START and not isinstance(ready.get(at), str)
        status = TickStatus.SKIPPED
        if would_start:
            status = started_as(plan.rule, one.candidate, now)
        elif one.verdict is Verdict.WAIT:
            status = TickStatus.BUFFERED if judged.origin is Origin.SCHEDULED else TickStatus.PENDING
        found.append(TickOutcome(plan.row.id, at, status, was_missed=judged.origin is Origin.CAUGHT_UP))
    begun = (at for at in plan.stored if placed[at].verdict is Verdict.START and not isinstance(ready.get(at), str))
    found.extend(
        TickOutcome(plan.row.id, at, started_as(plan.rule, placed[at].candidate, now), was_missed=False) for at in begun
    )
    return tuple(found)
