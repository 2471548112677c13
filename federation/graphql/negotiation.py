"""Which form a GraphQL answer takes (GraphQL over HTTP; RFC 9110, section 12.5.1)."""

from enum import StrEnum

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
    ranges = [_range(part) for part in accept.split(",")]
    liked = sorted((-_quality(form, ranges), position, form) for position, form in enumerate(Form))
    best, _, form = liked[0]
    if best == 0:
        raise NotAcceptable(f"The answer has one of the forms {', '.join(Form)}.")
    named = [(-_named_quality(form, ranges), _position(form, ranges), form) for form in Form]
    first = min(named)
    return first[2] if first[0] == best else form


def accepts_page(accept: str | None) -> bool:
    """Whether a browser asks for a page: HTML named, and no form of an answer."""
    names = [_range(part)[0] for part in (accept or "").split(",")]
    return "text/html" in names and not any(form in names for form in Form)


def _range(part: str) -> tuple[str, float]:
    media, *parameters = [piece.strip().lower() for piece in part.split(";")]
    quality = next((p.removeprefix("q=") for p in parameters if p.startswith("q=")), "1")
    try:
        return media, min(max(float(quality), 0.0), 1.0)
    except ValueError:
        return media, 0.0


def _quality(form: Form, ranges: list[tuple[str, float]]) -> float:
    kind = form.partition("/")[0]
    for pattern in (str(form), f"{kind}/*", "*/*"):
        found = [quality for media, quality in ranges if media == pattern]
        if found:
            return max(found)
    return 0.0


def _named_quality(form: Form, ranges: list[tuple[str, float]]) -> float:
    return max((quality for media, quality in ranges if media == form), default=0.0)


def _position(form: Form, ranges: list[tuple[str, float]]) -> int:
    return next((index for index, (media, _) in enumerate(ranges) if media == form), len(ranges))
