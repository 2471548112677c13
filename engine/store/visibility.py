"""What a reader must not see: the obligation `exclude` of a decision, as conditions of queries."""

from dataclasses import dataclass

from sqlalchemy import ColumnElement, exists, or_, select
from sqlalchemy.sql.elements import SQLColumnExpression

from engine.store.tables.definitions import workflow_definitions

_C = workflow_definitions.c


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


def _is_hidden(hidden: Hidden) -> ColumnElement[bool]:
    named = _C.classification.in_(hidden.classifications)
    return named if hidden.unless_created_by is None else named & (_C.created_by != hidden.unless_created_by)
