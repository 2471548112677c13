"""Query parameters and headers of lists."""

from collections.abc import Mapping, Sized
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from engine.errors import MalformedRequest
from engine.services.values import PageRequest, Slice
from rest_shim.shapes import Rule, wire

DEFAULT_LIMIT = 20
MAX_LIMIT = 200
LAST_PAGED_ROW = 10_000

LIMIT = Rule("Items on a page.", minimum=1, maximum=MAX_LIMIT)
PAGE = Rule("Number of the page, from 1; not together with `cursor`.", minimum=1)
CURSOR = Rule("Go on by key: taken from `Link`, rel=next.", max_length=2_048)

LIST_HEADERS: Mapping[str, str] = {
    "X-Total-Count": "How many there are; exact to 10,000 and then capped.",
    "X-Total-Count-Relation": "`eq`, or `gte` where the count is capped.",
    "Link": "`rel=next`: the page after this one, by cursor.",
}


WHOLE_HEADERS: Mapping[str, str] = {
    "X-Total-Count": "How many there are.",
    "X-Total-Count-Relation": "`eq`: these are all.",
}


@dataclass(frozen=True, slots=True)
class PageQuery:
    """Which page of a list."""

    page: int | None = wire(PAGE, default=None)
    limit: int = wire(LIMIT, default=DEFAULT_LIMIT)
    cursor: str | None = wire(CURSOR, default=None)


def page_request(page: int | None, limit: int, cursor: str | None) -> PageRequest:
    """The page that a caller asks for.

    Raises:
        MalformedRequest: page and cursor at once, or a page that starts beyond row 10,000.
    """
    if page is not None and cursor is not None:
        raise MalformedRequest("Give either page or cursor.", code="request.bad_parameter")
    if page is not None and (page - 1) * limit >= LAST_PAGED_ROW:
        raise MalformedRequest(
            f"Pages end at row {LAST_PAGED_ROW:,}. Go on with the cursor of the Link header (rel=next).",
            code="request.page_too_far",
        )
    return PageRequest(limit=limit, page=page or 1, after=cursor)


def list_headers(path: str, query: Mapping[str, str], found: Slice[Any]) -> dict[str, str]:
    """Headers of a page of a list: its total and, where more follows, the link to it."""
    headers = {
        "x-total-count": str(found.total),
        "x-total-count-relation": "eq" if found.total_is_exact else "gte",
    }
    if found.next_cursor is not None:
        kept = {name: value for name, value in query.items() if name not in {"page", "cursor"}}
        headers["link"] = f'<{path}?{urlencode({**kept, "cursor": found.next_cursor})}>; rel="next"'
    return headers


def whole_headers(items: Sized) -> dict[str, str]:
    """Headers of a list that is answered as a whole, without pages."""
    return {"x-total-count": str(len(items)), "x-total-count-relation": "eq"}
