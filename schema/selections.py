"""What a query asks for below a field."""

from collections.abc import Iterable

from strawberry.types.nodes import SelectedField, Selection


def asks_for_total(fields: Iterable[Selection]) -> bool:
    """Whether `totalCount` of the connection is selected: counting is not free."""
    return any(_selects(field.selections, "totalCount") for field in fields if isinstance(field, SelectedField))


def _selects(selections: Iterable[Selection], name: str) -> bool:
    for selection in selections:
        found = selection.name == name if isinstance(selection, SelectedField) else _selects(selection.selections, name)
        if found:
            return True
    return False
