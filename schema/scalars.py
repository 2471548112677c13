"""Scalars of the graph beside GraphQL's own."""

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import NewType

import strawberry
from graphql import GraphQLError
from strawberry.types.scalar import ScalarDefinition

JSON = NewType("JSON", object)
Duration = NewType("Duration", int)
SemVer = NewType("SemVer", str)
Cursor = NewType("Cursor", str)

_SEMVER = re.compile(
    r"(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)(-[0-9A-Za-z-]+(\.[0-9A-Za-z-]+)*)?(\+[0-9A-Za-z-]+(\.[0-9A-Za-z-]+)*)?"
)
MAX_CURSOR_LENGTH = 2_048


def _write_instant(value: datetime) -> str:
    return value.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _read_instant(value: object) -> datetime:
    if not isinstance(value, str):
        raise _refused("A DateTime is a string.")
    try:
        moment = datetime.fromisoformat(value)
    except ValueError:
        raise _refused("A DateTime is written as RFC 3339 has it: `2026-03-01T12:00:00.000Z`.") from None
    if moment.tzinfo is None:
        raise _refused("A DateTime needs its offset.")
    return moment


def _read_semver(value: object) -> SemVer:
    if not isinstance(value, str) or len(value) > 128 or not _SEMVER.fullmatch(value):
        raise _refused("This is not a semantic version.")
    return SemVer(value)


def _read_cursor(value: object) -> Cursor:
    if not isinstance(value, str) or not 0 < len(value) <= MAX_CURSOR_LENGTH:
        raise _refused("This is not a cursor.")
    return Cursor(value)


def _read_duration(value: object) -> Duration:
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        raise _refused("A Duration is a whole number of milliseconds.")
    return Duration(value)


def _refused(message: str) -> GraphQLError:
    """An error of the caller: of any other kind it would be masked, as nobody's."""
    return GraphQLError(message, extensions={"code": "BAD_USER_INPUT"})


SCALARS: Mapping[object, ScalarDefinition] = {
    datetime: strawberry.scalar(
        name="DateTime",
        description="An instant in UTC with milliseconds (RFC 3339): `2026-03-01T12:00:00.000Z`.",
        serialize=_write_instant,
        parse_value=_read_instant,
        specified_by_url="https://www.rfc-editor.org/rfc/rfc3339",
    ),
    JSON: strawberry.scalar(
        name="JSON",
        description="Any JSON value: definitions, trigger data, outputs.",
        serialize=lambda value: value,
        parse_value=lambda value: value,
        specified_by_url="https://www.rfc-editor.org/rfc/rfc8259",
    ),
    Duration: strawberry.scalar(
        name="Duration",
        description="A length of time in whole milliseconds.",
        serialize=int,
        parse_value=_read_duration,
    ),
    SemVer: strawberry.scalar(
        name="SemVer",
        description="A semantic version: `1.4.0`.",
        serialize=str,
        parse_value=_read_semver,
        specified_by_url="https://semver.org/spec/v2.0.0.html",
    ),
    Cursor: strawberry.scalar(
        name="Cursor",
        description="An opaque position in a connection, bound to its filter and order.",
        serialize=str,
        parse_value=_read_cursor,
    ),
}
