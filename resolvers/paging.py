"""Arguments of connections as page requests."""

from engine.errors import MalformedRequest
from engine.services.values import PageRequest
from schema.paging import DEFAULT_FIRST, PageArguments

MAX_PAGE = 200


def page_request(page: PageArguments) -> PageRequest:
    """The page that the arguments ask for.

    Raises:
        MalformedRequest: a size out of range, both sizes, or a cursor that does not go with its size.
    """
    if page.first is not None and page.last is not None:
        raise _refused("Give either `first` or `last`.")
    size = page.last if page.last is not None else page.first
    if size is not None and not 1 <= size <= MAX_PAGE:
        raise _refused(f"A page has 1 to {MAX_PAGE} items.")
    if page.after is not None and (page.before is not None or page.last is not None):
        raise _refused("`after` goes with `first`, `before` with `last`.")
    if page.before is not None and page.last is None:
        raise _refused("`before` goes with `last`.")
    return PageRequest(
        limit=size or DEFAULT_FIRST,
        after=page.after,
        before=page.before,
        backwards=page.last is not None,
        count=page.counted,
    )


def _refused(message: str) -> MalformedRequest:
    return MalformedRequest(message, code="BAD_USER_INPUT")
