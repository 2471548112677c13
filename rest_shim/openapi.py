"""The OpenAPI 3.1 document, made from the route table: what validates is what is described."""

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final, get_args, get_origin

from engine.definitions.shape import DEFINITION_SCHEMA
from engine.jsonvalue import Json, JsonObject
from rest_shim.linking import Linker
from rest_shim.models.problems import ProblemBody
from rest_shim.refusals import Refusals
from rest_shim.sampling import sample
from rest_shim.shapes import members, schema_of
from rest_shim.table import EVENTS, JSON, Document, Reply, Route

DEFINITION = "WorkflowDefinition"
_OWN = "maestro:"
_PARAMETER = re.compile(r"\{(\w+)\}")

_PATH_PARAMETERS: Final[Mapping[str, str]] = {
    "id": "Id of what is meant.",
    "name": "Name of what is meant.",
    "version": "Semantic version, such as 1.4.0.",
    "stepId": "Id of the step in its definition; steps in loops by their whole path.",
    "secretId": "Id of the secret.",
    "workflowId": "Id of the workflow.",
    "triggerPath": "The trigger's `webhookPath`; it may have slashes in it.",
    "index": "Position in the log, from 0.",
}
_HEADER_SCHEMAS: Final[Mapping[str, JsonObject]] = {
    "idempotency-key": {
        "type": "string",
        "pattern": r'^(?:[!#-~]{1,255}|"[!#-\[\]-~]{1,255}")$',
        "examples": ["8e03978e-40d5-43e8-bc93-6894a57f9324"],
    },
    "if-match": {"type": "string", "pattern": r'^(?:\*|"[!#-~]+")$', "examples": ['"3"']},
    "if-none-match": {"type": "string", "examples": ['"3"']},
    "last-event-id": {"type": "string", "pattern": "^[0-9]{1,18}$", "examples": ["4"]},
    "etag": {"type": "string", "pattern": '^"[!#-~]+"$'},
    "location": {"type": "string", "format": "uri-reference"},
    "x-total-count": {"type": "integer", "minimum": 0},
    "x-total-count-relation": {"type": "string", "enum": ["eq", "gte"]},
    "retry-after": {"type": "integer", "minimum": 1},
}
_TAGS: Final[Mapping[str, str]] = {
    "actions": "What steps may do.",
    "analytics": "How workflows fare, from figures that are kept as they run.",
    "callbacks": "Where events of executions and tasks are sent, signed.",
    "connections": "Named ways to the outside; secrets go in and never come out.",
    "dead-letters": "What was given up, with its history.",
    "events": "What happens elsewhere and starts or wakes executions.",
    "executions": "Runs of published versions.",
    "governance": "Who did what, and who may do what.",
    "human-tasks": "What people are asked for.",
    "ledger": "The public side of the log that proves what was published and run.",
    "operations": "Whether the process can do its work.",
    "schedules": "Workflows by the clock, and every tick of them.",
    "schemas": "JSON Schemas that documents are held to.",
    "templates": "Built-in definitions to begin with.",
    "webhooks": "Signed deliveries from elsewhere.",
    "workflows": "Drafts and their immutable versions.",
}


def openapi(routes: Sequence[Route], version: str) -> JsonObject:
    """The document of a route table."""
    components = definition_components()
    schema_of(ProblemBody, components)
    refusals, linker = Refusals(), Linker(routes)
    paths: dict[str, JsonObject] = {}
    for route in routes:
        operation = _operation(route, components)
        operation["responses"] = {**_successes(route, components, linker), **_refused(route, refusals)}
        paths.setdefault(route.template, {})[route.method.lower()] = operation
    tags: list[Json] = [{"name": tag, "description": _TAGS[tag]} for tag in sorted({route.tag for route in routes})]
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Maestro Composer",
            "version": version,
            "description": "Workflows as data: drafts, immutable versions, durable executions.",
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "jsonSchemaDialect": "https://json-schema.org/draft/2020-12/schema",
        "servers": [{"url": "/"}],
        "security": [{"bearer": []}],
        "tags": tags,
        "paths": dict(paths.items()),
        "components": {
            "schemas": dict(components.items()),
            "responses": refusals.components,
            "headers": {
                "RequestId": {
                    "description": "Reference of the call, the caller's own where it gave a well-formed one.",
                    "schema": {"type": "string"},
                }
            },
            "securitySchemes": {"bearer": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"}},
        },
    }


def definition_components() -> dict[str, JsonObject]:
    """The published schema of definitions as components: its parts become components of their own."""
    parts = DEFINITION_SCHEMA.get("$defs")
    named = parts if isinstance(parts, dict) else {}
    components = {_part_name(name): _moved(part) for name, part in named.items()}
    whole = {name: part for name, part in DEFINITION_SCHEMA.items() if name not in {"$schema", "$id", "$defs"}}
    components[DEFINITION] = _moved(whole)
    return {name: part for name, part in components.items() if isinstance(part, dict)}


def _part_name(name: str) -> str:
    return f"Definition{name[0].upper()}{name[1:]}"


def _moved(part: Json) -> Json:
    if isinstance(part, list):
        return [_moved(item) for item in part]
    if not isinstance(part, dict):
        return part
    # Beside schemas OpenAPI takes further keywords by their prefix.
    moved = {name.replace(_OWN, "x-maestro-"): _moved(value) for name, value in part.items()}
    target = part.get("$ref")
    if isinstance(target, str) and target.startswith("#/$defs/"):
        moved["$ref"] = f"#/components/schemas/{_part_name(target.removeprefix('#/$defs/'))}"
    return moved


def _operation(route: Route, components: dict[str, JsonObject]) -> JsonObject:
    operation: JsonObject = {
        "operationId": route.name,
        "summary": route.summary,
        "tags": [route.tag],
    }
    parameters: list[Json] = [
        *_path_parameters(route),
        *_query_parameters(route, components),
        *_header_parameters(route),
    ]
    if parameters:
        operation["parameters"] = parameters
    if route.body is not None:
        operation["requestBody"] = _request_body(route, components)
    if route.public:
        operation["security"] = []
    if route.action is not None:
        operation["x-maestro-action"] = route.action
    return operation


def _path_parameters(route: Route) -> Iterable[JsonObject]:
    for name in _PARAMETER.findall(route.template):
        schema: JsonObject = {"type": "string"}
        yield {"name": name, "in": "path", "required": True, "description": _PATH_PARAMETERS[name], "schema": schema}


def _query_parameters(route: Route, components: dict[str, JsonObject]) -> Iterable[JsonObject]:
    for member in () if route.query is None else members(route.query):
        schema = _not_null(schema_of(member.kind, components, member.rule))
        yield {"name": member.name, "in": "query", "description": member.rule.description, "schema": schema}


def _not_null(schema: JsonObject) -> JsonObject:
    """A parameter is absent or has a value; there is no null in an address."""
    kind = schema.get("type")
    if isinstance(kind, list):
        return {**schema, "type": kind[0]}
    choices = schema.get("anyOf")
    return choices[0] if isinstance(choices, list) and isinstance(choices[0], dict) else schema


def _header_parameters(route: Route) -> Iterable[JsonObject]:
    for name, description in route.headers.items():
        yield {"name": name, "in": "header", "description": description, "schema": _header_schema(name)}


def _header_schema(name: str) -> JsonObject:
    return _HEADER_SCHEMAS.get(name.lower(), {"type": "string"})


def _request_body(route: Route, components: dict[str, JsonObject]) -> JsonObject:
    if isinstance(route.body, Document):
        content: JsonObject = {"schema": route.body.schema, "example": route.body.example}
        return {
            "description": route.body.description,
            "required": route.body_required,
            "content": {JSON: content},
        }
    schema = schema_of(route.body, components)
    content = {"schema": schema, "example": sample(schema, components, whole=False)}
    return {"required": route.body_required, "content": {JSON: content}}


def _refused(route: Route, refusals: Refusals) -> JsonObject:
    """Refusals of a route; a status that is one of its successes too has that one's body."""
    return {status: one for status, one in refusals.of(route).items() if int(status) not in route.replies}


def _successes(route: Route, components: dict[str, JsonObject], linker: Linker) -> JsonObject:
    return {str(status): _success(reply, components, linker) for status, reply in sorted(route.replies.items())}


def _success(reply: Reply, components: dict[str, JsonObject], linker: Linker) -> JsonObject:
    headers: JsonObject = {
        name: {"description": text, "schema": _header_schema(name)} for name, text in reply.headers.items()
    }
    headers["X-Request-Id"] = {"$ref": "#/components/headers/RequestId"}
    response: JsonObject = {"description": reply.description, "headers": headers}
    if reply.shape is not None:
        shapes = {reply.media: reply.shape, **reply.also}
        response["content"] = {media: _content(media, shape, components) for media, shape in shapes.items()}
    links = linker.of(reply)
    return {**response, "links": links} if links else response


def _content(media: str, shape: Any, components: dict[str, JsonObject]) -> JsonObject:
    schema = _shape(shape, components)
    if media == EVENTS:
        return {"schema": _event(schema)}
    is_json = media.endswith(("/json", "+json"))
    return {"schema": schema, "example": sample(schema, components, whole=True)} if is_json else {"schema": schema}


def _event(data: JsonObject) -> JsonObject:
    """One server-sent event, as the events of a stream are described from OpenAPI 3.2 on."""
    return {
        "type": "object",
        "properties": {
            "id": {"type": "string", "description": "To go on after it, by `Last-Event-ID`."},
            "event": {"type": "string"},
            "data": {"type": "string", "contentMediaType": JSON, "contentSchema": data},
        },
        "required": ["id", "event", "data"],
    }


def _shape(shape: Any, components: dict[str, JsonObject]) -> JsonObject:
    if isinstance(shape, dict):
        return shape
    if get_origin(shape) is tuple:
        return {"type": "array", "items": schema_of(get_args(shape)[0], components)}
    return schema_of(shape, components)
