"""Example values, made from the schemas that describe them, so that no example can say something else."""

from collections.abc import Mapping
from typing import Final

from engine.jsonvalue import Json, JsonObject

_FORMATS: Final[Mapping[str, Json]] = {
    "uuid": "0197f3a0-5c1e-7000-8000-2b6d1f0a9c44",
    "date-time": "2026-01-31T12:00:00.000Z",
    "uri-reference": "/api/workflows/0197f3a0-5c1e-7000-8000-2b6d1f0a9c44",
    "binary": "",
}
_TEXT: Final = "text"
_DEEPEST: Final = 8
"""Schemas that contain themselves end here, with what is allowed to be absent."""


def sample(schema: JsonObject, components: Mapping[str, JsonObject], *, whole: bool, depth: int = 0) -> Json:
    """A value that fits a schema.

    Args:
        schema: an OpenAPI 3.1 schema.
        components: schemas that it may refer to, by name.
        whole: with the members that need not be there; else only with those of them that say an example.
        depth: how many values are around this one.
    """
    target = schema.get("$ref")
    if isinstance(target, str):
        return sample(components[target.rpartition("/")[2]], components, whole=whole, depth=depth)
    for keyword in ("examples", "enum"):
        values = schema.get(keyword)
        if isinstance(values, list):
            return values[0]
    if "const" in schema:
        return schema["const"]
    choices = schema.get("anyOf")
    if isinstance(choices, list) and isinstance(choices[0], dict):
        return sample(choices[-1 if depth > _DEEPEST else 0], components, whole=whole, depth=depth)  # type: ignore[arg-type]  # schemas
    return _of_type(schema, components, whole=whole, depth=depth)


def _of_type(schema: JsonObject, components: Mapping[str, JsonObject], *, whole: bool, depth: int) -> Json:
    named = schema.get("type")
    kind = named[0] if isinstance(named, list) else named
    if kind == "object":
        return _members(schema, components, whole=whole, depth=depth)
    if kind == "array":
        items = schema.get("items")
        is_shown = isinstance(items, dict) and depth <= _DEEPEST
        return [sample(items, components, whole=whole, depth=depth + 1)] if is_shown and isinstance(items, dict) else []
    if kind == "string":
        return _FORMATS.get(str(schema.get("format")), schema.get("default", _TEXT))
    if kind in {"integer", "number"}:
        return schema.get("default", schema.get("minimum", 1))
    return schema.get("default", True) if kind == "boolean" else _TEXT


def _members(schema: JsonObject, components: Mapping[str, JsonObject], *, whole: bool, depth: int) -> JsonObject:
    properties, required = schema.get("properties"), schema.get("required", [])
    if not isinstance(properties, dict) or not isinstance(required, list):
        return {}
    shown = {name: one for name, one in properties.items() if (whole and depth <= _DEEPEST) or name in required}
    return {
        name: sample(one, components, whole=whole, depth=depth + 1)
        for name, one in shown.items()
        if isinstance(one, dict)
    }
