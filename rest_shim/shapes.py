"""Bodies and parameters, declared once.

A model is a frozen dataclass whose fields carry `wire(...)`. From the one declaration come the reader that validates
(every fault at once, each with its JSON Pointer), the writer that shapes answers (camelCase, RFC 3339 with
milliseconds), and the JSON Schema (2020-12) of the OpenAPI document.
"""

import dataclasses
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields, is_dataclass
from datetime import datetime
from enum import StrEnum
from functools import cache, cached_property
from types import NoneType, UnionType
from typing import Any, TypeVar, cast, get_args, get_origin
from uuid import UUID

import orjson

from engine.clock import rfc3339
from engine.definitions.model import Priority
from engine.errors import Fault
from engine.jsonvalue import Json, JsonObject

Model = TypeVar("Model")

_PRIORITIES = tuple(item.name.lower() for item in Priority)
_WIRE = "wire"
_INT64 = 2**63


@dataclass(frozen=True, slots=True)
class Rule:
    """What a field says beyond its type.

    Attributes:
        schema: stands in place of the type's own.
        spread: the members of this object are written beside the model's own, which win; answers only.
    """

    description: str
    name: str | None = None
    pattern: str | None = None
    min_length: int | None = None
    max_length: int | None = None
    minimum: int | None = None
    maximum: int | None = None
    example: Json = None
    schema: JsonObject | None = None
    spread: bool = False


def wire(rule: Rule | str, *, default: Any = dataclasses.MISSING) -> Any:
    """A field of a model: its rule, or only its description; without `default` the member is required."""
    metadata = {_WIRE: Rule(rule) if isinstance(rule, str) else rule}
    return dataclasses.field(default=default, metadata=metadata)


@dataclass(frozen=True, slots=True)
class Member:
    """One field of a model as the wire sees it."""

    attribute: str
    name: str
    kind: Any
    rule: Rule
    required: bool
    default: Any


def camel(name: str) -> str:
    """`snake_case` as `camelCase`."""
    head, *rest = name.rstrip("_").split("_")
    return head + "".join(part.capitalize() for part in rest)


@cache
def members(model: Any) -> tuple[Member, ...]:
    """Fields of a model, in order of declaration."""
    found = []
    for field in fields(model):
        rule: Rule = field.metadata.get(_WIRE) or Rule("")
        required = field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING
        found.append(Member(field.name, rule.name or camel(field.name), field.type, rule, required, field.default))
    return tuple(found)


# --- reading ---------------------------------------------------------------------------------------------------------


def read(model: type[Model], document: Json) -> Model | tuple[Fault, ...]:
    """Value of a JSON document that fits the model, or else a fault for each unknown, missing or ill-formed member."""
    faults: list[Fault] = []
    value = _read_model(model, document, "", faults)
    return tuple(faults) if faults or value is None else value


def _read_model(model: type[Model], document: Json, path: str, faults: list[Fault]) -> Model | None:
    if not isinstance(document, dict):
        faults.append(_wrong_type(path, "a JSON object"))
        return None
    known = {member.name: member for member in members(cast("Any", model))}
    faults.extend(_unknown(name, path, known) for name in document if name not in known)
    values: dict[str, Any] = {}
    for name, member in known.items():
        if name in document:
            values[member.attribute] = _read_kind(member.kind, document[name], f"{path}/{_token(name)}", faults, member)
        elif member.required:
            faults.append(_missing(name, path))
    complete = all(member.attribute in values or not member.required for member in known.values())
    return model(**values) if complete else None


def _read_kind(kind: Any, value: Json, path: str, faults: list[Fault], member: Member) -> Any:
    optional, kind = _without_none(kind)
    if value is None and optional:
        return member.default if member.default is not dataclasses.MISSING else None
    if kind is object:
        return value
    if isinstance(kind, type) and is_dataclass(kind):
        return _read_model(kind, value, path, faults)
    if get_origin(kind) is tuple:
        return _read_list(kind, value, path, faults, member)
    if get_origin(kind) is dict or kind is dict:
        return value if isinstance(value, dict) else _fault(faults, _wrong_type(path, "a JSON object"))
    return _read_scalar(kind, value, path, faults, member.rule)


def _read_list(kind: Any, value: Json, path: str, faults: list[Fault], member: Member) -> Any:
    if not isinstance(value, list):
        return _fault(faults, _wrong_type(path, "a list"))
    item = get_args(kind)[0]
    return tuple(_read_kind(item, each, f"{path}/{index}", faults, member) for index, each in enumerate(value))


def _read_scalar(kind: Any, value: Json, path: str, faults: list[Fault], rule: Rule) -> Any:
    if kind is bool:
        return value if isinstance(value, bool) else _fault(faults, _wrong_type(path, "true or false"))
    if kind is Priority:
        return _read_priority(value, path, faults)
    if kind is int:
        if isinstance(value, bool) or not isinstance(value, int):
            return _fault(faults, _wrong_type(path, "a whole number"))
        return _in_range(value, path, faults, rule)
    if not isinstance(value, str):
        return _fault(faults, _wrong_type(path, "a string"))
    return _read_text(kind, value, path, faults, rule)


def _read_priority(value: Json, path: str, faults: list[Fault]) -> Any:
    if isinstance(value, str) and value.upper() in Priority.__members__:
        return Priority[value.upper()]
    if isinstance(value, int) and not isinstance(value, bool) and value in set(Priority):
        return Priority(value)
    hint = f"One of: {', '.join(_PRIORITIES)}."
    return _fault(faults, Fault("request.wrong_value", path, f"{value!r} is not a priority.", hint))


def _read_text(kind: Any, value: str, path: str, faults: list[Fault], rule: Rule) -> Any:
    if kind is str:
        return _read_plain(value, path, faults, rule)
    try:
        if issubclass(kind, StrEnum):
            return kind(value)
        parsed = UUID(value) if kind is UUID else _read_instant(value)
    except ValueError:
        return _fault(faults, _not_one_of(kind, value, path))
    return parsed


def _read_plain(value: str, path: str, faults: list[Fault], rule: Rule) -> Any:
    if "\x00" in value:
        return _fault(faults, Fault("request.wrong_value", path, "The text holds a NUL character.", "Leave it out."))
    if len(value) < (rule.min_length or 0):
        return _fault(faults, Fault("request.wrong_value", path, "The text is too short.", _length_hint(rule)))
    if rule.max_length is not None and len(value) > rule.max_length:
        return _fault(faults, Fault("request.wrong_value", path, "The text is too long.", _length_hint(rule)))
    if rule.pattern is not None and not re.search(rule.pattern, value):
        hint = f"It must match {rule.pattern}."
        return _fault(faults, Fault("request.wrong_value", path, "The text has not the form asked for.", hint))
    return value


def _read_instant(value: str) -> datetime:
    moment = datetime.fromisoformat(value)
    if moment.tzinfo is None:
        raise ValueError("no offset")
    return moment


def _in_range(value: int, path: str, faults: list[Fault], rule: Rule) -> Any:
    low = -_INT64 if rule.minimum is None else rule.minimum
    high = _INT64 - 1 if rule.maximum is None else rule.maximum
    if low <= value <= high:
        return value
    return _fault(faults, Fault("request.wrong_value", path, f"{value} is out of range.", f"Give {low} to {high}."))


def _fault(faults: list[Fault], fault: Fault) -> None:
    faults.append(fault)


def _token(name: str) -> str:
    return name.replace("~", "~0").replace("/", "~1")


def _unknown(name: str, path: str, known: Mapping[str, Member]) -> Fault:
    hint = f"Known members: {', '.join(known)}." if known else "This body has no members."
    return Fault("request.unknown_member", f"{path}/{_token(name)}", f"There is no member {name!r} here.", hint)


def _missing(name: str, path: str) -> Fault:
    return Fault("request.missing_member", path, f"The member {name!r} is missing.", f"Add {name!r}.")


def _wrong_type(path: str, wanted: str) -> Fault:
    return Fault("request.wrong_type", path, f"This must be {wanted}.", f"Send {wanted}.")


def _not_one_of(kind: Any, value: str, path: str) -> Fault:
    if isinstance(kind, type) and issubclass(kind, StrEnum):
        hint = f"One of: {', '.join(kind)}."
    else:
        hint = "Send a UUID." if kind is UUID else "Send an RFC 3339 instant with its offset."
    return Fault("request.wrong_value", path, f"{value[:100]!r} is not a value that fits here.", hint)


def _length_hint(rule: Rule) -> str:
    if rule.max_length is None:
        return f"At least {rule.min_length or 0} characters."
    return f"{rule.min_length or 0} to {rule.max_length} characters."


# --- writing ---------------------------------------------------------------------------------------------------------


def write(value: object) -> Json:
    """JSON of a model, a list of models, or of a value that is JSON already."""
    kind: type = type(value)
    writer = _writer(kind)
    if writer is not None:
        own, spread = writer
        body = {name: convert(getattr(value, attribute)) for attribute, name, convert in own}
        return body if spread is None else {**getattr(value, spread), **body}
    if isinstance(value, Lasting):
        return cast("Json", value.written)
    if isinstance(value, tuple | list):
        return [write(item) for item in value]
    return _write_scalar(value)


class Lasting(tuple[Model, ...]):  # noqa: SLOT001 - it keeps its text
    """Models that many answers hold as they are: written once, as JSON text that `orjson` puts where they stand."""

    @cached_property
    def written(self) -> orjson.Fragment:
        """What `write` gives for them."""
        return orjson.Fragment(orjson.dumps([write(model) for model in self]))


@cache
def _writer(model: type) -> tuple[tuple[tuple[str, str, Callable[[Any], Json]], ...], str | None] | None:
    """How models of a type are written, and the member whose own members stand among theirs; None: it is no model."""
    if not is_dataclass(model):
        return None
    own = [member for member in members(model) if not member.rule.spread]
    spread = next((member.attribute for member in members(model) if member.rule.spread), None)
    return tuple((member.attribute, member.name, _converter(member.kind)) for member in own), spread


def _converter(kind: Any) -> Callable[[Any], Json]:
    _, inner = _without_none(kind)
    if inner in {str, int, float, bool, object} or get_origin(inner) is dict:
        return _as_is
    if inner is datetime:
        return _write_instant
    if inner is UUID or (isinstance(inner, type) and issubclass(inner, StrEnum)):
        return _write_text
    return write


def _write_instant(value: datetime | None) -> Json:
    return None if value is None else rfc3339(value)


def _write_text(value: UUID | StrEnum | None) -> Json:
    return None if value is None else str(value)


def _as_is(value: Any) -> Json:
    answer: Json = value
    return answer


def _write_scalar(value: object) -> Json:
    if isinstance(value, datetime):
        return rfc3339(value)
    if isinstance(value, Priority):
        return value.name.lower()
    if isinstance(value, UUID | StrEnum):
        return str(value)
    answer: Json = value  # type: ignore[assignment]  # JSON already: members of kind object
    return answer


# --- describing ------------------------------------------------------------------------------------------------------


def schema_of(kind: Any, components: dict[str, JsonObject], rule: Rule | None = None) -> JsonObject:
    """JSON Schema of a type; models become references into `components`, which it fills."""
    optional, inner = _without_none(kind)
    schema = _plain_schema(inner, components, rule or Rule(""))
    if not optional:
        return schema
    kind_name = schema.get("type")
    if isinstance(kind_name, str) and "enum" not in schema:
        return {**schema, "type": [kind_name, "null"]}
    return schema if not schema else {"anyOf": [schema, {"type": "null"}]}


def _plain_schema(kind: Any, components: dict[str, JsonObject], rule: Rule) -> JsonObject:
    if rule.schema is not None:
        return rule.schema
    if kind is object:
        return {}
    if get_origin(kind) is tuple:
        return {"type": "array", "items": schema_of(get_args(kind)[0], components)}
    if get_origin(kind) is dict or kind is dict:
        return {"type": "object"}
    if is_dataclass(kind):
        return _model_schema(kind, components)
    return _scalar_schema(kind, rule)


def _scalar_schema(kind: Any, rule: Rule) -> JsonObject:
    if isinstance(kind, type) and issubclass(kind, StrEnum):
        return {"type": "string", "enum": [str(item) for item in kind]}
    if kind is Priority:
        return {"enum": [*_PRIORITIES, *(item.value for item in Priority)]}
    if kind is UUID:
        return {"type": "string", "format": "uuid"}
    if kind is datetime:
        return {"type": "string", "format": "date-time"}
    names = {bool: "boolean", int: "integer", float: "number", str: "string"}
    limits = {
        "pattern": rule.pattern,
        "minLength": rule.min_length,
        "maxLength": rule.max_length,
        "minimum": rule.minimum,
        "maximum": rule.maximum,
    }
    return {"type": names[kind], **{name: limit for name, limit in limits.items() if limit is not None}}


def _model_schema(model: Any, components: dict[str, JsonObject]) -> JsonObject:
    reference: JsonObject = {"$ref": f"#/components/schemas/{model.__name__}"}
    if model.__name__ in components:
        return reference
    components[model.__name__] = {}  # a placeholder: models may refer to themselves
    properties: JsonObject = {}
    own = [member for member in members(model) if not member.rule.spread]
    for member in own:
        described = schema_of(member.kind, components, member.rule)
        extra: JsonObject = {"description": member.rule.description} if member.rule.description else {}
        if member.rule.example is not None:
            extra["examples"] = [member.rule.example]
        properties[member.name] = {**described, **extra}
    spreads = len(own) < len(members(model))
    schema: JsonObject = {"type": "object", "properties": properties, "additionalProperties": spreads}
    required: list[Json] = [member.name for member in own if member.required]
    if required:
        schema["required"] = required
    doc = (model.__doc__ or "").strip().splitlines()
    if doc:
        schema["description"] = doc[0]
    components[model.__name__] = schema
    return reference


def _without_none(kind: Any) -> tuple[bool, Any]:
    """Whether a type admits None, and the type without it."""
    if kind is Json:
        return True, object
    if not isinstance(kind, UnionType):
        return False, kind
    others = [item for item in get_args(kind) if item is not NoneType]
    return len(others) < len(get_args(kind)), others[0]
