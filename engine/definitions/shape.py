"""Shape faults: the JSON Schema of the document, checked twice.

The fast validator accepts; only what it refuses goes to the slow one, step by step, which names every fault. So a
document without faults costs a fraction of a millisecond, and one with faults about as much as its faulty steps.
"""

import json
from collections.abc import Iterable, Iterator
from difflib import get_close_matches
from importlib.resources import files
from itertools import islice
from typing import Final, cast

import jsonschema_rs
from jsonschema.exceptions import ValidationError
from jsonschema.protocols import Validator

from engine.definitions.faults import FaultCode, fault
from engine.definitions.keywords import DURATION, FAULT, RETRY_BUDGET, FaultMaker, RetryBudget
from engine.definitions.limits import MAX_FAULTS
from engine.definitions.pointers import extended
from engine.definitions.sentences import sentence, shown, type_names
from engine.errors import Fault
from engine.jsonvalue import Json, JsonObject

DEFINITION_SCHEMA: Final[JsonObject] = json.loads(
    (files("engine.definitions") / "workflow-definition.schema.json").read_text("utf-8")
)
"""The schema that /api/schemas/workflow-definition publishes."""

_STEP_SCHEMA: Final[JsonObject] = {
    "$schema": DEFINITION_SCHEMA["$schema"],
    "$ref": "#/$defs/step",
    "$defs": DEFINITION_SCHEMA["$defs"],
}

_CODES: Final[dict[str, FaultCode]] = {
    "required": FaultCode.MEMBER_MISSING,
    "dependentRequired": FaultCode.MEMBER_MISSING,
    "additionalProperties": FaultCode.MEMBER_UNKNOWN,
    "unevaluatedProperties": FaultCode.MEMBER_UNKNOWN,
    "oneOf": FaultCode.MEMBER_CONFLICT,
    "anyOf": FaultCode.MEMBER_CONFLICT,
    "type": FaultCode.VALUE_WRONG_TYPE,
    "enum": FaultCode.VALUE_NOT_ALLOWED,
    "const": FaultCode.VALUE_NOT_ALLOWED,
    "minimum": FaultCode.VALUE_OUT_OF_RANGE,
    "maximum": FaultCode.VALUE_OUT_OF_RANGE,
    "exclusiveMinimum": FaultCode.VALUE_OUT_OF_RANGE,
    "exclusiveMaximum": FaultCode.VALUE_OUT_OF_RANGE,
    "multipleOf": FaultCode.VALUE_OUT_OF_RANGE,
    "minLength": FaultCode.VALUE_WRONG_LENGTH,
    "maxLength": FaultCode.VALUE_WRONG_LENGTH,
    "minItems": FaultCode.VALUE_WRONG_LENGTH,
    "maxItems": FaultCode.VALUE_WRONG_LENGTH,
    "minProperties": FaultCode.VALUE_WRONG_LENGTH,
    "maxProperties": FaultCode.VALUE_WRONG_LENGTH,
    "pattern": FaultCode.VALUE_WRONG_FORMAT,
    "format": FaultCode.VALUE_WRONG_FORMAT,
    "uniqueItems": FaultCode.VALUE_DUPLICATE,
    DURATION: FaultCode.DURATION_INVALID,
    RETRY_BUDGET: FaultCode.RETRY_BUDGET_INVALID,
}
_ALTERNATIVES: Final = frozenset({"oneOf", "anyOf", "pattern", "minLength", "maxLength"})
"""Keywords for which a `maestro:fault` beside them speaks."""


def _fast(schema: JsonObject) -> jsonschema_rs.Draft202012Validator:
    return jsonschema_rs.Draft202012Validator(
        schema,
        offline=True,
        pattern_options=jsonschema_rs.RegexOptions(),
        keywords={RETRY_BUDGET: RetryBudget},
    )


_FAST_DOCUMENT: Final = _fast(DEFINITION_SCHEMA)
_FAST_STEP: Final = _fast(_STEP_SCHEMA)
_SLOW_DOCUMENT: Final = FaultMaker(DEFINITION_SCHEMA)
_SLOW_STEP: Final = FaultMaker(_STEP_SCHEMA)


def shape_faults(document: Json) -> tuple[Fault, ...]:
    """Every fault of the document against the JSON Schema, at most `MAX_FAULTS`."""
    if _FAST_DOCUMENT.is_valid(document):
        return ()
    faults = tuple(islice(_all_faults(document), MAX_FAULTS))
    return faults or (_unexplained(document),)


def _all_faults(document: Json) -> Iterator[Fault]:
    steps = document.get("steps") if isinstance(document, dict) else None
    if not isinstance(document, dict) or not isinstance(steps, list):
        yield from _faults_of(_SLOW_DOCUMENT, document, document, ())
        return
    yield from _faults_of(_SLOW_DOCUMENT, {**document, "steps": []}, document, ())
    limit = 5_000
    if len(steps) > limit:
        message = sentence(document, ("steps",), f"has {len(steps)} items; {limit} may stand there")
        yield fault(FaultCode.VALUE_WRONG_LENGTH, "/steps", message)
    for index, step in enumerate(steps):
        if not _FAST_STEP.is_valid(step):
            yield from _faults_of(_SLOW_STEP, step, document, ("steps", index))


def _faults_of(validator: Validator, value: Json, document: Json, above: tuple[str | int, ...]) -> Iterator[Fault]:
    errors = cast("Iterable[ValidationError]", validator.iter_errors(value))
    for error in errors:
        yield from faults_of_error(error, document, above)


def faults_of_error(error: ValidationError, document: Json, above: tuple[str | int, ...]) -> Iterator[Fault]:
    """Faults of one error of the slow validator.

    Args:
        error: what the slow validator says.
        document: what `above` leads into, for the names in messages.
        above: way from the document to the value that was validated.
    """
    path = (*above, *error.absolute_path)
    if error.validator in {"additionalProperties", "unevaluatedProperties"}:
        yield from _unknown_members(error, document, path)
        return
    code, end = _code_and_end(error)
    yield fault(code, extended("", path), sentence(document, path, end))


def _unknown_members(error: ValidationError, document: Json, path: tuple[str | int, ...]) -> Iterator[Fault]:
    known = error.schema.get("properties", {}) if isinstance(error.schema, dict) else {}
    for name in cast("JsonObject", error.instance):
        if name in known:
            continue
        close = get_close_matches(name, known, 1)
        hint = f"Did you mean `{close[0]}`?" if close else _known_hint(known)
        message = sentence(document, path, f"has no member called {shown(name)}")
        yield fault(FaultCode.MEMBER_UNKNOWN, extended("", (*path, name)), message, hint)


def _known_hint(known: Iterable[str]) -> str | None:
    names = ", ".join(known)
    return f"Remove it. Known here: {names}." if names else None


def _code_and_end(error: ValidationError) -> tuple[FaultCode, str]:
    keyword = str(error.validator)
    named = error.schema.get(FAULT) if isinstance(error.schema, dict) else None
    if named is not None and keyword in _ALTERNATIVES:
        return FaultCode(named["code"]), named["message"]
    return _CODES.get(keyword, FaultCode.VALUE_NOT_ALLOWED), _end(error, keyword)


def _end(error: ValidationError, keyword: str) -> str:
    expected, value = cast("Json", error.validator_value), cast("Json", error.instance)
    if keyword in {"required", "dependentRequired"}:
        return f"lacks the member {error.message.split(chr(39))[1]!r}"
    endings = {
        "type": f"must be {type_names(expected)}, but is {shown(value)}",
        "enum": f"must be one of {_listed(expected)}, but is {shown(value)}",
        "const": f"must be {shown(expected)}, but is {shown(value)}",
        "minimum": f"must be at least {expected}, but is {shown(value)}",
        "maximum": f"must be at most {expected}, but is {shown(value)}",
        "exclusiveMinimum": f"must be more than {expected}, but is {shown(value)}",
        "exclusiveMaximum": f"must be less than {expected}, but is {shown(value)}",
        "minLength": "must not be empty" if expected == 1 else f"must have at least {expected} characters",
        "maxLength": f"must have at most {expected} characters, but has {_size(value)}",
        "minItems": f"must have at least {expected} items, but has {_size(value)}",
        "maxItems": f"must have at most {expected} items, but has {_size(value)}",
        "maxProperties": f"must have at most {expected} members, but has {_size(value)}",
        "uniqueItems": "has an item twice",
        DURATION: f"{error.message}, but is {shown(value)}",
        RETRY_BUDGET: error.message,
    }
    return endings.get(keyword, f"breaks the rule {keyword!r} of its schema")


def _listed(values: Json) -> str:
    return ", ".join(shown(value) for value in values) if isinstance(values, list) else shown(values)


def _size(value: Json) -> int:
    return len(value) if isinstance(value, str | list | dict) else 0


def _unexplained(document: Json) -> Fault:
    """What only the fast validator refuses: the two must not disagree, and if they do, the document is not accepted."""
    error = next(iter(_FAST_DOCUMENT.iter_errors(document)))
    path = tuple(error.instance_path)
    return fault(FaultCode.VALUE_NOT_ALLOWED, extended("", path), sentence(document, path, "is not accepted here"))
