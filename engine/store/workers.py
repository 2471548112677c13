"""Rows of worker processes: the time limit of all leases that a worker holds stands on its one row."""

from datetime import datetime
from uuid import UUID

from engine.store.hot import HotConnection
from engine.store.statements import load

_SQL = load("workers")


async def register(connection: HotConnection, worker_id: UUID, name: str, lease_s: float) -> None:
    """Make a worker known, its lease running from now by the database's clock."""
    await connection.fetch(_SQL["register"], worker_id, name, lease_s)


async def heartbeat(connection: HotConnection, worker_id: UUID, lease_s: float, timeout_s: float) -> datetime | None:
    """Extend the lease. Returns the database's present; None: the row is stopped or gone, the worker must end.

    Raises:
        Unavailable: no answer within `timeout_s`; the lease may or may not have been extended.
    """
    rows = await connection.fetch(_SQL["heartbeat"], worker_id, lease_s, timeout_s=timeout_s)
    present: datetime | None = rows[0]["present"] if rows else None
    return present


async def stop(connection: HotConnection, worker_id: UUID) -> None:
    """Give up every lease at once: what the worker still held is rescued by others, without waiting."""
    await connection.fetch(_SQL["stop"], worker_id)


async def forget(connection: HotConnection, ended_before_s: float) -> int:
    """Remove the rows of workers that ended longer ago and hold nothing. Returns how many."""
    return len(await connection.fetch(_SQL["forget"], ended_before_s))
