"""What judging a value by an author's schema may cost, before it is paid.

References let a short schema stand for a huge one: forty definitions that each name the next one twice are judged 2^40
times. The judging library keeps no memory of what it has judged, so the price is worked out beforehand: `weight` is how
many subschemas one place of a value may meet, `branching` how many times more each further level of the value costs
where the schema refers back to itself more than once for the same place.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final
from urllib.parse import unquote

from engine.jsonvalue import Json, JsonObject

MAX_WEIGHT: Final = 100_000
MAX_PRICE: Final = 10_000_000
_MANY: Final = 10**12

_OF_ONE: Final = frozenset(
    {"not", "if", "then", "else", "items", "contains", "additionalProperties", "propertyNames", "unevaluatedItems",
     "unevaluatedProperties", "contentSchema"}
)  # fmt: skip
_OF_ARRAYS: Final = frozenset({"allOf", "anyOf", "oneOf"})
_OF_OBJECTS: Final = frozenset({"patternProperties", "dependentSchemas"})
_REFERENCES: Final = frozenset({"$ref", "$dynamicRef"})


@dataclass(frozen=True, slots=True)
class SchemaCost:
    """See the module. `branching` 1: the price grows with the value's size alone."""

    weight: int
    branching: int

    def price(self, value: Json) -> int:
        """An upper bound of the work for this value."""
        size, depth = _measure(value)
        growth: int = self.branching ** min(depth, 64)
        return min(self.weight * size * growth, _MANY)


def cost_of(schema: JsonObject) -> SchemaCost:
    """The cost of a schema that the library has already accepted."""
    walk = _Walk(schema)
    weight = walk.weight(schema)
    return SchemaCost(weight, walk.branching)


class _Walk:
    """One pass over a schema along its references; what is under way marks a cycle."""

    def __init__(self, document: JsonObject) -> None:
        self._document = document
        self._anchors = dict(_anchors(document))
        self._done: dict[int, int] = {}
        self._under_way: dict[int, int] = {}
        self.branching = 1

    def weight(self, schema: Json) -> int:
        """Subschemas that one place may meet, this one included; a reference back to one under way counts once."""
        if not isinstance(schema, dict):
            return 1
        key = id(schema)
        if key in self._done:
            return self._done[key]
        if key in self._under_way:
            self._under_way[key] += 1
            return 1
        self._under_way[key] = 0
        total = 1
        for group in self._groups(schema):
            total = min(total + group, _MANY)
        returns = self._under_way.pop(key)
        if returns > 1:
            self.branching = min(self.branching * returns, _MANY)
        self._done[key] = total
        return total

    def _groups(self, schema: JsonObject) -> Iterator[int]:
        """Weights that add up. Of what describes different members or items, each place meets one: the heaviest."""
        for name, value in schema.items():
            if name in _OF_ONE:
                yield self.weight(value)
            elif name in _OF_ARRAYS and isinstance(value, list):
                for part in value:
                    yield self.weight(part)
            elif name in _OF_OBJECTS and isinstance(value, dict):
                for part in value.values():
                    yield self.weight(part)
            elif name == "properties" and isinstance(value, dict):
                yield self._heaviest(list(value.values()))
            elif name == "prefixItems" and isinstance(value, list):
                yield self._heaviest(value)
            elif name in _REFERENCES and isinstance(value, str):
                yield self.weight(self._target(value))

    def _heaviest(self, parts: list[Json]) -> int:
        """The heaviest of parts that never meet the same place; of their ways back, a place takes those of one."""
        before = dict(self._under_way)
        most, returns = 1, dict(before)
        for part in parts:
            self._under_way.update(before)
            most = max(most, self.weight(part))
            for key, count in self._under_way.items():
                returns[key] = max(returns.get(key, 0), count)
        self._under_way.update(returns)
        return most

    def _target(self, reference: str) -> Json:
        fragment = unquote(reference.partition("#")[2])
        if not fragment:
            return self._document
        if not fragment.startswith("/"):
            return self._anchors.get(fragment)
        found: Json = self._document
        for part in fragment[1:].split("/"):
            name = part.replace("~1", "/").replace("~0", "~")
            if isinstance(found, dict):
                found = found.get(name)
            elif isinstance(found, list) and name.isdecimal() and int(name) < len(found):
                found = found[int(name)]
            else:
                return None
        return found


def _anchors(value: Json) -> Iterator[tuple[str, Json]]:
    stack = [value]
    while stack:
        part = stack.pop()
        if isinstance(part, Mapping):
            for name in ("$anchor", "$dynamicAnchor"):
                anchor = part.get(name)
                if isinstance(anchor, str):
                    yield anchor, part
            stack.extend(part.values())
        elif isinstance(part, list):
            stack.extend(part)


def _measure(value: Json) -> tuple[int, int]:
    """How many places a value has, and how deep they lie."""
    size, depth, level = 0, 0, [value]
    while level:
        size += len(level)
        depth += 1
        inner: list[Json] = []
        for part in level:
            if isinstance(part, dict):
                inner.extend(part.values())
            elif isinstance(part, list):
                inner.extend(part)
        level = inner
    return size, depth
