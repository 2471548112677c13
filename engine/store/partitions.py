"""Months of executions and checkpoints: made ahead, and dropped when nobody needs them any more."""

from engine.store.hot import HotConnection
from engine.store.statements import load

_SQL = load("partitions")
LOGS_AT_ONCE = 10_000


async def make(connection: HotConnection, months_ahead: int) -> tuple[str, ...]:
    """Make the partitions that are missing from this month to `months_ahead` months on. Returns their names."""
    return tuple(row["name"] for row in await connection.fetch(_SQL["make"], months_ahead))


async def drop(connection: HotConnection, older_than_days: int) -> tuple[str, ...]:
    """Drop the months that ended so long ago, those with unfinished executions excepted. Returns their names."""
    dropped = tuple(row["name"] for row in await connection.fetch(_SQL["drop"], older_than_days))
    if dropped:
        await connection.fetch(_SQL["forget_logs"], older_than_days, LOGS_AT_ONCE)
    return dropped
