"""What a reader must not see: the obligation `exclude` of a decision, as conditions of queries."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Select, exists, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.sql.elements import SQLColumnExpression

from engine.store.tables.definitions import workflow_definitions
from engine.store.tables.runtime import executions

_C = workflow_definitions.c
_E = executions.c


@dataclass(frozen=True, slots=True)
class Belonging:
    """Where a workflow stands, and with it all that belongs to it."""

    labels: tuple[str, ...]
    classification: str | None
    environment: str | None
    created_by: str | None


@dataclass(frozen=True, slots=True)
class Hidden:
    """Workflows of these classifications are hidden, with all that belongs to them.

    Attributes:
        unless_created_by: whose own workflows are not.
    """

    classifications: tuple[str, ...]
    unless_created_by: str | None = None


def visible(hidden: Hidden | None) -> tuple[ColumnElement[bool], ...]:
    """Conditions on rows of `workflow_definitions`."""
    if hidden is None:
        return ()
    return (or_(_C.classification.is_(None), ~_is_hidden(hidden)),)


def belongs_to_visible(
    hidden: Hidden | None, tenant: str, workflow_id: SQLColumnExpression[object]
) -> tuple[ColumnElement[bool], ...]:
    """Conditions on rows of other tables, by the column that names their workflow."""
    if hidden is None:
        return ()
    workflow = select(_C.id).where(_C.tenant_id == tenant, _C.id == workflow_id, _is_hidden(hidden))
    return (~exists(workflow.correlate_except(workflow_definitions)),)


async def hidden_among(
    connection: AsyncConnection, tenant: str, workflow_ids: Sequence[UUID], hidden: Hidden
) -> frozenset[UUID]:
    """Those of the workflows that are hidden."""
    statement = select(_C.id).where(_C.tenant_id == tenant, _C.id.in_(workflow_ids), _is_hidden(hidden))
    return frozenset((await connection.execute(statement)).scalars())


async def find_belonging(connection: AsyncConnection, tenant: str, workflow_id: UUID | None) -> Belonging | None:
    """Where a workflow stands; None: nothing is known of it."""
    if workflow_id is None:
        return None
    return await _belonging(connection, _standing(tenant).where(_C.id == workflow_id))


async def find_belonging_of_execution(
    connection: AsyncConnection, tenant: str, execution_id: UUID | None
) -> Belonging | None:
    """Where the workflow of an execution stands; None: nothing is known of it."""
    if execution_id is None:
        return None
    of_execution = select(_E.workflow_id).where(_E.tenant_id == tenant, _E.id == execution_id)
    return await _belonging(connection, _standing(tenant).where(_C.id == of_execution.scalar_subquery()))


def _standing(tenant: str) -> Select[Any]:
    return select(_C.labels, _C.classification, _C.environment, _C.created_by).where(_C.tenant_id == tenant)


async def _belonging(connection: AsyncConnection, statement: Select[Any]) -> Belonging | None:
    row = (await connection.execute(statement)).one_or_none()
    if row is None:
        return None
    return Belonging(tuple(row.labels), row.classification, row.environment, row.created_by)


def _is_hidden(hidden: Hidden) -> ColumnElement[bool]:
    named = _C.classification.in_(hidden.classifications)
    return named if hidden.unless_created_by is None else named & (_C.created_by != hidden.unless_created_by)
