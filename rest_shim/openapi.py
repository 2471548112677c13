"""The OpenAPI 3.1 document, made from the route table: what validates is what is described."""

import re
from collections.abc import Iterable, Sequence
from typing import Any, get_args, get_origin

from engine.definitions.shape import DEFINITION_SCHEMA
from engine.errors import (
    Denied,
    MaestroError,
    MalformedRequest,
    PayloadTooLarge,
    Unauthenticated,
    Unavailable,
    UnsupportedMedia,
)
from engine.jsonvalue import Json, JsonObject
from rest_shim.models.problems import ProblemBody
from rest_shim.problems import MEDIA_TYPE, described
from rest_shim.shapes import members, schema_of
from rest_shim.table import Document, Reply, Route

DEFINITION = "WorkflowDefinition"
_PARAMETER = re.compile(r"\{(\w+)\}")


def openapi(routes: Sequence[Route], version: str) -> JsonObject:
    """The document of a route table."""
    components = definition_components()
    schema_of(ProblemBody, components)
    paths: dict[str, JsonObject] = {}
    for route in routes:
        paths.setdefault(route.template, {})[route.method.lower()] = _operation(route, components)
    tags: list[Json] = [{"name": tag} for tag in sorted({route.tag for route in routes})]
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
    moved = {name: _moved(value) for name, value in part.items()}
    target = part.get("$ref")
    if isinstance(target, str) and target.startswith("#/$defs/"):
        moved["$ref"] = f"#/components/schemas/{_part_name(target.removeprefix('#/$defs/'))}"
    return moved


def _operation(route: Route, components: dict[str, JsonObject]) -> JsonObject:
    operation: JsonObject = {
        "operationId": route.name,
        "summary": route.summary,
        "tags": [route.tag],
        "responses": _responses(route, components),
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
        yield {"name": name, "in": "path", "required": True, "schema": {"type": "string"}}


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
        yield {"name": name, "in": "header", "description": description, "schema": {"type": "string"}}


def _request_body(route: Route, components: dict[str, JsonObject]) -> JsonObject:
    is_document = isinstance(route.body, Document)
    schema = route.body.schema if is_document else schema_of(route.body, components)
    body: JsonObject = {"required": route.body_required, "content": {"application/json": {"schema": schema}}}
    if is_document:
        body["description"] = route.body.description
    return body


def _responses(route: Route, components: dict[str, JsonObject]) -> JsonObject:
    responses: JsonObject = {
        str(status): _success(reply, components) for status, reply in sorted(route.replies.items())
    }
    refused: dict[int, list[type[MaestroError]]] = {}
    for kind in _refusals(route):
        refused.setdefault(described(kind)[0], []).append(kind)
    for status, kinds in sorted(refused.items()):
        responses.setdefault(str(status), _problem(kinds))
    responses["default"] = {"description": "Anything else that goes wrong.", "content": _problem_content()}
    return responses


def _refusals(route: Route) -> Iterable[type[MaestroError]]:
    yield MalformedRequest
    if not route.public:
        yield Unauthenticated
        yield Unavailable
    if route.action is not None:
        yield Denied
    if route.body is not None:
        yield from (PayloadTooLarge, UnsupportedMedia)
    yield from route.refusals


def _success(reply: Reply, components: dict[str, JsonObject]) -> JsonObject:
    response: JsonObject = {"description": reply.description}
    if reply.headers:
        headers: JsonObject = {
            name: {"description": text, "schema": {"type": "string"}} for name, text in reply.headers.items()
        }
        response["headers"] = headers
    if reply.shape is not None:
        shapes = {reply.media: reply.shape, **reply.also}
        response["content"] = {media: {"schema": _shape(shape, components)} for media, shape in shapes.items()}
    return response


def _shape(shape: Any, components: dict[str, JsonObject]) -> JsonObject:
    if isinstance(shape, dict):
        return shape
    if get_origin(shape) is tuple:
        return {"type": "array", "items": schema_of(get_args(shape)[0], components)}
    return schema_of(shape, components)


def _problem(kinds: Sequence[type[MaestroError]]) -> JsonObject:
    return {"description": "; ".join(sorted({described(kind)[1] for kind in kinds})), "content": _problem_content()}


def _problem_content() -> JsonObject:
    return {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/ProblemBody"}}}
