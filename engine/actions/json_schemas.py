"""JSON Schema (2020-12), compiled: of action configs, and of the schemas that workflow authors bring along.

Nothing is ever fetched: a reference must stay inside its document. Patterns run in linear time (no backtracking).
"""

from dataclasses import dataclass

import jsonschema_rs

from engine.actions.schema_costs import MAX_PRICE, MAX_WEIGHT, SchemaCost, cost_of
from engine.errors import Fault
from engine.jsonvalue import Json, JsonObject, dumps

MAX_SCHEMA_BYTES = 256 * 1024
MAX_FAULTS = 50
_MAX_MESSAGE_CHARS = 300
_CHEAP_WEIGHT = 1000
_TOO_COSTLY = Fault(
    code="schema.too_costly",
    path="",
    message="The schema refers to itself so often that this value, nested as deeply as it is, cannot be judged.",
    hint="Let each place of the value meet the recursion once.",
)


class UnusableSchemaError(ValueError):
    """The schema itself is unusable: not a valid schema, too large, or it refers outside of itself."""


@dataclass(frozen=True, slots=True)
class CompiledSchema:
    """A schema ready to judge values. Thread-safe; keep it, compiling costs more than judging."""

    _validator: jsonschema_rs.Validator
    _cost: SchemaCost

    def faults(self, value: Json) -> tuple[Fault, ...]:
        """What is wrong with the value, at most `MAX_FAULTS`, in the schema's order; empty when it is valid."""
        if self._is_too_costly(value):
            return (_TOO_COSTLY,)
        if self._validator.is_valid(value):
            return ()
        faults: list[Fault] = []
        for error in self._validator.iter_errors(value):
            faults.append(_fault(error))
            if len(faults) == MAX_FAULTS:
                break
        return tuple(faults)

    def _is_too_costly(self, value: Json) -> bool:
        cost = self._cost
        return (cost.branching > 1 or cost.weight > _CHEAP_WEIGHT) and cost.price(value) > MAX_PRICE


def compile_schema(schema: Json) -> CompiledSchema:
    """Compile a schema.

    Raises:
        UnusableSchemaError: with the reason in words for the schema's author.
    """
    if isinstance(schema, bool):
        schema = {} if schema else {"not": {}}
    if not isinstance(schema, dict):
        raise UnusableSchemaError("A JSON Schema is an object or a boolean.")
    if len(dumps(schema)) > MAX_SCHEMA_BYTES:
        raise UnusableSchemaError(f"The schema is larger than {MAX_SCHEMA_BYTES // 1024} KiB.")
    try:
        validator = jsonschema_rs.Draft202012Validator(
            schema,
            validate_formats=True,
            retriever=_refuse_to_fetch,
            pattern_options=jsonschema_rs.RegexOptions(size_limit=1 << 20),
        )
    except (jsonschema_rs.ValidationError, jsonschema_rs.ReferencingError, ValueError) as exc:
        raise UnusableSchemaError(f"The schema cannot be used: {str(exc)[:_MAX_MESSAGE_CHARS]}") from exc
    cost = cost_of(schema)
    if cost.weight > MAX_WEIGHT:
        raise UnusableSchemaError("The schema's references multiply: it stands for more subschemas than can be judged.")
    return CompiledSchema(validator, cost)


def schema_faults(schema: Json, path: str) -> tuple[Fault, ...]:
    """What is wrong with a schema at a path of a config; what is neither an object nor a boolean is passed over."""
    if not isinstance(schema, dict | bool):
        return ()
    try:
        compile_schema(schema)
    except UnusableSchemaError as exc:
        return (Fault("action.config_invalid", path, str(exc), "Write a JSON Schema (2020-12) that needs no other."),)
    return ()


def pointer(path: list[str | int]) -> str:
    """JSON Pointer (RFC 6901) of a path; empty for the whole document."""
    return "".join("/" + str(part).replace("~", "~0").replace("/", "~1") for part in path)


def _refuse_to_fetch(uri: str) -> Json:
    raise ValueError(f"The reference {uri[:100]!r} leads out of the schema; only references within it are followed.")


def _fault(error: jsonschema_rs.ValidationError) -> Fault:
    keyword = error.kind.name
    return Fault(
        code=f"schema.{keyword}",
        path=pointer(error.instance_path),
        message=error.message[:_MAX_MESSAGE_CHARS],
        hint=f"See {pointer(error.schema_path) or '/'} of the schema.",
    )


def closed_object(
    properties: JsonObject, *, required: tuple[str, ...] = (), title: str, description: str
) -> JsonObject:
    """Schema of an object with exactly these members: what is not named is refused."""
    return {
        "title": title,
        "description": description,
        "type": "object",
        "properties": properties,
        "required": list(required),
        "additionalProperties": False,
    }
