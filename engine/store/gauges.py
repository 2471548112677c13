"""What only the tables know and metrics show."""

from collections.abc import Mapping

from engine.store.hot import HotConnection
from engine.store.statements import load

_SQL = load("gauges")


async def outbox_ages_s(connection: HotConnection) -> Mapping[str, float]:
    """Age of the oldest parcel of each topic that has one.

    Raises:
        Unavailable: the database does not answer.
    """
    return {row["name"]: row["value"] for row in await connection.fetch(_SQL["outbox"])}


async def open_dead_letters(connection: HotConnection) -> Mapping[str, float]:
    """How many dead letters are open, by kind. Errors as above."""
    return {row["name"]: row["value"] for row in await connection.fetch(_SQL["dead_letters"])}
