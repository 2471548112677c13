"""Windows on long lists: by key for going on, by offset for older clients; newest first, or by name."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Row, Select, func, literal_column, select
from sqlalchemy.ext.asyncio import AsyncConnection

Key = UUID | int | datetime | str
COUNT_CAP = 10_000
"""Counts are exact up to here; beyond, they only say that there are more."""


@dataclass(frozen=True, slots=True)
class Window:
    """Which part of a list that stands in the order of its key.

    Attributes:
        after: only rows behind this key.
        before: only rows in front of this key.
        backwards: the last rows of what is left, instead of the first.
    """

    limit: int
    offset: int = 0
    after: Key | None = None
    before: Key | None = None
    backwards: bool = False


@dataclass(frozen=True, slots=True)
class Found:
    """Rows of a window in the list's order."""

    rows: tuple[Row[Any], ...]
    has_next: bool
    has_previous: bool


@dataclass(frozen=True, slots=True)
class Count:
    """How many rows a list has; `is_exact` False: more than the cap."""

    rows: int
    is_exact: bool


async def look(
    connection: AsyncConnection,
    statement: Select[Any],
    key: ColumnElement[Any],
    window: Window,
    *,
    ascending: bool = False,
) -> Found:
    """Rows of a window; one row more is read than asked for, to know whether the list goes on.

    An `ascending` list begins with the smallest key, as one of names does; others with the greatest: the newest.
    """
    if window.after is not None:
        statement = statement.where(key > window.after if ascending else key < window.after)
    if window.before is not None:
        statement = statement.where(key < window.before if ascending else key > window.before)
    ordered = statement.order_by(key.asc() if ascending != window.backwards else key.desc())
    ordered = ordered.limit(window.limit + 1)
    if window.offset:
        ordered = ordered.offset(window.offset)
    rows = list((await connection.execute(ordered)).all())
    goes_on = len(rows) > window.limit
    rows = rows[: window.limit]
    if window.backwards:
        rows.reverse()
        return Found(tuple(rows), has_next=window.before is not None, has_previous=goes_on)
    return Found(tuple(rows), has_next=goes_on, has_previous=window.after is not None or window.offset > 0)


def all_counted(found: Found) -> Count | None:
    """The count of a list that one window shows all of, None where it does not: then it has to be counted."""
    return None if found.has_next or found.has_previous else Count(len(found.rows), is_exact=True)


async def count(connection: AsyncConnection, statement: Select[Any]) -> Count:
    """Rows of a list, counted up to the cap and no further."""
    capped = statement.with_only_columns(literal_column("1")).order_by(None).limit(COUNT_CAP + 1).subquery()
    rows = int((await connection.execute(select(func.count()).select_from(capped))).scalar_one())
    return Count(min(rows, COUNT_CAP), is_exact=rows <= COUNT_CAP)
