"""Who listens to events: triggers of published, active workflows, and wait steps of executions."""

from collections.abc import Mapping
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import and_, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from engine.jsonvalue import Json, JsonObject
from engine.runtime.states import StepKey
from engine.store.tables.definitions import workflow_definitions
from engine.store.tables.runtime import event_waits
from engine.store.tables.triggers import workflow_triggers

_W = workflow_triggers.c
_D = workflow_definitions.c
_A = event_waits.c


@dataclass(frozen=True, slots=True)
class Listener:
    """An `event` or `condition` trigger that an event of this type may fire."""

    workflow_id: UUID
    trigger_id: str
    type: str
    config: JsonObject


@dataclass(frozen=True, slots=True)
class Waiter:
    """A wait step; `correlation`: what the event's payload must hold, by path."""

    execution_id: UUID
    key: StepKey
    generation: int
    correlation: Mapping[str, Json]


async def find_listeners(connection: AsyncConnection, tenant: str, event_type: str) -> tuple[Listener, ...]:
    """Enabled triggers that events of this type, or of any, may fire."""
    definition = and_(_W.tenant_id == _D.tenant_id, _W.workflow_id == _D.id)
    statement = (
        select(_W.workflow_id, _W.trigger_id, _W.type, _W.config)
        .join_from(workflow_triggers, workflow_definitions, definition)
        .where(
            _W.tenant_id == tenant,
            _W.type.in_(("event", "condition")),
            _W.is_enabled,
            or_(_W.event_type == event_type, and_(_W.event_type.is_(None), _W.type == "condition")),
            _D.status == "published",
            _D.is_active,
        )
        .order_by(_W.workflow_id, _W.trigger_id)
    )
    return tuple(
        Listener(row.workflow_id, row.trigger_id, row.type, row.config) for row in await connection.execute(statement)
    )


async def find_waiters(connection: AsyncConnection, tenant: str, event_type: str) -> tuple[Waiter, ...]:
    """Wait steps that wait for events of this type."""
    statement = select(_A.execution_id, _A.step_path, _A.iteration, _A.generation, _A.correlation).where(
        _A.tenant_id == tenant, _A.event_type == event_type
    )
    return tuple(
        Waiter(row.execution_id, StepKey(row.step_path, row.iteration), row.generation, row.correlation)
        for row in await connection.execute(statement)
    )
