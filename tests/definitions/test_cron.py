"""Cron expressions: what is refused, and what clock changes do."""

from datetime import UTC, datetime, timedelta
from itertools import islice, takewhile

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.definitions.cron import CronError, NeverFiresError, parse_cron, zone_of


def ticks(expression: str, zone: str, after: datetime, count: int) -> list[str]:
    place = zone_of(zone)
    found = islice(parse_cron(expression).ticks(place, after), count)
    return [tick.astimezone(place).isoformat() for tick in found]


@pytest.mark.parametrize(
    ("expression", "zone", "after", "expected"),
    [
        # A fixed time inside the skipped hour fires at the first instant after it.
        ("30 2 * * *", "America/New_York", datetime(2026, 3, 8, 5, tzinfo=UTC), ["2026-03-08T03:00:00-04:00"]),
        ("10,20 2 * * *", "America/New_York", datetime(2026, 3, 8, 5, tzinfo=UTC),
         ["2026-03-08T03:00:00-04:00", "2026-03-09T02:10:00-04:00"]),
        # A fixed time inside the repeated hour fires once, the first time.
        ("30 1 * * *", "America/New_York", datetime(2026, 11, 1, 4, tzinfo=UTC),
         ["2026-11-01T01:30:00-04:00", "2026-11-02T01:30:00-05:00"]),
        # Intervals stay real through both.
        ("*/30 * * * *", "America/New_York", datetime(2026, 11, 1, 4, 59, tzinfo=UTC),
         ["2026-11-01T01:00:00-04:00", "2026-11-01T01:30:00-04:00", "2026-11-01T01:00:00-05:00",
          "2026-11-01T01:30:00-05:00", "2026-11-01T02:00:00-05:00"]),
        ("15 2 * * *", "Australia/Lord_Howe", datetime(2026, 10, 3, 12, tzinfo=UTC), ["2026-10-04T02:30:00+11:00"]),
        # Six fields follow the same rules.
        ("0 30 2 * * *", "America/New_York", datetime(2026, 3, 8, 5, tzinfo=UTC),
         ["2026-03-08T03:00:00-04:00", "2026-03-09T02:30:00-04:00"]),
        ("*/20 30 2 * * *", "America/New_York", datetime(2026, 3, 8, 5, tzinfo=UTC),
         ["2026-03-08T03:00:00-04:00", "2026-03-09T02:30:00-04:00", "2026-03-09T02:30:20-04:00"]),
        ("0 30 1 * * *", "America/New_York", datetime(2026, 11, 1, 4, tzinfo=UTC),
         ["2026-11-01T01:30:00-04:00", "2026-11-02T01:30:00-05:00"]),
        ("0 */30 * * * *", "America/New_York", datetime(2026, 11, 1, 4, 59, tzinfo=UTC),
         ["2026-11-01T01:00:00-04:00", "2026-11-01T01:30:00-04:00", "2026-11-01T01:00:00-05:00",
          "2026-11-01T01:30:00-05:00", "2026-11-01T02:00:00-05:00"]),
        ("*/30 * * * *", "America/New_York", datetime(2026, 3, 8, 6, 29, tzinfo=UTC),
         ["2026-03-08T01:30:00-05:00", "2026-03-08T03:00:00-04:00", "2026-03-08T03:30:00-04:00"]),
        # Half an hour, there and back.
        ("*/30 * * * *", "Australia/Lord_Howe", datetime(2026, 10, 3, 14, 59, tzinfo=UTC),
         ["2026-10-04T01:30:00+10:30", "2026-10-04T02:30:00+11:00", "2026-10-04T03:00:00+11:00"]),
        ("45 1 * * *", "Australia/Lord_Howe", datetime(2026, 4, 4, 12, tzinfo=UTC),
         ["2026-04-05T01:45:00+11:00", "2026-04-06T01:45:00+10:30"]),
        # Clocks that jump at midnight: the day begins at one.
        ("0 0 * * *", "America/Havana", datetime(2026, 3, 7, 6, tzinfo=UTC),
         ["2026-03-08T01:00:00-04:00", "2026-03-09T00:00:00-04:00"]),
        ("*/30 1-3 * * *", "America/Havana", datetime(2026, 3, 8, 4, tzinfo=UTC),
         ["2026-03-08T01:00:00-04:00", "2026-03-08T01:30:00-04:00", "2026-03-08T02:00:00-04:00"]),
        ("30 23 * * *", "America/Asuncion", datetime(2024, 3, 23, 12, tzinfo=UTC),
         ["2024-03-23T23:30:00-03:00", "2024-03-24T23:30:00-04:00"]),
        # A zone that left out a whole day.
        ("0 12 * * *", "Pacific/Apia", datetime(2011, 12, 29, 12, tzinfo=UTC),
         ["2011-12-29T12:00:00-10:00", "2011-12-31T00:00:00+14:00", "2011-12-31T12:00:00+14:00"]),
        ("0 0 29 2 *", "UTC", datetime(2026, 1, 1, tzinfo=UTC), ["2028-02-29T00:00:00+00:00"]),
        ("0 0 13 * 5", "UTC", datetime(2026, 3, 1, tzinfo=UTC),
         ["2026-03-06T00:00:00+00:00", "2026-03-13T00:00:00+00:00"]),
        ("0 0 L * *", "UTC", datetime(2026, 2, 1, tzinfo=UTC), ["2026-02-28T00:00:00+00:00"]),
        ("@weekly", "UTC", datetime(2026, 11, 23, tzinfo=UTC), ["2026-11-29T00:00:00+00:00"]),
        ("*/20 * * * * *", "UTC", datetime(2026, 1, 1, tzinfo=UTC), ["2026-01-01T00:00:20+00:00"]),
    ],
)  # fmt: skip
def test_ticks(expression: str, zone: str, after: datetime, expected: list[str]) -> None:
    assert ticks(expression, zone, after, len(expected)) == expected


@pytest.mark.parametrize(
    "expression",
    ["", "* * * *", "* * * * * * *", "60 * * * *", "* 24 * * *", "* * 0 * *", "* * * 13 *", "* * * * 8", "*/0 * * * *",
     "*/61 * * * *", "5-1 * * * *", "a * * * *", "1,,2 * * * *", "@reboot", "R * * * *", "* * * * MON#6", "L * * * *",
     "1/2/3 * * * *", "-1 * * * *", "٣ * * * *", "99999999999999999999 * * * *", "* * W * *",
     "* * * * MONL"],
)  # fmt: skip
def test_what_is_no_cron_expression(expression: str) -> None:
    with pytest.raises(CronError) as refused:
        parse_cron(expression)
    assert not isinstance(refused.value, NeverFiresError)


@pytest.mark.parametrize("expression", ["0 0 31 2 *", "0 0 30 feb *", "0 0 31 APR,JUN *"])
def test_what_never_fires(expression: str) -> None:
    with pytest.raises(NeverFiresError):
        parse_cron(expression)


@pytest.mark.parametrize(
    "name", ["Mars/Olympus", "../../etc/passwd", "/etc/localtime", "", "+01:00", "a\0b", "x" * 999]
)
def test_what_is_no_timezone(name: str) -> None:
    with pytest.raises(LookupError):
        zone_of(name)


FIELD = st.sampled_from(
    ["*", "*/7", "3", "1-4", "1-9/2", "2,5", "JAN", "MON", "L", "1#2", "5L", "99", "x", "/", "-", ","]
)


@given(st.lists(FIELD, min_size=5, max_size=6), st.sampled_from(["UTC", "America/New_York", "Asia/Kathmandu"]))
def test_what_is_accepted_has_growing_ticks(fields: list[str], zone: str) -> None:
    try:
        cron = parse_cron(" ".join(fields))
    except CronError:
        return
    start = datetime(2026, 10, 31, tzinfo=UTC)

    found = list(islice(cron.ticks(zone_of(zone), start), 5))

    assert len(found) == 5
    assert found == sorted(set(found))
    assert found[0] > start


@given(
    st.sampled_from(["*/30 * * * *", "0 */20 * * * *", "5 * * * *", "*/15 1-2 * * *"]),
    st.sampled_from(
        ["America/New_York", "Australia/Lord_Howe", "America/Havana", "Africa/Casablanca", "Europe/Dublin"]
    ),
    st.datetimes(datetime(2020, 1, 1), datetime(2036, 1, 1), timezones=st.just(UTC)),  # noqa: DTZ001 - made aware there
)
def test_intervals_are_what_the_clocks_show(expression: str, zone: str, after: datetime) -> None:
    """Every instant of three days whose wall time matches is a tick, and nothing else is."""
    place, cron = zone_of(zone), parse_cron(expression)
    end = after + timedelta(days=3)
    found = list(takewhile(lambda tick: tick <= end, cron.ticks(place, after)))

    minutes, hours = expression.split()[-5:-3]
    first = after.replace(second=0, microsecond=0)
    shown = [first + timedelta(minutes=n) for n in range(1, 3 * 24 * 60 + 2)]
    expected = [at for at in shown if after < at <= end and matches(at.astimezone(place), minutes, hours)]
    assert found == expected


def matches(wall: datetime, minutes: str, hours: str) -> bool:
    step = int(minutes.removeprefix("*/")) if "/" in minutes else 0
    on_minute = wall.minute % step == 0 if step else wall.minute == int(minutes)
    return on_minute and (hours == "*" or wall.hour in {1, 2})
