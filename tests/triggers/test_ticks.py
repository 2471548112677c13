"""Ticks: properties of what is due, missed, jittered and compressed, and how overlap places them."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.definitions.cron import parse_cron, zone_of
from engine.definitions.model import CatchUp, Overlap
from engine.triggers.ticks import (
    BUFFER_FULL,
    LOOKED_AT,
    OVERLAPPED,
    REPLACED,
    STARTED_AT_ONCE,
    Candidate,
    Judged,
    Origin,
    Outcome,
    Pause,
    Rule,
    Tick,
    TickStatus,
    Verdict,
    arrange,
    compress,
    review,
    upcoming_ticks,
)

START = datetime(2026, 1, 5, 9, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


def rule(cron: str = "* * * * *", catch_up: CatchUp = CatchUp.LATEST, **members: object) -> Rule:
    found: dict[str, object] = {
        "schedule_id": UUID(int=7),
        "cron": parse_cron(cron),
        "zone": zone_of("UTC"),
        "catch_up": catch_up,
        "window": timedelta(hours=1),
        "overlap": Overlap.SKIP,
        "jitter_ms": 0,
        "drift_window": timedelta(seconds=5),
        **members,
    }
    return Rule(**found)  # type: ignore[arg-type]


def origins(judged: tuple[Judged, ...]) -> list[str]:
    return ["-" if one.origin is None else one.origin.value for one in judged]


CRONS = st.sampled_from(["* * * * *", "*/7 * * * *", "* * * * * *", "*/20 * * * * *", "0 3 * * *", "15,45 9-11 * * *"])
STEPS = st.lists(st.integers(0, 4_000), min_size=1, max_size=8)


@given(CRONS, STEPS, st.sampled_from(CatchUp), st.integers(0, 90_000))
@settings(max_examples=60, deadline=None)
def test_passes_at_any_moments_deal_with_every_tick_once(
    cron: str, steps: list[int], catch_up: CatchUp, jitter_ms: int
) -> None:
    one = rule(cron, catch_up, jitter_ms=jitter_ms)
    now = cursor = START
    seen: list[datetime] = []
    for step_s in steps:
        now += timedelta(seconds=step_s)
        while True:
            found = review(one, cursor, now, now)
            seen += [judged.tick.at for judged in found.judged]
            cursor = found.cursor
            if found.is_whole:
                break
        assert found.upcoming is not None
        assert found.upcoming.due_at > now

    expected = [tick.at for tick in takewhile_due(one, now)]
    assert seen == expected


def takewhile_due(one: Rule, now: datetime) -> list[Tick]:
    found = []
    for tick in upcoming_ticks(one, START):
        if tick.due_at > now:
            break
        found.append(tick)
    return found


@given(CRONS, st.integers(1, 10**8), st.integers(0, 2**64))
@settings(max_examples=60, deadline=None)
def test_jitter_never_crosses_the_next_tick_and_is_the_same_for_all(cron: str, jitter_ms: int, seed: int) -> None:
    one = rule(cron, jitter_ms=jitter_ms, schedule_id=UUID(int=seed))
    ticks = [tick for _, tick in zip(range(20), upcoming_ticks(one, START), strict=False)]
    for tick, following in pairwise(ticks):
        assert tick.at <= tick.due_at < following.at
        assert tick.due_at - tick.at <= timedelta(milliseconds=jitter_ms)
    assert ticks[0] == next(upcoming_ticks(one, START))


def test_jitter_spreads() -> None:
    one = rule("0 * * * *", jitter_ms=600_000)
    delays = {tick.due_at - tick.at for _, tick in zip(range(50), upcoming_ticks(one, START), strict=False)}
    assert len(delays) > 40


@pytest.mark.parametrize(
    ("catch_up", "expected"),
    [
        (CatchUp.SKIP, ["-"] * 5),
        (CatchUp.LATEST, ["-"] * 4 + ["caught_up"]),
        (CatchUp.ALL, ["caught_up"] * 5),
    ],
)
def test_missed_ticks_by_policy(catch_up: CatchUp, expected: list[str]) -> None:
    now = START + 5 * MINUTE + timedelta(seconds=6)
    assert origins(review(rule(catch_up=catch_up), START, now, now).judged) == expected


@pytest.mark.parametrize(("late_s", "expected"), [(5, "scheduled"), (5.001, "-")])
def test_the_edge_of_the_drift_window(late_s: float, expected: str) -> None:
    now = START + MINUTE + timedelta(seconds=late_s)
    assert origins(review(rule(catch_up=CatchUp.SKIP), START, now, now).judged) == [expected]


@pytest.mark.parametrize(("offset_s", "expected"), [(0, "scheduled"), (0.001, "-")])
def test_a_tick_is_missed_only_when_nobody_looked_at_its_time(offset_s: float, expected: str) -> None:
    now = START + MINUTE + timedelta(seconds=30)
    watched_from = START + MINUTE + timedelta(seconds=offset_s)
    assert origins(review(rule(catch_up=CatchUp.SKIP), START, now, watched_from).judged) == [expected]


@pytest.mark.parametrize(("window_s", "expected"), [(120, "caught_up"), (119, "-")])
def test_the_edge_of_the_catch_up_window(window_s: int, expected: str) -> None:
    one = rule(catch_up=CatchUp.ALL, window=timedelta(seconds=window_s))
    now = START + 3 * MINUTE
    assert origins(review(one, START, now, now).judged) == [expected, "caught_up", "scheduled"]


@pytest.mark.parametrize(
    ("catch_up", "expected"),
    [
        (CatchUp.SKIP, ["scheduled", "-", "-", "scheduled"]),
        (CatchUp.LATEST, ["scheduled", "-", "caught_up", "scheduled"]),
        (CatchUp.ALL, ["scheduled", "caught_up", "caught_up", "scheduled"]),
    ],
)
def test_what_came_due_in_a_pause_was_missed_however_short_the_pause(catch_up: CatchUp, expected: list[str]) -> None:
    second = timedelta(seconds=1)
    pause = Pause(START + 2 * second, START + 4 * second)
    found = review(rule("* * * * * *", catch_up), START, START + 4 * second, START, pause=pause)
    assert origins(found.judged) == expected


def test_a_pass_starts_a_thousand_at_most_oldest_first() -> None:
    now = START + timedelta(minutes=30)
    found = review(rule("* * * * * *", CatchUp.ALL), START, now, now)
    assert len(found.judged) == STARTED_AT_ONCE
    assert not found.is_whole
    assert found.judged[0].tick.at == START + timedelta(seconds=1)
    assert found.cursor == START + timedelta(seconds=STARTED_AT_ONCE)


def test_the_newest_missed_tick_is_found_beyond_one_pass() -> None:
    one, cursor = rule("* * * * * *", window=timedelta(days=1)), START
    now = START + timedelta(seconds=2 * LOOKED_AT + 10)
    caught: list[datetime] = []
    is_whole = False
    while not is_whole:
        found = review(one, cursor, now, now)
        caught += [j.tick.at for j in found.judged if j.origin is Origin.CAUGHT_UP]
        cursor, is_whole = found.cursor, found.is_whole
    assert caught == [now - timedelta(seconds=6)]


def test_ticks_that_have_a_row_are_left_alone() -> None:
    known = frozenset({START + 2 * MINUTE})
    found = review(rule(catch_up=CatchUp.ALL), START, START + 3 * MINUTE, START, known)
    assert [one.tick.at for one in found.judged] == [START + MINUTE, START + 3 * MINUTE]
    assert found.cursor == START + 3 * MINUTE


def candidates(*kinds: Origin, overlap: Overlap, stored: int = 0) -> list[Candidate]:
    instants = [START + MINUTE * number for number in range(len(kinds))]
    return [
        Candidate(Tick(at, at), kind, overlap, is_stored=number < stored)
        for number, (at, kind) in enumerate(zip(instants, kinds, strict=True))
    ]


NOW, LATER, ASKED = Origin.SCHEDULED, Origin.CAUGHT_UP, Origin.BACKFILL


@pytest.mark.parametrize(
    ("overlap", "is_running", "kinds", "expected"),
    [
        (Overlap.ALLOW, True, (NOW, LATER, ASKED), ["start", "start", "start"]),
        (Overlap.SKIP, False, (NOW, NOW), ["start", "skip"]),
        (Overlap.SKIP, True, (NOW,), ["skip"]),
        (Overlap.SKIP, False, (LATER, LATER, NOW), ["start", "wait", "skip"]),
        (Overlap.SKIP, True, (ASKED, ASKED), ["wait", "wait"]),
        (Overlap.BUFFER, False, (NOW, NOW, NOW), ["start", "wait", "skip"]),
        (Overlap.BUFFER, True, (LATER, NOW, NOW), ["wait", "wait", "skip"]),
        (Overlap.CANCEL_OTHER, False, (NOW, NOW), ["skip", "start"]),
        (Overlap.CANCEL_OTHER, True, (LATER, NOW), ["skip", "wait"]),
    ],
)
def test_overlap(overlap: Overlap, is_running: bool, kinds: tuple[Origin, ...], expected: list[str]) -> None:  # noqa: FBT001 - a parameter
    found = arrange(candidates(*kinds, overlap=overlap), is_running=is_running)
    assert [one.verdict.value for one in found.placed] == expected
    assert found.cancel_running == (overlap is Overlap.CANCEL_OTHER and is_running)
    reasons = {one.reason for one in found.placed if one.verdict is Verdict.SKIP}
    assert reasons <= {OVERLAPPED, BUFFER_FULL, REPLACED}


@given(
    st.lists(st.tuples(st.sampled_from(Origin), st.sampled_from(Overlap)), max_size=12),
    st.booleans(),
)
def test_without_allow_at_most_one_starts(kinds: list[tuple[Origin, Overlap]], is_running: bool) -> None:  # noqa: FBT001 - drawn
    given_ones = [
        Candidate(Tick(START + MINUTE * n, START + MINUTE * n), origin, overlap)
        for n, (origin, overlap) in enumerate(kinds)
    ]
    placed = arrange(given_ones, is_running=is_running).placed
    exclusive = [p for p in placed if p.candidate.overlap is not Overlap.ALLOW and p.verdict is Verdict.START]
    assert len(exclusive) <= (0 if is_running else 1)
    assert all(p.verdict is Verdict.START for p in placed if p.candidate.overlap is Overlap.ALLOW)
    assert len(placed) == len(given_ones)


@given(st.lists(st.tuples(st.integers(1, 1_500), st.sampled_from(["a", "b"])), max_size=6))
@settings(max_examples=40, deadline=None)
def test_compression_keeps_every_tick(stretches: list[tuple[int, str]]) -> None:
    outcomes: list[Outcome] = []
    for length, reason in stretches:
        start = len(outcomes)
        outcomes += [Outcome(START + MINUTE * (start + n), TickStatus.MISSED, reason) for n in range(length)]
    runs = list(compress(outcomes))

    assert sum(run.count for run in runs) == len(outcomes)
    assert all(run.count == 1 or run.count > 1_000 for run in runs)
    rebuilt = [(run.at + MINUTE * n, run.reason) for run in runs for n in range(run.count)]
    assert rebuilt == [(one.at, one.reason) for one in outcomes]
    assert all(run.until == run.at + MINUTE * (run.count - 1) for run in runs)
