"""What a query asks for of a connection."""

from collections.abc import Iterable
from typing import Any

import strawberry
from strawberry.types.nodes import SelectedField, Selection

from schema.paging import PageArguments
from schema.scalars import Cursor


def page_of(
    info: strawberry.Info[Any, Any], first: int | None, after: Cursor | None, last: int | None, before: Cursor | None
) -> PageArguments:
    """The arguments of a connection, and whether its `totalCount` is selected: counting is not free."""
    fields = (field for field in info.selected_fields if isinstance(field, SelectedField))
    return PageArguments(first, after, last, before, any(_selects(one.selections, "totalCount") for one in fields))


def _selects(selections: Iterable[Selection], name: str) -> bool:
    for selection in selections:
        found = selection.name == name if isinstance(selection, SelectedField) else _selects(selection.selections, name)
        if found:
            return True
    return False
