"""Places at which two JSON values differ."""

from collections.abc import Iterator
from dataclasses import dataclass

import orjson

from engine.definitions.conditions import same
from engine.definitions.paths import MISSING, Missing
from engine.jsonvalue import Json, JsonObject


@dataclass(frozen=True, slots=True)
class Difference:
    """One place that differs, from where the comparison began."""

    place: tuple[str, ...]
    before: Json | Missing
    after: Json | Missing


def equal(before: Json, after: Json) -> bool:
    """JSON equality, the order of members aside; quick for what is written alike."""
    return before is after or _sorted_text(before) == _sorted_text(after) or same(before, after)


def _sorted_text(value: Json) -> bytes:
    return orjson.dumps(value, option=orjson.OPT_SORT_KEYS)


def differences(before: Json | Missing, after: Json | Missing, place: tuple[str, ...] = ()) -> Iterator[Difference]:
    """The innermost places that differ. Arrays of one length are compared item by item, others as a whole."""
    if isinstance(before, dict) and isinstance(after, dict):
        for name in member_names(before, after):
            yield from differences(before.get(name, MISSING), after.get(name, MISSING), (*place, name))
    elif isinstance(before, list) and isinstance(after, list) and len(before) == len(after):
        for index, (one, other) in enumerate(zip(before, after, strict=True)):
            yield from differences(one, other, (*place, str(index)))
    elif before is MISSING or after is MISSING:
        if before is not after:
            yield Difference(place, before, after)
    elif not same(before, after):
        yield Difference(place, before, after)


def member_names(before: JsonObject, after: JsonObject) -> list[str]:
    """Names of the members of either object, each once."""
    return [*before, *(name for name in after if name not in before)]


def by_id(items: Json | Missing) -> dict[str, JsonObject] | None:
    """Items of an array by their `id`; None where some have none, or two the same."""
    if not isinstance(items, list):
        return None
    found: dict[str, JsonObject] = {}
    for item in items:
        identifier = item.get("id") if isinstance(item, dict) else None
        if not isinstance(item, dict) or not isinstance(identifier, str) or identifier in found:
            return None
        found[identifier] = item
    return found
