"""Which form a GraphQL answer takes (GraphQL over HTTP; RFC 9110, section 12.5.1)."""

from collections.abc import Sequence
from enum import StrEnum

from rest_shim.negotiation import MediaRange, quality_of, ranges_of
from rest_shim.problems import NotAcceptable


class Form(StrEnum):
    """Forms of an answer, the default first."""

    JSON = "application/json"
    GRAPHQL = "application/graphql-response+json"
    EVENTS = "text/event-stream"


def form_of(accept: str | None) -> Form:
    """The form that the caller likes best; JSON where none is named.

    Raises:
        NotAcceptable: the caller accepts none of them.
    """
    if accept is None or not accept.strip():
        return Form.JSON
    ranges = ranges_of(accept)
    liked = sorted((-quality_of(form, ranges), position, form) for position, form in enumerate(Form))
    best, _, form = liked[0]
    if best == 0:
        raise NotAcceptable(f"The answer has one of the forms {', '.join(Form)}.")
    named = [(-_named_quality(form, ranges), _position(form, ranges), form) for form in Form]
    first = min(named)
    return first[2] if first[0] == best else form


def accepts_page(accept: str | None) -> bool:
    """Whether a browser asks for a page: HTML named, and no form of an answer."""
    names = [one.pattern for one in ranges_of(accept or "")]
    return "text/html" in names and not any(form in names for form in Form)


def _named_quality(form: Form, ranges: Sequence[MediaRange]) -> float:
    return max((one.quality for one in ranges if one.pattern == form), default=0.0)


def _position(form: Form, ranges: Sequence[MediaRange]) -> int:
    return next((index for index, one in enumerate(ranges) if one.pattern == form), len(ranges))
