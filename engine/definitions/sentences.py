"""Places and values in the words of whoever wrote the document."""

from collections.abc import Sequence
from typing import Final

from engine.jsonvalue import Json, dumps

_MAX_CHARS: Final = 60
_NAMED: Final = {"steps": "step", "body": "step", "triggers": "trigger"}
_TYPES: Final = {
    "object": "an object",
    "array": "an array",
    "string": "a text",
    "number": "a number",
    "integer": "a whole number",
    "boolean": "true or false",
    "null": "null",
}


def place(document: Json, path: Sequence[str | int]) -> str:
    """Name of a place: the nearest step or trigger by its id, then the members below it.

    `("steps", 2, "config", "timeout")` is ``step 'fetch': `config.timeout` ``.
    """
    owner = ""
    below: list[str] = []
    value = document
    previous: str | int = ""
    for segment in path:
        value = _below(value, segment)
        below.append(str(segment))
        kind = _NAMED.get(str(previous))
        if kind is not None and isinstance(segment, int):
            owner = f"{kind} {_identifier(value, segment)}"
            below = []
        previous = segment
    members = f"`{'.'.join(below)}`" if below else ""
    if owner and members:
        return f"{owner}: {members}"
    return owner or members or "the document"


def sentence(document: Json, path: Sequence[str | int], end: str) -> str:
    """A sentence about a place."""
    text = f"{place(document, path)} {end}."
    return text[0].upper() + text[1:]


def shown(value: Json) -> str:
    """A value as it may stand in a message: JSON text, short, and always printable."""
    if isinstance(value, dict):
        return "an object"
    if isinstance(value, list):
        return f"an array of {len(value)}"
    if isinstance(value, int) and not isinstance(value, bool):
        text = str(value)  # of any size: JSON text as we write it ends at 64 bits
    else:
        text = dumps(value.encode("utf-8", "replace").decode() if isinstance(value, str) else value)
    return text if len(text) <= _MAX_CHARS else f"{text[:_MAX_CHARS]}…"


def type_names(names: Json) -> str:
    """JSON types as people say them."""
    listed = names if isinstance(names, list) else [names]
    return " or ".join(_TYPES.get(str(name), str(name)) for name in listed)


def _below(value: Json, segment: str | int) -> Json:
    if isinstance(value, dict):
        return value.get(str(segment))
    if isinstance(value, list) and isinstance(segment, int) and segment < len(value):
        return value[segment]
    return None


def _identifier(value: Json, index: int) -> str:
    identifier = value.get("id") if isinstance(value, dict) else None
    return f"'{identifier}'" if isinstance(identifier, str) and identifier else f"number {index + 1}"
