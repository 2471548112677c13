"""JSON Pointers (RFC 6901)."""

from collections.abc import Iterable


def pointer(*segments: str | int) -> str:
    """Pointer of member names and array positions; without any: the whole document."""
    return "".join(f"/{escaped(str(segment))}" for segment in segments)


def extended(base: str, segments: Iterable[str | int]) -> str:
    """Pointer to what lies below the place that `base` points at."""
    return base + pointer(*segments)


def escaped(segment: str) -> str:
    """One segment as it stands in a pointer."""
    return segment.replace("~", "~0").replace("/", "~1")


def segments_of(text: str) -> tuple[str, ...]:
    """Segments of a pointer."""
    return tuple(segment.replace("~1", "/").replace("~0", "~") for segment in text.split("/")[1:])
