"""`api`: one HTTP request."""

from typing import Final
from urllib.parse import urlencode

from engine.actions.attempts import attempt_over, seconds_for
from engine.actions.bodies import body_value
from engine.actions.connections.secrets import reveal_all
from engine.actions.connections.values import HttpConnection
from engine.actions.http_calls import call_headers, http_headers, url_under
from engine.actions.interface import ActionContext, Effect, Failed, Result, Succeeded, config_invalid
from engine.actions.json_schemas import closed_object, compile_schema
from engine.actions.outbound.errors import OutboundError, refused
from engine.actions.outbound.requests import Headers, HttpRequest, HttpResponse, check_headers
from engine.actions.outcomes import failed_call, failed_status
from engine.actions.tools import ActionTools
from engine.jsonvalue import Json, JsonObject, dumps

METHODS: Final = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")
_SCALAR: Final[JsonObject] = {"type": ["string", "number", "boolean"]}
_STATUS: Final[JsonObject] = {
    "anyOf": [
        {"type": "integer", "minimum": 100, "maximum": 599},
        {"type": "string", "enum": ["1xx", "2xx", "3xx", "4xx", "5xx"]},
    ]
}
CONFIG_SCHEMA: Final[JsonObject] = closed_object(
    {
        "method": {
            "title": "Method",
            "description": "HTTP method.",
            "type": "string",
            "enum": list(METHODS),
            "default": "GET",
        },
        "url": {
            "title": "URL",
            "description": "http or https. With a connection: a path under its base URL, or an absolute URL under it.",
            "type": "string",
            "minLength": 1,
        },
        "headers": {
            "title": "Headers",
            "description": "Further headers. `Host`, `Idempotency-Key` and `traceparent` are set by the engine.",
            "type": "object",
            "additionalProperties": _SCALAR,
        },
        "query": {
            "title": "Query",
            "description": "Query parameters to append; an array repeats its parameter, null leaves it out.",
            "type": "object",
            "additionalProperties": {"anyOf": [_SCALAR, {"type": "null"}, {"type": "array", "items": _SCALAR}]},
        },
        "body": {"title": "Body", "description": "Sent as JSON. Any value; leave it out to send none."},
        "rawBody": {
            "title": "Raw body",
            "description": "Sent as it is, as UTF-8 text; set `Content-Type` in the headers.",
            "type": "string",
        },
        "expectedStatus": {
            "title": "Expected status",
            "description": "Statuses that mean success: a number, a class such as `2xx`, or an array of these.",
            "anyOf": [_STATUS, {"type": "array", "items": _STATUS, "minItems": 1}],
            "default": "2xx",
        },
        "timeoutMs": {
            "title": "Timeout",
            "description": "Milliseconds for the whole call, redirects and body included.",
            "type": "integer",
            "minimum": 1,
            "maximum": 30_000,
            "default": 30_000,
        },
        "connection": {
            "title": "Connection",
            "description": "Name of an `http` connection: base URL, headers and credentials.",
            "type": "string",
            "minLength": 1,
        },
        "followRedirects": {
            "title": "Follow redirects",
            "description": "At most five, each checked like the first URL; credentials stay with their origin.",
            "type": "boolean",
            "default": False,
        },
    },
    required=("url",),
    title="HTTP request",
    description=(
        "Sends one HTTP request. Output: `{status, headers, body}`, header names in lower case, the body parsed when "
        "it is JSON. Network faults, timeouts and the statuses 408, 425, 429 and 5xx may be retried; other unexpected "
        "statuses fail at once, with the code `http.<status>`."
    ),
)
CONFIG_SCHEMA["not"] = {"required": ["body", "rawBody"]}


class Api:
    """Sends one HTTP request per attempt, through the outbound guard."""

    name = "api"
    effect = Effect.WRITE
    config_schema = CONFIG_SCHEMA

    def __init__(self, tools: ActionTools) -> None:
        self._tools = tools
        self._schema = compile_schema(CONFIG_SCHEMA)

    async def run(self, context: ActionContext) -> Result:
        """`{status, headers, body}` of an expected answer, or why there is none."""
        if "connection" in context.config:
            return await attempt_over(self._tools, context, self._schema, HttpConnection, self._send)
        faults = self._schema.faults(context.config)
        if faults:
            return config_invalid(faults)
        try:
            return await self._send(context, None)
        except OutboundError as exc:
            return failed_call(exc, context)

    async def _send(self, context: ActionContext, connection: HttpConnection | None) -> Result:
        response = await self._tools.http.send(_request(context, connection))
        return self._result(response, context)

    def _result(self, response: HttpResponse, context: ActionContext) -> Succeeded | Failed:
        if not is_expected(response.status, context.config.get("expectedStatus", "2xx")):
            return failed_status(response, context, self._tools.clock.now())
        headers: JsonObject = {name: response.header(name) for name, _ in response.headers}
        return Succeeded({"status": response.status, "headers": headers, "body": body_value(response)})


def is_expected(status: int, expected: Json) -> bool:
    """True when the status is the number, in the class, or among those of the array."""
    if isinstance(expected, list):
        return any(is_expected(status, one) for one in expected)
    if isinstance(expected, str):
        return str(status)[0] == expected[0]
    return status == expected


def _request(context: ActionContext, connection: HttpConnection | None) -> HttpRequest:
    """The request that a checked config describes.

    Raises:
        OutboundError: its URL or one of its headers is refused.
    """
    config = context.config
    url = str(config["url"])
    if connection is not None:
        url = url_under(connection.base_url, url)
    headers, content = _content(config)
    headers = http_headers(connection, headers)
    check_headers(headers)
    return HttpRequest(
        method=str(config.get("method", "GET")),
        url=_with_query(url, config.get("query")),
        tenant=context.tenant,
        connection=connection.reference.name if connection else "",
        headers=(*headers, *call_headers(context)),
        credentials=reveal_all(connection.credentials) if connection else (),
        content=content,
        follow_redirects=config.get("followRedirects") is True,
        timeout_s=seconds_for(context, config.get("timeoutMs")),
        authority=connection.authority if connection else None,
        max_concurrency=connection.max_concurrency if connection else None,
    )


def _content(config: JsonObject) -> tuple[Headers, bytes]:
    given = config.get("headers")
    headers = [(name, as_text(value)) for name, value in given.items()] if isinstance(given, dict) else []
    names = {name.lower() for name, _ in headers}
    if "body" in config:
        if "content-type" not in names:
            headers.append(("Content-Type", "application/json"))
        return tuple(headers), dumps(config["body"]).encode()
    raw = config.get("rawBody")
    if raw is None:
        return tuple(headers), b""
    if "content-type" not in names:
        headers.append(("Content-Type", "text/plain; charset=utf-8"))
    return tuple(headers), str(raw).encode()


def _with_query(url: str, query: Json) -> str:
    if not isinstance(query, dict) or not query:
        return url
    if "#" in url:
        raise refused("url_refused", "A URL with a fragment takes no query parameters.")
    pairs = [
        (name, as_text(one))
        for name, value in query.items()
        for one in (value if isinstance(value, list) else [value])
        if one is not None
    ]
    if not pairs:
        return url
    return url + ("&" if "?" in url else "?") + urlencode(pairs)


def as_text(value: Json) -> str:
    """A scalar as headers and query parameters carry it: booleans in lower case, numbers as JSON writes them."""
    return value if isinstance(value, str) else dumps(value)
