"""Slots of workflows that limit how many of their executions run at once. A slot is its execution's until that ends."""

from collections.abc import Iterable, Sequence
from typing import Final, NamedTuple
from uuid import UUID

from engine.store.claims import ExecutionRef
from engine.store.hot import HotConnection
from engine.store.statements import load

_SQL = load("slots")
HEAL_AFTER_S: Final = 10.0
TAKEN_AT_ONCE: Final = 256


class WorkflowRef(NamedTuple):
    """A workflow by name."""

    tenant: str
    id: UUID


async def take_for(connection: HotConnection, refs: Sequence[ExecutionRef]) -> tuple[ExecutionRef, ...]:
    """Give the free slots of the executions' workflows to those that wait longest; returns who got one.

    Of `refs` themselves, those that got none are put out of the way until a slot gets free.
    """
    tenants, ids = [ref.tenant for ref in refs], [ref.id for ref in refs]
    rows = await connection.fetch(_SQL["workflows_of"], tenants, ids)
    taken = await take(connection, {WorkflowRef(row["tenant_id"], row["workflow_id"]) for row in rows}, ids)
    await connection.fetch(_SQL["park"], tenants, ids)
    return taken


async def take(
    connection: HotConnection, workflows: Iterable[WorkflowRef], retried: Sequence[UUID] = ()
) -> tuple[ExecutionRef, ...]:
    """Give the free slots of these workflows to those that wait longest; returns who got one."""
    wanted = list(workflows)
    if not wanted:
        return ()
    tenants, ids = [workflow.tenant for workflow in wanted], [workflow.id for workflow in wanted]
    rows = await connection.fetch(_SQL["take"], tenants, ids, list(retried), TAKEN_AT_ONCE)
    return tuple(ExecutionRef(row["tenant_id"], row["execution_id"]) for row in rows)


async def release(connection: HotConnection, ended: Sequence[ExecutionRef]) -> tuple[ExecutionRef, ...]:
    """Give back the slots of executions that have ended; returns who got them next."""
    rows = await connection.fetch(_SQL["release"], [ref.tenant for ref in ended], [ref.id for ref in ended])
    return await take(connection, {WorkflowRef(row["tenant_id"], row["workflow_id"]) for row in rows})


async def heal(connection: HotConnection, after_s: float = HEAL_AFTER_S) -> tuple[ExecutionRef, ...]:
    """Free what nobody gave back, and hand out what is free; returns who has a slot and must be taken."""
    await connection.fetch(_SQL["heal"], after_s)
    idle = await connection.fetch(_SQL["idle"], after_s)
    rows = await connection.fetch(_SQL["waiting"])
    taken = await take(connection, [WorkflowRef(row["tenant_id"], row["workflow_id"]) for row in rows])
    return (*taken, *(ExecutionRef(row["tenant_id"], row["execution_id"]) for row in idle))
