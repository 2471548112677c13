"""The page of the definition document, written from its JSON Schema."""

from collections.abc import Iterator, Mapping
from typing import Final

from engine.definitions.shape import DEFINITION_SCHEMA
from engine.jsonvalue import Json, JsonObject, dumps

_HEAD: Final = """# The definition document

Written from the schema (`python -m scripts.reference`); a test holds this page to it. The schema itself is served at
`GET /api/schemas/workflow-definition`. Unknown members are faults. Durations are whole milliseconds, unless the name
ends in `Seconds`.
What the graph must fulfil beyond its shape: `fault-codes.md`; configs of actions: `actions.md`; how members of older
documents are read: `older-documents.md`.
"""
_SECTIONS: Final = (
    ("step", "A step"),
    ("connection", "A connection"),
    ("retryConfig", "`retryConfig`"),
    ("actionConfig", "`config` of an `action`"),
    ("conditionConfig", "`config` of a `condition`"),
    ("condition", "A condition expression"),
    ("loopConfig", "`config` of a `loop`"),
    ("parallelConfig", "`config` of a `parallel`"),
    ("delayConfig", "`config` of a `delay`"),
    ("waitConfig", "`config` of a `wait`"),
    ("humanConfig", "`config` of a `human`"),
    ("formConfig", "`formConfig`"),
    ("formField", "A field of a form"),
    ("sla", "`sla`"),
    ("escalationLevel", "A level of `escalation`"),
    ("subprocessConfig", "`config` of a `subprocess`"),
    ("trigger", "A trigger"),
    ("triggerConfig", "`config` of a trigger"),
    ("settings", "`settings`"),
)
_KINDS: Final = ("duration", "positiveDuration", "secondsDuration", "semver", "stepId", "path", "mappings", "priority")
_BOUNDS: Final = {
    "minimum": "at least {}",
    "maximum": "at most {}",
    "minLength": "{} or more characters",
    "maxLength": "up to {} characters",
    "minItems": "{} or more items",
    "maxItems": "up to {} items",
}


def definition_page() -> str:
    """The page in Markdown."""
    schema = DEFINITION_SCHEMA
    parts = [_HEAD, "\n## The document\n\n", *_table(schema)]
    for name, title in _SECTIONS:
        parts.extend([f"\n## {title}\n\n", *_table(_object(_object(schema, "$defs"), name))])
    parts.append("\n## Kinds of values\n\n| kind | type | limits and meaning |\n|---|---|---|\n")
    return "".join([*parts, *_kinds(schema)])


def _kinds(schema: JsonObject) -> Iterator[str]:
    for name in _KINDS:
        shape = _object(_object(schema, "$defs"), name)
        yield f"| {name} | {_type(shape)} | {_limits(shape)} |\n"


def _object(holder: JsonObject, name: str) -> JsonObject:
    found = holder.get(name)
    return found if isinstance(found, dict) else {}


def _table(schema: JsonObject) -> Iterator[str]:
    required = schema.get("required")
    yield "| member | type | required | default | limits and meaning |\n|---|---|---|---|---|\n"
    for name, member in _object(schema, "properties").items():
        needed = "yes" if isinstance(required, list) and name in required else ""
        shape = member if isinstance(member, dict) else {}
        default = f"`{dumps(shape['default'])}`" if "default" in shape else ""
        yield f"| `{name}` | {_type(shape)} | {needed} | {default} | {_limits(shape)} |\n"


def _type(shape: Mapping[str, Json]) -> str:
    reference, allowed, kind, items = (shape.get(name) for name in ("$ref", "enum", "type", "items"))
    if isinstance(reference, str):
        return reference.rpartition("/")[2]
    if isinstance(allowed, list):
        return ", ".join(f"`{dumps(value)}`".replace('"', "") for value in allowed)
    for joined in ("anyOf", "oneOf"):
        alternatives = shape.get(joined)
        if isinstance(alternatives, list):
            return " or ".join(dict.fromkeys(_type(one) for one in alternatives if isinstance(one, dict)))
    if kind == "array" and isinstance(items, dict):
        return f"array of {_type(items)}"
    return " or ".join(map(str, kind)) if isinstance(kind, list) else str(kind or "any")


def _limits(shape: Mapping[str, Json]) -> str:
    told = [_BOUNDS[name].format(f"{value:,}") for name, value in shape.items() if name in _BOUNDS and _counts(value)]
    meaning = shape.get("description")
    return "; ".join([*told, *([meaning] if isinstance(meaning, str) else [])]).replace("|", "\\|")


def _counts(value: Json) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
