"""Events of executions and tasks, on their way to workflows that listen. For the loops' role."""

from collections.abc import Sequence
from typing import Final
from uuid import UUID, uuid5

from engine.jsonvalue import JsonObject, dumps
from engine.store.hot import HotConnection
from engine.store.outbox import Parcel
from engine.store.statements import load

_SQL = load("engine_events")
LONGEST_CHAIN: Final = 5
"""Executions that events of one another may start, one after the other: two workflows that listen to each other end."""


async def pass_on(connection: HotConnection, parcels: Sequence[Parcel]) -> None:
    """Leave those that a trigger or a waiting step listens to in the outbox, as events that were emitted."""
    known = [(parcel, facts) for parcel in parcels if isinstance(facts := parcel.payload, dict)]
    if not known:
        return
    rows = [_row(parcel, facts) for parcel, facts in known]
    await connection.fetch(_SQL["pass_on"], *(list(column) for column in zip(*rows, strict=True)), LONGEST_CHAIN)


def _row(parcel: Parcel, facts: JsonObject) -> tuple[object, ...]:
    event_type, execution = str(facts.get("type")), facts.get("executionId")
    parcel_id, execution_id = uuid5(parcel.id, "listeners"), UUID(execution) if isinstance(execution, str) else None
    return parcel.tenant, parcel_id, str(parcel.id), event_type, dumps(facts), parcel.traceparent, execution_id
