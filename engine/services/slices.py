"""Pages of short lists that are known whole: what bounds them is code or the life of one thing, not a page."""

import base64
import binascii
from collections.abc import Callable, Sequence
from typing import TypeVar

from engine.errors import MalformedRequest
from engine.services.pages import CURSOR_INVALID
from engine.services.values import PageRequest, Slice

Value = TypeVar("Value")

_PREFIX = "k1:"


def slice_of(items: Sequence[Value], page: PageRequest, key: Callable[[Value], str]) -> Slice[Value]:
    """One page of a whole list; cursors hold the item's key.

    Raises:
        MalformedRequest: a cursor that no list of ours has given.
    """
    keys = [key(item) for item in items]
    start = (page.page - 1) * page.limit if page.after is None else _position(keys, page.after) + 1
    end = len(items) if page.before is None else _position(keys, page.before)
    if page.backwards:
        start = max(start, end - page.limit)
    else:
        end = min(end, start + page.limit)
    return Slice(
        items=tuple(items[start:end]),
        cursors=tuple(_cursor(item) for item in keys[start:end]),
        total=len(items),
        total_is_exact=True,
        has_next=end < len(items),
        has_previous=start > 0 and bool(items),
    )


def _cursor(key: str) -> str:
    return base64.urlsafe_b64encode((_PREFIX + key).encode()).decode()


def _position(keys: Sequence[str], cursor: str) -> int:
    try:
        return keys.index(base64.urlsafe_b64decode(cursor.encode()).decode().removeprefix(_PREFIX))
    except (ValueError, binascii.Error):
        raise MalformedRequest("The cursor is not one of this list.", code=CURSOR_INVALID) from None
