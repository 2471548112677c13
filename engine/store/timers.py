"""Timers: due ones become mail of their execution. Many workers fire at once; each timer is fired by one of them."""

from datetime import datetime

from engine.runtime.states import TimerKind
from engine.store.claims import ExecutionRef
from engine.store.hot import HotConnection
from engine.store.statements import load

_SQL = load("timers")

EXECUTION_KINDS = tuple(kind.value for kind in TimerKind)
"""Kinds whose subject is an execution; those of tasks and schedules in the same table have loops of their own."""


async def fire(connection: HotConnection, limit: int, now: datetime | None = None) -> tuple[ExecutionRef, ...]:
    """Turn up to `limit` due timers into mail. Returns whose, once each; the caller sees to it that they are read."""
    rows = await connection.fetch(_SQL["fire"], now, list(EXECUTION_KINDS), limit)
    return tuple({ExecutionRef(row["tenant_id"], row["execution_id"]): None for row in rows})
