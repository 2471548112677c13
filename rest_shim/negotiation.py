"""Which forms of an answer a caller takes (RFC 9110, section 12.5.1)."""

from collections.abc import Iterable
from dataclasses import dataclass

from rest_shim.problems import NotAcceptable
from rest_shim.table import JSON, Route


@dataclass(frozen=True, slots=True)
class MediaRange:
    """One element of an `Accept` header: a media type, `type/*` or `*/*`, and how much it is liked, 0 to 1."""

    pattern: str
    quality: float


def ranges_of(accept: str) -> tuple[MediaRange, ...]:
    """Elements of an `Accept` header, in its order; a weight that is no number counts as 0."""
    return tuple(_range(part) for part in accept.split(","))


def quality_of(media: str, ranges: Iterable[MediaRange]) -> float:
    """How much a media type is liked: by the most precise element that covers it; 0 where none does."""
    kind = media.partition("/")[0]
    for pattern in (media, f"{kind}/*", "*/*"):
        found = [one.quality for one in ranges if one.pattern == pattern]
        if found:
            return max(found)
    return 0.0


def check_acceptable(route: Route, accept: str | None) -> None:
    """Whether the caller takes any form that the route answers in.

    A caller that takes JSON is answered in any case: it is the form of refusals, and clients that name it for all of
    their calls get texts, archives and streams where they ask for those.

    Raises:
        NotAcceptable: none of them.
    """
    if accept is None or not accept.strip():
        return
    forms = [
        media for reply in route.replies.values() if reply.shape is not None for media in (reply.media, *reply.also)
    ]
    ranges = ranges_of(accept)
    if forms and not any(quality_of(form.partition(";")[0], ranges) > 0 for form in (*forms, JSON)):
        raise NotAcceptable(f"The answer has one of the forms {', '.join(dict.fromkeys(forms))}.")


def _range(part: str) -> MediaRange:
    media, *parameters = [piece.strip().lower() for piece in part.split(";")]
    quality = next((p.removeprefix("q=") for p in parameters if p.startswith("q=")), "1")
    try:
        return MediaRange(media, min(max(float(quality), 0.0), 1.0))
    except ValueError:
        return MediaRange(media, 0.0)
