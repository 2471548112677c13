"""Dotted paths into the context of an execution: `steps.fetch.output.items.0.name`."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from functools import lru_cache
from typing import Final

from engine.jsonvalue import Json

MAX_PATH_CHARS: Final = 1_000
_WELL_FORMED: Final = re.compile(r"[^.{}\[\]\x00-\x1f\x7f]+(?:\.[^.{}\[\]\x00-\x1f\x7f]+)*")
_REFUSED: Final = re.compile(r"[{}\[\]\x00-\x1f\x7f]")


class Missing(Enum):
    """What a look-up answers where nothing stands; JSON null is a value and not this."""

    MISSING = "missing"


MISSING: Final = Missing.MISSING


class PathError(ValueError):
    """The text is not a path; the message says why."""


@dataclass(frozen=True, slots=True)
class Path:
    """A parsed path: at least one segment, none of them empty."""

    segments: tuple[str, ...]

    def __str__(self) -> str:
        return ".".join(self.segments)

    @property
    def root(self) -> str:
        """The first segment: a root of the context, or a name that older documents find at the top level."""
        return self.segments[0]


@lru_cache(maxsize=4_096)
def parse_path(text: str) -> Path:
    """Path of its dotted text; blanks around it do not count.

    Raises:
        PathError: empty, too long, an empty segment, brackets, braces or control characters.
    """
    stripped = text.strip()
    if _WELL_FORMED.fullmatch(stripped) is not None and len(stripped) <= MAX_PATH_CHARS:
        return Path(tuple(stripped.split(".")))
    raise PathError(_why_not(stripped))


def _why_not(text: str) -> str:
    if not text:
        return "it is empty"
    if len(text) > MAX_PATH_CHARS:
        return f"it is longer than {MAX_PATH_CHARS} characters"
    refused = _REFUSED.search(text)
    if refused is None:
        return "it has an empty segment (a dot at an end, or two in a row)"
    if refused[0] in "{}[]":
        return f"it contains {refused[0]!r}; array positions are written as numbers, like items.0.name"
    return "it contains a control character"


def lookup(path: Path, context: Mapping[str, Json]) -> Json | Missing:
    """Value at the path, or `MISSING`.

    A member whose own name contains dots (an older client's step id such as `step.1`) is found when no member is named
    by the single segment.
    """
    value: Json | Missing | Mapping[str, Json] = context
    segments = path.segments
    position = 0
    while position < len(segments):
        segment = segments[position]
        position += 1
        if isinstance(value, list):
            value = _item(value, segment)
        elif isinstance(value, Mapping):
            found = value.get(segment, MISSING)
            if found is MISSING and position < len(segments):
                found, position = _dotted_member(value, segments, position)
            value = found
        else:
            return MISSING
        if value is MISSING:
            return MISSING
    return value  # type: ignore[return-value]  # a path has a segment, so this is a value and not the context itself


def _item(items: list[Json], segment: str) -> Json | Missing:
    if segment.isascii() and segment.isdigit() and len(segment) < 10:
        index = int(segment)
        if index < len(items):
            return items[index]
    return MISSING


def _dotted_member(members: Mapping[str, Json], segments: tuple[str, ...], position: int) -> tuple[Json | Missing, int]:
    name = segments[position - 1]
    for end in range(position, len(segments)):
        name = f"{name}.{segments[end]}"
        if name in members:
            return members[name], end + 1
    return MISSING, position
