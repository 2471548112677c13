"""What only the tables know and metrics show."""

from collections.abc import Mapping
from dataclasses import dataclass

from engine.store.hot import HotConnection
from engine.store.statements import load

_SQL = load("gauges")


@dataclass(frozen=True, slots=True)
class Waiting:
    """What waits in one topic of the outbox."""

    count: int
    oldest_s: float


@dataclass(frozen=True, slots=True)
class OpenTasks:
    """Human tasks that are not closed, by status, and how many of them have missed the end of a clock."""

    by_status: Mapping[str, int]
    breached: int


@dataclass(frozen=True, slots=True)
class Counted:
    """What waits, as of one moment.

    Attributes:
        outbox: by topic, of those that have something.
        dead_letters: open ones, by kind.
    """

    outbox: Mapping[str, Waiting]
    tasks: OpenTasks
    dead_letters: Mapping[str, float]


async def look(connection: HotConnection) -> Counted:
    """All of it, in one query.

    Raises:
        Unavailable: the database does not answer.
    """
    rows = await connection.fetch(_SQL["look"])
    tasks = [row for row in rows if row["of"] == "task"]
    return Counted(
        {row["name"]: Waiting(row["count"], max(0.0, row["oldest_s"])) for row in rows if row["of"] == "parcel"},
        OpenTasks({row["name"]: row["count"] for row in tasks}, sum(row["breached"] for row in tasks)),
        {row["name"]: float(row["count"]) for row in rows if row["of"] == "letter"},
    )
