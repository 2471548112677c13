"""Forms: `formConfig` as a JSON Schema (2020-12), to which what people hand in is held.

Pure: the schema is compiled and applied elsewhere. A field's own `schema` counts beside what its type says.
"""

from collections.abc import Mapping, Sequence
from types import MappingProxyType

from engine.jsonvalue import Json, JsonObject

TYPES: Mapping[str, JsonObject] = MappingProxyType(
    {
        "text": {"type": "string"},
        "string": {"type": "string"},
        "textarea": {"type": "string"},
        "password": {"type": "string"},
        "number": {"type": "number"},
        "integer": {"type": "integer"},
        "boolean": {"type": "boolean"},
        "checkbox": {"type": "boolean"},
        "date": {"type": "string", "format": "date"},
        "time": {"type": "string", "format": "time"},
        "datetime": {"type": "string", "format": "date-time"},
        "email": {"type": "string", "format": "email"},
        "url": {"type": "string", "format": "uri"},
        "array": {"type": "array"},
        "object": {"type": "object"},
    }
)
"""What the types of fields mean; a type that is not here, and is no choice, takes any value."""

MANY = frozenset({"multiselect", "checkboxes", "tags"})
"""Types whose value is a list, of the options where there are any."""


def schema_of(form_config: JsonObject) -> JsonObject:
    """The schema of what may be handed in: the named fields and no others; any object where no field is named."""
    listed = form_config.get("fields")
    fields = [field for field in listed if isinstance(field, dict)] if isinstance(listed, list) else []
    named = {name: field for field in fields if isinstance(name := field.get("name"), str)}
    if not named:
        return {"type": "object"}
    properties: JsonObject = {name: _property(field) for name, field in named.items()}
    required: list[Json] = [name for name, field in named.items() if field.get("required") is True]
    return {"type": "object", "properties": properties, "required": required, "additionalProperties": False}


def _property(field: JsonObject) -> Json:
    declared = field.get("type")
    kind = declared.lower() if isinstance(declared, str) else ""
    found = _choice(kind, _values(field.get("options")))
    if found is None:
        found = dict(TYPES.get(kind, {}))
    if found.get("type") == "string" and field.get("required") is True:
        found["minLength"] = 1
    if found.get("type") == "array" and field.get("required") is True:
        found["minItems"] = 1
    if field.get("required") is not True and found:
        # An empty field of a form that is not required comes as null.
        found = {"anyOf": [found, {"type": "null"}]}
    own = field.get("schema")
    return found if own is None else {"allOf": [found, own]}


def _choice(kind: str, values: Sequence[Json]) -> JsonObject | None:
    """Schema of a choice; None: the field is none."""
    if kind in MANY:
        many: JsonObject = {"type": "array", "uniqueItems": True}
        return many | {"items": {"enum": [*values]}} if values else many
    return {"enum": [*values]} if values else None


def _values(options: Json) -> list[Json]:
    """Values of options, which are values themselves, or objects with a value and a label."""
    if not isinstance(options, list):
        return []
    return [option["value"] if isinstance(option, dict) and "value" in option else option for option in options]
