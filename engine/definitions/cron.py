"""Cron expressions: what is accepted, and the instants that they name.

Five fields, six with seconds first, or `@hourly`, `@daily`, `@midnight`, `@weekly`, `@monthly`, `@yearly`, `@annually`.
Names of months and days, ranges, steps, lists, `L` and `LW` as day of month, `5L` and `5#2` as day of week. Day of
month and day of week, both set, mean either. The matching of wall times is cronsim's; it also lets through what makes
no sense, so the fields are read here first, and it knows clock changes only in part, so those are dealt with here.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from cronsim import CronSim, CronSimError

_NICKNAMES: Final = {
    "@hourly": "0 * * * *",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@weekly": "0 0 * * 0",
    "@monthly": "0 0 1 * *",
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
}
_MONTHS: Final = ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC")
_DAYS: Final = ("SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT")
_PART: Final = re.compile(r"(?:\*|([A-Z0-9]+)(?:-([A-Z0-9]+))?)(?:/([0-9]{1,4}))?")
_LAST_OR_NTH_DAY: Final = re.compile(r"([0-9]+)L|([A-Z0-9]+)#[1-5]")
_PROBE_START: Final = datetime(2024, 1, 1, tzinfo=UTC)
"""Any instant does to learn whether an expression ever matches: cronsim looks fifty years ahead."""


_SECOND: Final = timedelta(seconds=1)
_CHANGES_APART: Final = timedelta(days=6)
"""No zone changes its clocks twice within so short a time."""


class CronError(ValueError):
    """Not a cron expression; the message says why."""


class NeverFiresError(CronError):
    """A cron expression that no date fulfils."""


@dataclass(frozen=True, slots=True)
class _Field:
    name: str
    lowest: int
    highest: int
    names: tuple[str, ...] = ()

    def number(self, text: str) -> int:
        if text in self.names:
            return self.names.index(text) + self.lowest
        if not text.isdigit() or len(text) > 4:
            raise CronError(f"{text!r} is no {self.name}")
        value = int(text)
        if not self.lowest <= value <= self.highest:
            raise CronError(f"{self.name} must be from {self.lowest} to {self.highest}, not {value}")
        return value


_FIELDS: Final = (
    _Field("second", 0, 59),
    _Field("minute", 0, 59),
    _Field("hour", 0, 23),
    _Field("day of month", 1, 31),
    _Field("month", 1, 12, _MONTHS),
    _Field("day of week", 0, 7, _DAYS),
)


@dataclass(frozen=True, slots=True)
class Cron:
    """An expression that has been read: its fields, one blank between them, nicknames resolved."""

    fields: str

    @property
    def is_interval(self) -> bool:
        """Minutes or hours start with `*`: it keeps real intervals through clock changes, seconds given or not."""
        minute, hour = self.fields.split()[-5:-3]
        return minute.startswith("*") or hour.startswith("*")

    def ticks(self, zone: ZoneInfo, after: datetime) -> Iterator[datetime]:
        """Instants in UTC, strictly after an instant, in order; none where no date within fifty years fulfils it.

        Around clock changes as Debian's cron: a fixed time that is skipped fires at the first instant after the gap
        (several of one gap: once), one that is repeated fires the first time only; minutes or hours that start with
        `*` keep real intervals. Six fields follow the same rules.
        """
        walk = _of_intervals if self.is_interval else _of_fixed_times
        return walk(self.fields, zone, after.astimezone(UTC))


def _of_fixed_times(fields: str, zone: ZoneInfo, after: datetime) -> Iterator[datetime]:
    previous = after
    for wall in CronSim(fields, after.astimezone(zone).replace(tzinfo=None)):
        instant = wall.replace(tzinfo=zone).astimezone(UTC)
        if instant.astimezone(zone).replace(tzinfo=None) != wall:
            # No clock ever shows it: the gap lies between what the two offsets around it make of this wall time.
            earliest = wall.replace(tzinfo=zone, fold=1).astimezone(UTC) - _SECOND
            instant = _next_change(zone, earliest, instant) or instant
        if instant > previous:
            previous = instant
            yield instant


def _of_intervals(fields: str, zone: ZoneInfo, after: datetime) -> Iterator[datetime]:
    """Wall times as the clocks show them, stretch by stretch of equal offset from UTC."""
    start = after
    while True:
        offset = start.astimezone(zone).utcoffset() or timedelta(0)
        change: datetime | None = None
        for wall in CronSim(fields, (start + offset).replace(tzinfo=None)):
            instant = (wall - offset).replace(tzinfo=UTC)
            change = _next_change(zone, start, instant)
            if change is not None:
                break
            start = instant
            yield instant
        if change is None:
            return
        # Behind the change the clocks show other times, the instant of the change included.
        start = change - _SECOND
        offset = change.astimezone(zone).utcoffset() or timedelta(0)
        first = next(CronSim(fields, (start + offset).replace(tzinfo=None)), None)
        start = change
        if first is not None and (first - offset).replace(tzinfo=UTC) == change:
            yield change


def _next_change(zone: ZoneInfo, after: datetime, until: datetime) -> datetime | None:
    """First instant in `(after, until]`, to the second, whose offset from UTC is not that of `after`; None: none is."""
    offset = after.astimezone(zone).utcoffset()
    same = after
    while same < until:
        other = min(same + _CHANGES_APART, until)
        if other.astimezone(zone).utcoffset() == offset:
            same = other
            continue
        while other - same > _SECOND:
            middle = same + timedelta(seconds=int((other - same).total_seconds()) // 2 or 1)
            if middle.astimezone(zone).utcoffset() == offset:
                same = middle
            else:
                other = middle
        return other.replace(microsecond=0)
    return None


def parse_cron(text: str) -> Cron:
    """Cron of its text.

    Raises:
        NeverFiresError: well formed, but no date fulfils it.
        CronError: not a cron expression.
    """
    written = text.strip()
    fields = _NICKNAMES.get(written.lower(), written).upper().split()
    if len(fields) not in {5, 6}:
        raise CronError(f"it has {len(fields)} fields, not five or six")
    for field, field_text in zip(_FIELDS[-len(fields) :], fields, strict=True):
        _check_field(field, field_text)
    expression = " ".join(fields)
    try:
        next(CronSim(expression, _PROBE_START))
    except StopIteration:
        raise NeverFiresError("no date within fifty years fulfils it") from None
    except CronSimError as error:
        # Every field by itself has been accepted above: what is left is a day that its months do not have.
        raise NeverFiresError("no month that it names has such a day") from error
    return Cron(expression)


def _check_field(field: _Field, text: str) -> None:
    for part in text.split(","):
        if field.name == "day of month" and part in {"L", "LW"}:
            continue
        special = _LAST_OR_NTH_DAY.fullmatch(part) if field.name == "day of week" else None
        if special is not None:
            field.number(special[1] or special[2])
            continue
        _check_part(field, part)


def _check_part(field: _Field, part: str) -> None:
    match = _PART.fullmatch(part)
    if match is None:
        raise CronError(f"{part!r} is no {field.name}")
    first, last, step = match.groups()
    if first is not None and last is not None and field.number(last) < field.number(first):
        raise CronError(f"the range {first}-{last} of the {field.name} runs backwards")
    if first is not None:
        field.number(first)
    size = field.highest - field.lowest + 1
    if step is not None and not 1 <= int(step) <= size:
        raise CronError(f"a step of {step} does not fit into the {field.name}, which has {size} values")


def zone_of(name: str) -> ZoneInfo:
    """IANA timezone of a name.

    Raises:
        LookupError: there is none.
    """
    try:
        return ZoneInfo(name)
    except (ValueError, OSError, KeyError) as error:
        raise LookupError(name) from error
