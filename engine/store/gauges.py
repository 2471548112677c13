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


async def outbox(connection: HotConnection) -> Mapping[str, Waiting]:
    """What waits in each topic that has something.

    Raises:
        Unavailable: the database does not answer.
    """
    rows = await connection.fetch(_SQL["outbox"])
    return {row["name"]: Waiting(row["parcels"], max(0.0, row["oldest_s"])) for row in rows}


async def open_tasks(connection: HotConnection) -> OpenTasks:
    """How many human tasks are open. Errors as above."""
    rows = await connection.fetch(_SQL["human_tasks"])
    return OpenTasks({row["name"]: row["tasks"] for row in rows}, sum(row["breached"] for row in rows))


async def open_dead_letters(connection: HotConnection) -> Mapping[str, float]:
    """How many dead letters are open, by kind. Errors as above."""
    return {row["name"]: row["value"] for row in await connection.fetch(_SQL["dead_letters"])}
