"""Forms of tasks, compiled and applied."""

from functools import lru_cache

from engine.actions.json_schemas import CompiledSchema, UnusableSchemaError, compile_schema
from engine.errors import Fault, ValidationFailed
from engine.jsonvalue import Json, JsonObject, dumps, loads
from engine.tasks.forms import schema_of

FORMS_KEPT = 256
UNUSABLE = "form.schema_unusable"


def checked_form(form_config: JsonObject, form_data: Json) -> JsonObject:
    """What was handed in, once it satisfies the form.

    Raises:
        ValidationFailed: with a fault for each field that does not, its path below `/formData`.
    """
    if not isinstance(form_data, dict):
        fault = Fault("request.wrong_type", "/formData", "The form data is no object.", "Send the fields by name.")
        raise ValidationFailed((fault,))
    try:
        schema = _compiled(dumps(schema_of(form_config)))
    except UnusableSchemaError as error:
        raise ValidationFailed((_unusable(error),)) from error
    faults = schema.faults(form_data)
    if faults:
        raise ValidationFailed(tuple(_within(fault) for fault in faults))
    return form_data


def form_faults(form_config: JsonObject) -> tuple[Fault, ...]:
    """What is wrong with a form itself; empty: it can be filled in."""
    try:
        _compiled(dumps(schema_of(form_config)))
    except UnusableSchemaError as error:
        return (_unusable(error),)
    return ()


@lru_cache(FORMS_KEPT)
def _compiled(text: str) -> CompiledSchema:
    return compile_schema(loads(text))


def _within(fault: Fault) -> Fault:
    return Fault(fault.code.replace("schema.", "form.", 1), f"/formData{fault.path}", fault.message, fault.hint)


def _unusable(error: UnusableSchemaError) -> Fault:
    return Fault(UNUSABLE, "/formConfig", str(error), "Mend the schemas of the form's fields.")
