"""`/openapi.json` and `/docs`: what the doors are, for machines and for people. Both work without any other server."""

import html
import json

import orjson
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from engine.jsonvalue import Json, JsonObject
from rest_shim.openapi import openapi
from rest_shim.routes.table import ROUTES

STYLE = """
:root { color-scheme: light dark; font: 16px/1.5 system-ui, sans-serif; }
body { margin: 0 auto; max-width: 60rem; padding: 1rem; }
details { border: 1px solid #8886; border-radius: .4rem; margin: .4rem 0; padding: .4rem .8rem; }
summary { cursor: pointer; }
code, pre { font: .9em ui-monospace, monospace; }
pre { overflow: auto; }
.method { display: inline-block; font-weight: 700; min-width: 4.5rem; }
table { border-collapse: collapse; }
td, th { border-bottom: 1px solid #8884; padding: .2rem .8rem .2rem 0; text-align: left; vertical-align: top; }
"""
POLICY = "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'; base-uri 'none'"


class Documents:
    """The OpenAPI document and the page that shows it, made once."""

    def __init__(self, version: str) -> None:
        document = openapi(ROUTES, version)
        self._json = orjson.dumps(document)
        self._page = page(document)

    async def openapi(self, _request: Request) -> Response:
        """The OpenAPI document."""
        return Response(self._json, headers={"cache-control": "no-cache"}, media_type="application/json")

    async def docs(self, _request: Request) -> Response:
        """The page."""
        return HTMLResponse(self._page, headers={"content-security-policy": POLICY, "cache-control": "no-cache"})


def page(document: JsonObject) -> str:
    """HTML of an OpenAPI document: every operation, parameter, body, answer, example and schema; no script."""
    components = document["components"]
    responses = dict(_members(components, "responses"))
    operations = "".join(
        _operation(method, path, operation, responses)
        for path, methods in _members(document, "paths")
        for method, operation in _items(methods)
    )
    schemas = "".join(
        f"<details id='schema-{html.escape(name)}'><summary><code>{html.escape(name)}</code></summary>"
        f"{_pre(schema)}</details>"
        for name, schema in _members(components, "schemas")
    )
    return (
        "<!doctype html><html lang='en'><head><meta charset='utf-8'><title>Maestro Composer REST API</title>"
        f"<meta name='viewport' content='width=device-width'><style>{STYLE}</style></head><body>"
        "<h1>Maestro Composer REST API</h1><p>The same as data: <a href='/openapi.json'>/openapi.json</a>.</p>"
        f"<h2>Operations</h2>{operations}<h2>Schemas</h2>{schemas}</body></html>"
    )


def _operation(method: str, path: str, operation: Json, responses: dict[str, Json]) -> str:
    parameters = operation.get("parameters") if isinstance(operation, dict) else None
    listed = parameters if isinstance(parameters, list) else []
    rows = "".join(
        f"<tr><td><code>{_text(one, 'name')}</code></td><td>{_text(one, 'in')}</td>"
        f"<td>{_text(one, 'description')}</td></tr>"
        for one in listed
    )
    answers = "".join(
        _answer(status, _resolved(answer, responses)) for status, answer in _members(operation, "responses")
    )
    table = f"<table><tr><th>Parameter</th><th>In</th><th></th></tr>{rows}</table>" if rows else ""
    body = operation.get("requestBody") if isinstance(operation, dict) else None
    asked = f"<h4>Body</h4><p>{_text(body, 'description')}</p>{_contents(body)}" if body else ""
    name = _text(operation, "operationId")
    return (
        f"<details id='operation-{name}'><summary><span class='method'>{method.upper()}</span> "
        f"<code>{html.escape(path)}</code> {_text(operation, 'summary')}</summary><p><code>{name}</code></p>"
        f"{table}{asked}"
        f"<table><tr><th>Answer</th><th>Headers</th><th></th></tr>{answers}</table></details>"
    )


def _resolved(answer: Json, responses: dict[str, Json]) -> Json:
    reference = answer.get("$ref") if isinstance(answer, dict) else None
    return responses[reference.rpartition("/")[2]] if isinstance(reference, str) else answer


def _answer(status: str, answer: Json) -> str:
    headers = ", ".join(f"<code>{html.escape(name)}</code>" for name, _ in _members(answer, "headers"))
    said = f"{_text(answer, 'description')}{_contents(answer)}"
    return f"<tr><td>{html.escape(status)}</td><td>{headers}</td><td>{said}</td></tr>"


def _contents(holder: Json) -> str:
    """The forms of a body: each with its schema, and its examples to unfold."""
    return "".join(_content(media, content) for media, content in _members(holder, "content"))


def _content(media: str, content: Json) -> str:
    schema = dict(_members(content, "schema"))
    items = schema.get("items")
    target = schema.get("$ref") or (items.get("$ref") if isinstance(items, dict) else None)
    name = html.escape(str(target or "").rpartition("/")[2])
    link = f" <a href='#schema-{name}'>{name}{'[]' if items else ''}</a>" if name else ""
    named = {key: value.get("value") for key, value in _members(content, "examples") if isinstance(value, dict)}
    shown = named or {"Example": dict(_items(content)).get("example")}
    examples = "".join(
        f"<details><summary>{html.escape(key)}</summary>{_pre(value)}</details>"
        for key, value in shown.items()
        if value is not None
    )
    return f"<p><code>{html.escape(media)}</code>{link}</p>{examples}"


def _pre(value: Json) -> str:
    return f"<pre>{html.escape(json.dumps(value, indent=2, ensure_ascii=False))}</pre>"


def _members(value: Json, name: str) -> list[tuple[str, Json]]:
    return _items(value.get(name)) if isinstance(value, dict) else []


def _items(value: Json) -> list[tuple[str, Json]]:
    return list(value.items()) if isinstance(value, dict) else []


def _text(value: Json, name: str) -> str:
    found = value.get(name) if isinstance(value, dict) else None
    return html.escape(str(found or ""))
