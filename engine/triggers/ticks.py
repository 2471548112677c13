"""Ticks of one schedule, decided without clock and store: what is due, what becomes of it, what may start.

A pass has two halves. `review` looks at the clock: which ticks have come due since the cursor, which of them were
missed, and which of the missed are made up for. `arrange` looks at the executions: which of these may start beside what
still runs. `docs/schedules.md` tells it to operators.
"""

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final
from uuid import UUID
from zoneinfo import ZoneInfo

from engine.definitions.cron import Cron
from engine.definitions.model import CatchUp, Overlap

STARTED_AT_ONCE: Final = 1_000
"""Ticks that one pass may start; what is left comes with the next one, oldest first."""
LOOKED_AT: Final = 5_000
"""Ticks that one pass looks at, so that a long standstill does not stop the loop that looks."""
ROWS_OF_A_RUN: Final = 1_000
"""Equal outcomes in a row beyond which one row of the ledger stands for all of them."""

SUPERSEDED = "A newer missed tick stands for it (catchUp: latest)."
NOT_CAUGHT_UP = "It was missed (catchUp: skip)."
OUTSIDE_WINDOW = "It was missed, and lies outside of the catch-up window."
WAITS_ITS_TURN = "It waits until no earlier execution of the schedule runs."
OVERLAPPED = "An earlier execution of the schedule was still running (overlap: skip)."
BUFFER_FULL = "An earlier execution was still running, and another tick was waiting already (overlap: buffer)."
CANCELS_OTHER = "It waits until the cancelled execution has ended (overlap: cancel_other)."
REPLACED = "A newer tick took its place before it could start (overlap: cancel_other)."


class TickStatus(StrEnum):
    """How a tick stands in the ledger.

    pending: missed or asked for, it waits for its turn. buffered: it came on time and waits for its turn. The others
    are final: fired, skipped (it came, but was not to start), missed (nobody looked, and it is not made up for),
    caught_up (missed or asked for, and started since), late (started by more than the drift window after its instant).
    """

    PENDING = "pending"
    BUFFERED = "buffered"
    FIRED = "fired"
    SKIPPED = "skipped"
    MISSED = "missed"
    CAUGHT_UP = "caught_up"
    LATE = "late"


STARTED: Final = frozenset({TickStatus.FIRED, TickStatus.CAUGHT_UP, TickStatus.LATE})
"""Statuses of ticks that have an execution."""
WAITING: Final = frozenset({TickStatus.PENDING, TickStatus.BUFFERED})
"""Statuses of ticks that have not ended."""


class Origin(StrEnum):
    """Why a tick wants to start now: it is its time, it was missed, or a person asked for it."""

    SCHEDULED = "scheduled"
    CAUGHT_UP = "caught_up"
    BACKFILL = "backfill"


@dataclass(frozen=True, slots=True)
class Rule:
    """A schedule as its passes see it.

    Attributes:
        window: how far back missed ticks are made up for.
        drift_window: how much later than due a tick may start without being called late.
    """

    schedule_id: UUID
    cron: Cron
    zone: ZoneInfo
    catch_up: CatchUp
    window: timedelta
    overlap: Overlap
    jitter_ms: int
    drift_window: timedelta


@dataclass(frozen=True, slots=True)
class Tick:
    """One instant of a schedule.

    Attributes:
        at: the nominal instant, its name.
        due_at: when it may start: `at` and its jitter.
    """

    at: datetime
    due_at: datetime


@dataclass(frozen=True, slots=True)
class Pause:
    """While a person held the schedule: what came due from `since` until `until` was missed, however short that was."""

    since: datetime
    until: datetime

    def holds(self, due_at: datetime) -> bool:
        """Whether what was due then came due while the schedule was held."""
        return self.since <= due_at < self.until


@dataclass(frozen=True, slots=True)
class Judged:
    """A due tick and what the clock says of it. `origin` None: it does not start, `reason` says why."""

    tick: Tick
    origin: Origin | None
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Review:
    """What is due.

    Attributes:
        cursor: up to which instant every tick has been looked at.
        upcoming: the next tick; None: there is none within fifty years.
        is_whole: False: more is due than one pass takes.
    """

    judged: tuple[Judged, ...]
    cursor: datetime
    upcoming: Tick | None
    is_whole: bool


def upcoming_ticks(rule: Rule, after: datetime) -> Iterator[Tick]:
    """Ticks strictly after an instant, in order, each with its jitter.

    The jitter of a tick is the same for whoever asks, and never so long that it reaches the next tick.
    """
    instants = rule.cron.ticks(rule.zone, after)
    at = next(instants, None)
    while at is not None:
        following = next(instants, None)
        yield Tick(at, at + _jitter(rule, at, following))
        at = following


def _jitter(rule: Rule, at: datetime, following: datetime | None) -> timedelta:
    if not rule.jitter_ms:
        return timedelta(0)
    longest_ms = rule.jitter_ms
    if following is not None:
        longest_ms = min(longest_ms, int((following - at) / timedelta(milliseconds=1)) - 1)
    seed = hashlib.sha256(rule.schedule_id.bytes + int(at.timestamp()).to_bytes(8, "big", signed=True)).digest()
    return timedelta(milliseconds=int.from_bytes(seed[:8], "big") % (longest_ms + 1))


def review(
    rule: Rule,
    cursor: datetime,
    now: datetime,
    watched_from: datetime,
    known: frozenset[datetime] = frozenset(),
    pause: Pause | None = None,
) -> Review:
    """What has come due since the cursor.

    A tick is missed when it came due in a pause, or when it is later than the drift window and was due before
    `watched_from`: nobody looked at its time. One that is as late although somebody looked starts all the same.

    Args:
        rule: the schedule.
        cursor: every tick up to here has been dealt with.
        now: the present.
        watched_from: since when the schedule has been looked at without a break.
        known: ticks that have a row already, of a backfill: they are left alone.
        pause: the latest one, which has ended; None: there was none.
    """
    judged: list[Judged] = []
    starting = 0
    reached = cursor
    candidate: int | None = None
    ahead: Tick | None = None
    is_whole = True
    for tick in upcoming_ticks(rule, cursor):
        ahead = tick
        if tick.due_at > now:
            break
        if len(judged) >= LOOKED_AT or starting >= STARTED_AT_ONCE:
            is_whole = False
            break
        reached, ahead = tick.at, None
        if tick.at in known:
            continue
        found = _judge(rule, tick, now, watched_from, pause)
        if found.origin is Origin.CAUGHT_UP and rule.catch_up is CatchUp.LATEST:
            _supersede(judged, candidate)
            candidate = len(judged)
        elif found.origin is not None:
            starting += 1
        judged.append(found)
    if rule.catch_up is CatchUp.LATEST and not is_whole and ahead is not None:
        beyond = _judge(rule, ahead, now, watched_from, pause)
        if beyond.origin is Origin.CAUGHT_UP:
            _supersede(judged, candidate)
    return Review(tuple(judged), reached, ahead, is_whole)


def _judge(rule: Rule, tick: Tick, now: datetime, watched_from: datetime, pause: Pause | None) -> Judged:
    is_unseen = now - tick.due_at > rule.drift_window and tick.due_at < watched_from
    if not is_unseen and (pause is None or not pause.holds(tick.due_at)):
        return Judged(tick, Origin.SCHEDULED)
    if rule.catch_up is CatchUp.SKIP:
        return Judged(tick, None, NOT_CAUGHT_UP)
    if now - tick.at > rule.window:
        return Judged(tick, None, OUTSIDE_WINDOW)
    return Judged(tick, Origin.CAUGHT_UP)


def _supersede(judged: list[Judged], candidate: int | None) -> None:
    if candidate is not None:
        judged[candidate] = Judged(judged[candidate].tick, None, SUPERSEDED)


# --- beside what still runs -------------------------------------------------------------------------------------------


class Verdict(StrEnum):
    """What becomes of a tick that wants to start."""

    START = "start"
    WAIT = "wait"
    SKIP = "skip"


@dataclass(frozen=True, slots=True)
class Candidate:
    """A tick that wants to start; `is_stored`: it waits in the ledger already."""

    tick: Tick
    origin: Origin
    overlap: Overlap
    is_stored: bool = False


@dataclass(frozen=True, slots=True)
class Placed:
    """A candidate and what becomes of it."""

    candidate: Candidate
    verdict: Verdict
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Arrangement:
    """What becomes of all candidates; `cancel_running`: what runs must be asked to end."""

    placed: tuple[Placed, ...]
    cancel_running: bool


def arrange(candidates: Sequence[Candidate], *, is_running: bool) -> Arrangement:
    """Place candidates, oldest first, beside what runs.

    Under `skip` and `buffer` one execution runs at a time. A tick that comes on time is skipped or, under `buffer`,
    waits if no other does; ticks that were missed or asked for are owed, and wait for their turn one after another.
    Under `cancel_other` only the newest goes on, and starts when what ran has ended.
    """
    placed: list[Placed] = []
    is_busy, has_buffered, cancels = is_running, False, False
    newest = next((c for c in reversed(candidates) if c.overlap is Overlap.CANCEL_OTHER), None)
    for candidate in candidates:
        verdict, reason = Verdict.START, ""
        if candidate.overlap is Overlap.CANCEL_OTHER and candidate is not newest:
            verdict, reason = Verdict.SKIP, REPLACED
        elif candidate.overlap is Overlap.CANCEL_OTHER and is_busy:
            verdict, reason, cancels = Verdict.WAIT, CANCELS_OTHER, True
        elif candidate.overlap is not Overlap.ALLOW and is_busy:
            verdict, reason = _placed_behind(candidate, has_buffered=has_buffered)
            has_buffered |= verdict is Verdict.WAIT and candidate.origin is Origin.SCHEDULED
        if verdict is Verdict.START and candidate.overlap is not Overlap.ALLOW:
            is_busy = True
        placed.append(Placed(candidate, verdict, reason))
    return Arrangement(tuple(placed), cancels)


def _placed_behind(candidate: Candidate, *, has_buffered: bool) -> tuple[Verdict, str]:
    if candidate.origin is not Origin.SCHEDULED:
        return Verdict.WAIT, WAITS_ITS_TURN
    if candidate.overlap is Overlap.SKIP:
        return Verdict.SKIP, OVERLAPPED
    return (Verdict.SKIP, BUFFER_FULL) if has_buffered else (Verdict.WAIT, WAITS_ITS_TURN)


# --- the ledger -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Outcome:
    """How one tick ended without an execution."""

    at: datetime
    status: TickStatus
    reason: str


@dataclass(frozen=True, slots=True)
class Run:
    """Ticks in a row that ended alike; of a single one `until` is `at`."""

    at: datetime
    until: datetime
    count: int
    status: TickStatus
    reason: str


def started_as(rule: Rule, candidate: Candidate, now: datetime) -> TickStatus:
    """What a tick that starts now has become."""
    if candidate.origin is not Origin.SCHEDULED:
        return TickStatus.CAUGHT_UP
    return TickStatus.LATE if now - candidate.tick.due_at > rule.drift_window else TickStatus.FIRED


def compress(outcomes: Sequence[Outcome]) -> Iterator[Run]:
    """Rows for outcomes in the order of their ticks: one each, or one for a run of more than a thousand equal ones."""
    start = 0
    for position in range(1, len(outcomes) + 1):
        first = outcomes[start]
        if position < len(outcomes) and _alike(first, outcomes[position]):
            continue
        alike = outcomes[start:position]
        if len(alike) > ROWS_OF_A_RUN:
            yield Run(first.at, alike[-1].at, len(alike), first.status, first.reason)
        else:
            yield from (Run(one.at, one.at, 1, one.status, one.reason) for one in alike)
        start = position


def _alike(one: Outcome, other: Outcome) -> bool:
    return one.status is other.status and one.reason == other.reason
