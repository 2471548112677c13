"""JSON Schemas that stand in documents (trigger data, forms): compiled without fetching, with bounded matching.

Authors of documents write these, so their patterns run in an engine of linear time, and a reference to another
document is refused, never fetched.
"""

from dataclasses import dataclass
from typing import Final

import jsonschema_rs

from engine.definitions.faults import FaultCode, fault
from engine.definitions.pointers import extended
from engine.errors import Fault
from engine.jsonvalue import Json, JsonObject

MAX_VALUE_FAULTS: Final = 100


@dataclass(frozen=True, slots=True)
class ValueSchema:
    """A compiled schema of some value."""

    _validator: jsonschema_rs.Draft202012Validator

    @classmethod
    def compile(cls, schema: JsonObject) -> "ValueSchema":
        """Schema ready for use.

        Raises:
            SchemaError: it is not a schema, or refers to another document.
        """
        try:
            validator = jsonschema_rs.Draft202012Validator(
                schema, offline=True, pattern_options=jsonschema_rs.RegexOptions()
            )
        except jsonschema_rs.ValidationError as error:
            message = error.message.splitlines()[0]
            raise SchemaError(
                message, tuple(error.instance_path), remote="not present in a registry" in message
            ) from error
        return cls(validator)

    def faults(self, value: Json, base: str = "") -> tuple[Fault, ...]:
        """Every fault of a value (at most `MAX_VALUE_FAULTS`), their paths below `base`."""
        if self._validator.is_valid(value):
            return ()
        found: list[Fault] = []
        for error in self._validator.iter_errors(value):
            found.append(_value_fault(error, base))
            if len(found) == MAX_VALUE_FAULTS:
                break
        return tuple(found)


class SchemaError(ValueError):
    """Not a usable schema.

    Attributes:
        path: way to the place within the schema, as far as known.
        remote: it refers to another document.
    """

    def __init__(self, message: str, path: tuple[str | int, ...], *, remote: bool) -> None:
        super().__init__(message)
        self.path = path
        self.remote = remote


_KINDS: Final[dict[str, FaultCode]] = {
    "required": FaultCode.MEMBER_MISSING,
    "dependentRequired": FaultCode.MEMBER_MISSING,
    "additionalProperties": FaultCode.MEMBER_UNKNOWN,
    "unevaluatedProperties": FaultCode.MEMBER_UNKNOWN,
    "type": FaultCode.VALUE_WRONG_TYPE,
    "minimum": FaultCode.VALUE_OUT_OF_RANGE,
    "maximum": FaultCode.VALUE_OUT_OF_RANGE,
    "exclusiveMinimum": FaultCode.VALUE_OUT_OF_RANGE,
    "exclusiveMaximum": FaultCode.VALUE_OUT_OF_RANGE,
    "multipleOf": FaultCode.VALUE_OUT_OF_RANGE,
    "minLength": FaultCode.VALUE_WRONG_LENGTH,
    "maxLength": FaultCode.VALUE_WRONG_LENGTH,
    "minItems": FaultCode.VALUE_WRONG_LENGTH,
    "maxItems": FaultCode.VALUE_WRONG_LENGTH,
    "pattern": FaultCode.VALUE_WRONG_FORMAT,
    "format": FaultCode.VALUE_WRONG_FORMAT,
    "uniqueItems": FaultCode.VALUE_DUPLICATE,
}


def _value_fault(error: jsonschema_rs.ValidationError, base: str) -> Fault:
    code = _KINDS.get(error.kind.name, FaultCode.VALUE_NOT_ALLOWED)
    path = extended(base, error.instance_path)
    message = error.message if len(error.message) <= 300 else "The value is not accepted here"
    return fault(code, path, f"{message[0].upper()}{message[1:]}.")


def embedded_schema_faults(schema: JsonObject, base: str) -> tuple[Fault, ...]:
    """What is wrong with a schema that stands at `base` in a document."""
    try:
        ValueSchema.compile(schema)
    except SchemaError as error:
        if error.remote:
            message = f"The schema refers to another document, which is never fetched: {error}."
            return (fault(FaultCode.SCHEMA_REMOTE_REFERENCE, extended(base, error.path), message),)
        return (fault(FaultCode.SCHEMA_INVALID, extended(base, error.path), f"The schema is not valid: {error}."),)
    return ()
