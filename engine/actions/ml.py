"""`ml`: ask a model that is served over HTTP with JSON."""

from collections import OrderedDict
from typing import Final

from engine.actions.attempts import attempt_over, seconds_for
from engine.actions.bodies import json_value
from engine.actions.connections.secrets import reveal_all
from engine.actions.connections.values import HttpConnection
from engine.actions.http_calls import call_headers, http_headers, url_under
from engine.actions.interface import ActionContext, Effect, Failed, Result, Succeeded, config_invalid
from engine.actions.json_schemas import (
    CompiledSchema,
    UnusableSchemaError,
    closed_object,
    compile_schema,
    schema_faults,
)
from engine.actions.outbound.requests import HttpRequest, HttpResponse
from engine.actions.outcomes import failed_status
from engine.actions.tools import ActionTools
from engine.errors import Fault
from engine.jsonvalue import Json, JsonObject, dumps

_KEPT_SCHEMAS = 64
CONFIG_SCHEMA: Final[JsonObject] = closed_object(
    {
        "connection": {
            "title": "Connection",
            "description": "Name of an `http` connection: where the models are served, and its credentials.",
            "type": "string",
            "minLength": 1,
        },
        "path": {
            "title": "Path",
            "description": "Path of the model's endpoint under the connection's base URL.",
            "type": "string",
            "default": "",
        },
        "input": {"title": "Input", "description": "Sent as the JSON body; the step's input where it is absent."},
        "expect": {
            "title": "Expect",
            "description": "JSON Schema that the answer must satisfy; one that does not fails the step.",
            "type": "object",
        },
        "timeoutMs": {
            "title": "Timeout",
            "description": "Milliseconds for the whole call.",
            "type": "integer",
            "minimum": 1,
            "maximum": 30_000,
            "default": 30_000,
        },
    },
    required=("connection",),
    title="Model inference",
    description="Posts JSON to an inference endpoint. Output: `{prediction}`, the JSON that came back.",
)


class Ml:
    """Asks a model once per attempt. Asking changes nothing, so that it may be repeated."""

    name = "ml"
    effect = Effect.READ
    config_schema = CONFIG_SCHEMA

    def __init__(self, tools: ActionTools) -> None:
        self._tools = tools
        self._schema = compile_schema(CONFIG_SCHEMA)
        self._expected: OrderedDict[str, CompiledSchema] = OrderedDict()

    async def run(self, context: ActionContext) -> Result:
        """`{prediction}` when the model answered with JSON that satisfies `expect`."""
        return await attempt_over(self._tools, context, self._schema, HttpConnection, self._ask)

    async def _ask(self, context: ActionContext, connection: HttpConnection) -> Result:
        try:
            expected = self._expectation(context.config.get("expect"))
        except UnusableSchemaError as exc:
            return config_invalid((Fault("ml.schema", "/expect", str(exc), "Mend the schema."),))
        response = await self._tools.http.send(_request(context, connection))
        return self._result(response, context, expected)

    def _result(
        self, response: HttpResponse, context: ActionContext, expected: CompiledSchema | None
    ) -> Succeeded | Failed:
        if not 200 <= response.status < 300:
            return failed_status(response, context, self._tools.clock.now())
        parsed = json_value(response.body)
        if parsed is None:
            return Failed("ml.unreadable", "The model's answer is no JSON.", details={"sent": True})
        faults = expected.faults(parsed[0]) if expected else ()
        if faults:
            wrong: list[Json] = [{"path": f.path, "message": f.message} for f in faults]
            return Failed("ml.unexpected", f"The model's answer is not as expected: {faults[0].message}",
                          details={"sent": True, "faults": wrong})  # fmt: skip
        return Succeeded({"prediction": parsed[0]})

    def config_faults(self, config: JsonObject) -> tuple[Fault, ...]:
        """An `expect` that cannot be used."""
        return schema_faults(config.get("expect"), "/expect")

    def _expectation(self, schema: Json) -> CompiledSchema | None:
        if schema is None:
            return None
        text = dumps(schema)
        kept = self._expected.get(text)
        if kept is None:
            kept = self._expected[text] = compile_schema(schema)
            if len(self._expected) > _KEPT_SCHEMAS:
                self._expected.popitem(last=False)
        return kept


def _request(context: ActionContext, connection: HttpConnection) -> HttpRequest:
    own = (("Accept", "application/json"), ("Content-Type", "application/json"))
    return HttpRequest(
        method="POST",
        url=url_under(connection.base_url, str(context.config.get("path", ""))),
        tenant=context.tenant,
        connection=connection.reference.name,
        headers=(*http_headers(connection, own), *call_headers(context)),
        credentials=reveal_all(connection.credentials),
        content=dumps(context.config.get("input", context.input)).encode(),
        timeout_s=seconds_for(context, context.config.get("timeoutMs")),
        authority=connection.authority,
        max_concurrency=connection.max_concurrency,
    )
