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
    """HTML of an OpenAPI document: every operation, parameter, answer and schema; no script."""
    operations = "".join(
        _operation(method, path, operation)
        for path, methods in _members(document, "paths")
        for method, operation in _items(methods)
    )
    components = document["components"]
    schemas = "".join(
        f"<details id='schema-{html.escape(name)}'><summary><code>{html.escape(name)}</code></summary>"
        f"<pre>{html.escape(json.dumps(schema, indent=2))}</pre></details>"
        for name, schema in _members(components, "schemas")
    )
    return (
        "<!doctype html><html lang='en'><head><meta charset='utf-8'><title>Maestro Composer REST API</title>"
        f"<meta name='viewport' content='width=device-width'><style>{STYLE}</style></head><body>"
        "<h1>Maestro Composer REST API</h1><p>The same as data: <a href='/openapi.json'>/openapi.json</a>.</p>"
        f"<h2>Operations</h2>{operations}<h2>Schemas</h2>{schemas}</body></html>"
    )


def _operation(method: str, path: str, operation: Json) -> str:
    parameters = operation.get("parameters") if isinstance(operation, dict) else None
    listed = parameters if isinstance(parameters, list) else []
    rows = "".join(
        f"<tr><td><code>{_text(one, 'name')}</code></td><td>{_text(one, 'in')}</td>"
        f"<td>{_text(one, 'description')}</td></tr>"
        for one in listed
    )
    answers = "".join(
        f"<tr><td>{html.escape(status)}</td><td>{_text(answer, 'description')}</td></tr>"
        for status, answer in _members(operation, "responses")
    )
    table = f"<table><tr><th>Parameter</th><th>In</th><th></th></tr>{rows}</table>" if rows else ""
    return (
        f"<details><summary><span class='method'>{method.upper()}</span> <code>{html.escape(path)}</code> "
        f"{_text(operation, 'summary')}</summary>{table}"
        f"<table><tr><th>Answer</th><th></th></tr>{answers}</table></details>"
    )


def _members(value: Json, name: str) -> list[tuple[str, Json]]:
    return _items(value.get(name)) if isinstance(value, dict) else []


def _items(value: Json) -> list[tuple[str, Json]]:
    return list(value.items()) if isinstance(value, dict) else []


def _text(value: Json, name: str) -> str:
    found = value.get(name) if isinstance(value, dict) else None
    return html.escape(str(found or ""))
