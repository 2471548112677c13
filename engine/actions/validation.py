"""`validation`: a JSON Schema between two steps."""

from collections import OrderedDict

from engine.actions.interface import ActionContext, Effect, Failed, Result, Succeeded, config_invalid
from engine.actions.json_schemas import (
    CompiledSchema,
    UnusableSchemaError,
    closed_object,
    compile_schema,
    schema_faults,
)
from engine.errors import Fault
from engine.jsonvalue import Json, JsonObject, dumps

_KEPT_SCHEMAS = 256


class Validation:
    """Lets a value pass that satisfies the schema; else the step fails with all faults.

    Compiled schemas are kept by their text, the least recently used go first.
    """

    name = "validation"
    effect = Effect.NONE
    config_schema: JsonObject = closed_object(
        {
            "schema": {
                "title": "Schema",
                "description": "JSON Schema (2020-12) that the value must satisfy. References must stay within it.",
                "type": ["object", "boolean"],
            },
            "value": {
                "title": "Value",
                "description": "What to judge, usually a template; the step's input where it is absent.",
            },
        },
        required=("schema",),
        title="Validation",
        description="Checks a value against a JSON Schema. Output: `{valid: true}`; an invalid value fails the step.",
    )

    def __init__(self) -> None:
        self._compiled: OrderedDict[str, CompiledSchema] = OrderedDict()

    def compute(self, context: ActionContext) -> Result:
        """`{valid: true}`, or the failure `validation.failed` with the faults in its details."""
        config = context.config
        if "schema" not in config:
            return config_invalid((_fault("/schema", "The schema is missing."),))
        try:
            schema = self._schema(config["schema"])
        except UnusableSchemaError as exc:
            return config_invalid((_fault("/schema", str(exc)),))
        faults = schema.faults(config.get("value", context.input))
        if not faults:
            return Succeeded({"valid": True})
        details: list[Json] = [{"code": f.code, "path": f.path, "message": f.message} for f in faults]
        return Failed(
            code="validation.failed",
            message=f"The value does not satisfy the schema: {faults[0].message}",
            details={"faults": details},
        )

    def config_faults(self, config: JsonObject) -> tuple[Fault, ...]:
        """A schema that cannot be used."""
        return schema_faults(config.get("schema"), "/schema")

    def _schema(self, schema: Json) -> CompiledSchema:
        text = dumps(schema) if isinstance(schema, dict) else str(schema)
        kept = self._compiled.get(text)
        if kept is not None:
            self._compiled.move_to_end(text)
            return kept
        compiled = self._compiled[text] = compile_schema(schema)
        if len(self._compiled) > _KEPT_SCHEMAS:
            self._compiled.popitem(last=False)
        return compiled


def _fault(path: str, message: str) -> Fault:
    return Fault(code="action.config_invalid", path=path, message=message, hint="Mend the step's actionConfig.")
