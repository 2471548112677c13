"""Cursors and windows: opaque, versioned, and bound to the list that made them."""

import base64
import binascii
import hashlib
from collections.abc import Callable, Sequence
from typing import TypeVar
from uuid import UUID

from engine.errors import MalformedRequest
from engine.jsonvalue import dumps, loads
from engine.services.values import PageRequest, Slice
from engine.store.windows import COUNT_CAP, Count, Found, Key, Window

T = TypeVar("T")

CURSOR_VERSION = 1
MAX_LIMIT = 200
CURSOR_INVALID = "request.cursor_invalid"


class Listing:
    """One kind of list with one filter: reads its cursors and refuses those of others.

    Args:
        name: of the list.
        conditions: the filter, in a form that says all of it; cursors carry a digest.
        key: reads a key from its text.
    """

    def __init__(self, name: str, conditions: object, key: Callable[[str], Key] = UUID) -> None:
        digest = hashlib.sha256(f"{name}:{conditions!r}".encode()).digest()
        self._binding = base64.urlsafe_b64encode(digest[:6]).decode()
        self._key = key

    def window(self, page: PageRequest) -> Window:
        """The window that a request asks for.

        Raises:
            MalformedRequest: a limit out of range, a page beyond row 10,000, or a cursor of another list.
        """
        if not 1 <= page.limit <= MAX_LIMIT:
            raise MalformedRequest(f"A page has 1 to {MAX_LIMIT} items.", code="request.limit_out_of_range")
        if page.page < 1:
            raise MalformedRequest("Pages are counted from 1.", code="request.page_out_of_range")
        by_key = page.after is not None or page.before is not None
        if by_key and page.page != 1:
            raise MalformedRequest("Give either a page or a cursor.", code="request.page_and_cursor")
        offset = (page.page - 1) * page.limit
        if offset + page.limit > COUNT_CAP:
            raise MalformedRequest(
                f"Pages end at item {COUNT_CAP}; go on with the cursor of the 'next' link.",
                code="request.page_out_of_range",
            )
        return Window(
            limit=page.limit,
            offset=offset,
            after=None if page.after is None else self.key_of(page.after),
            before=None if page.before is None else self.key_of(page.before),
            backwards=page.backwards,
        )

    def cursor(self, key: Key) -> str:
        """Opaque text for a key of this list."""
        text = dumps([CURSOR_VERSION, self._binding, str(key)])
        return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")

    def key_of(self, cursor: str) -> Key:
        """Key of a cursor of this list.

        Raises:
            MalformedRequest: it was not made by this list with this filter.
        """
        try:
            text = base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4))
            content = loads(text)
            if isinstance(content, list) and content[:2] == [CURSOR_VERSION, self._binding]:
                return self._key(str(content[2]))
        except (ValueError, binascii.Error, IndexError):
            pass
        raise MalformedRequest("The cursor does not belong to this list and filter.", code=CURSOR_INVALID)

    def slice(self, items: Sequence[T], keys: Sequence[Key], found: Found, count: Count | None) -> Slice[T]:
        """Items of a window as their readers get them."""
        return Slice(
            items=tuple(items),
            cursors=tuple(self.cursor(key) for key in keys),
            total=0 if count is None else count.rows,
            total_is_exact=count is None or count.is_exact,
            has_next=found.has_next,
            has_previous=found.has_previous,
        )
