"""Classes of changes between two input schemas: what was accepted must still be accepted."""

from collections.abc import Callable, Iterator
from typing import Final

from engine.definitions.changes import Change, ChangeClass
from engine.definitions.conditions import same
from engine.definitions.differences import member_names
from engine.definitions.paths import MISSING, Missing
from engine.jsonvalue import Json, JsonObject

_ANNOTATIONS: Final = frozenset(
    {"title", "description", "examples", "default", "$comment", "deprecated", "$id", "$schema", "$anchor"}
)
_GROWING: Final = frozenset({"minimum", "exclusiveMinimum", "minLength", "minItems", "minProperties", "minContains"})
_SHRINKING: Final = frozenset({"maximum", "exclusiveMaximum", "maxLength", "maxItems", "maxProperties"})
_NESTED: Final = frozenset({"items", "additionalProperties", "propertyNames", "contains"})
_TYPES: Final = frozenset({"object", "array", "string", "number", "boolean", "null"})
_Value = Json | Missing


def schema_changes(before: _Value, after: _Value, place: tuple[str, ...]) -> Iterator[Change]:
    """Changes between two schemas at a place: breaking where something accepted before may now be refused."""
    if isinstance(before, dict) and isinstance(after, dict):
        for name in member_names(before, after):
            old, new = before.get(name, MISSING), after.get(name, MISSING)
            if not _alike(old, new):
                yield from _keyword_changes(name, old, new, (*place, name))
    elif not _alike(before, after):
        yield Change(place, before, after, _whole_class(before, after))


def _alike(before: _Value, after: _Value) -> bool:
    if before is MISSING or after is MISSING:
        return before is after
    return same(before, after)


def _whole_class(before: _Value, after: _Value) -> ChangeClass:
    accepts_all = after is MISSING or after is True or after == {}
    accepted_none = before is False
    return ChangeClass.COMPATIBLE if accepts_all or accepted_none else ChangeClass.BREAKING


def _keyword_changes(name: str, before: _Value, after: _Value, place: tuple[str, ...]) -> Iterator[Change]:
    if name == "properties" and isinstance(before, dict) and isinstance(after, dict):
        yield from _property_changes(before, after, place)
    elif name in _NESTED and isinstance(before, dict) and isinstance(after, dict):
        yield from schema_changes(before, after, place)
    else:
        yield Change(place, before, after, _keyword_class(name, before, after))


def _property_changes(before: JsonObject, after: JsonObject, place: tuple[str, ...]) -> Iterator[Change]:
    for name in member_names(before, after):
        old, new = before.get(name, MISSING), after.get(name, MISSING)
        if old is MISSING:
            # A new input; whether it must be given stands in `required`.
            yield Change((*place, name), old, new, ChangeClass.COMPATIBLE)
        elif new is MISSING:
            # Callers that send it are refused, or it no longer does what they sent it for.
            yield Change((*place, name), old, new, ChangeClass.BREAKING)
        else:
            yield from schema_changes(old, new, (*place, name))


def _keyword_class(name: str, before: _Value, after: _Value) -> ChangeClass:
    if name in _ANNOTATIONS:
        return ChangeClass.COSMETIC
    if name == "properties":
        return ChangeClass.COMPATIBLE if before is MISSING else ChangeClass.BREAKING
    rule = _rule_of(name)
    if after is MISSING:
        return ChangeClass.COMPATIBLE
    return ChangeClass.COMPATIBLE if rule(before, after) else ChangeClass.BREAKING


def _rule_of(name: str) -> Callable[[_Value, _Value], bool]:
    """Whether the new value of a keyword still accepts all that the old one accepted."""
    if name in _GROWING:
        return lambda before, after: _is_at_most(after, before)
    if name in _SHRINKING:
        return _is_at_most
    rules: dict[str, Callable[[_Value, _Value], bool]] = {
        "type": lambda before, after: _types(before) <= _types(after),
        "required": lambda before, after: _contains_all([] if before is MISSING else before, after),
        "enum": lambda before, after: _contains_all(after, before),
        "additionalProperties": lambda before, after: _whole_class(before, after) is ChangeClass.COMPATIBLE,
        "uniqueItems": lambda _, after: after is False,
        "$defs": lambda before, _: before is MISSING,
    }
    return rules.get(name, lambda _, __: False)


def _is_at_most(smaller: _Value, larger: _Value) -> bool:
    numbers = isinstance(smaller, int | float) and isinstance(larger, int | float)
    return numbers and smaller <= larger  # type: ignore[operator]  # both are numbers


def _types(value: _Value) -> frozenset[str]:
    if value is MISSING:
        return _TYPES | {"integer"}
    names = frozenset(map(str, value if isinstance(value, list) else [value]))
    return names | {"integer"} if "number" in names else names


def _contains_all(items: _Value, wanted: _Value) -> bool:
    """Whether every wanted item is among the items; without `wanted`, anything is wanted."""
    if not isinstance(items, list) or not isinstance(wanted, list):
        return False
    return all(any(same(one, other) for other in items) for one in wanted)
