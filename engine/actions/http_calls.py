"""What the actions that speak HTTP share: the connection, the request's own headers, the time they may take."""

from typing import TypeVar
from urllib.parse import unquote

from engine.actions.connections.values import Connection, HttpConnection
from engine.actions.interface import ActionContext
from engine.actions.outbound.errors import OutboundError, refused
from engine.actions.outbound.http import MAX_SECONDS
from engine.actions.outbound.requests import Headers
from engine.actions.outbound.urls import parse_url, read_url
from engine.actions.tools import ActionTools
from engine.jsonvalue import Json

C = TypeVar("C", bound=Connection)

# An action gives up a little before its caller does, so that the failure is its own and the breaker hears of it.
_MARGIN_MS = 100


def call_headers(context: ActionContext) -> Headers:
    """Headers that every attempt of a step sends: by them a receiver knows a repeat, and a trace goes on."""
    headers = [("Idempotency-Key", context.idempotency_key)]
    if context.traceparent is not None:
        headers.append(("traceparent", context.traceparent))
    return tuple(headers)


def seconds_for(context: ActionContext, timeout_ms: Json = None) -> float:
    """How long a call may take: what the config says, within the step's timeout and the guard's limit."""
    limits = [MAX_SECONDS]
    if isinstance(timeout_ms, int):
        limits.append(timeout_ms / 1000)
    if context.timeout_ms is not None:
        limits.append(max(context.timeout_ms - _MARGIN_MS, context.timeout_ms / 2) / 1000)
    return min(limits)


async def connection_of(tools: ActionTools, context: ActionContext, name: str, kind: type[C]) -> C:
    """The connection that a step names.

    Raises:
        NotFound, Unavailable: see `ConnectionResolver`.
        OutboundError: it is of another kind.
    """
    connection = await tools.connections.resolve(context.tenant, name)
    if not isinstance(connection, kind):
        raise OutboundError(
            "connection.wrong_kind", f"The connection {name!r} is of a kind that this action cannot use."
        )
    return connection


def url_under(base_url: str, url: str) -> str:
    """The URL that a step asks for over a connection: relative to its base, or absolute and under it.

    Raises:
        OutboundError: it leaves the base, so that the credentials would go elsewhere.
    """
    base = read_url(base_url.rstrip("/"))
    parsed = parse_url(url)
    if not parsed.is_relative_url:
        asked = read_url(url)
    elif url.startswith("//"):
        raise _leaves()
    else:
        asked = read_url(base_url.rstrip("/") + ("" if not url or url[0] in "?/" else "/") + url)
    base_path = base.path.split(b"?")[0].rstrip(b"/").decode("ascii")
    path = asked.path.split(b"?")[0].decode("ascii")
    steps_up = any(part in {".", ".."} for part in unquote(unquote(path)).replace("\\", "/").split("/"))
    if asked.origin != base.origin or steps_up or not (path + "/").startswith(base_path + "/"):
        raise _leaves()
    return asked.url


def http_headers(connection: HttpConnection | None, headers: Headers) -> Headers:
    """The step's headers and those of its connection.

    Raises:
        OutboundError: the step sets one that the connection sets too.
    """
    if connection is None:
        return headers
    taken = {name.lower() for name in (*connection.headers, *connection.credentials)}
    for name, _ in headers:
        if name.lower() in taken:
            raise refused("header_refused", f"The header {name!r} is set by the connection; the step cannot set it.")
    return (*headers, *connection.headers.items())


def _leaves() -> OutboundError:
    return refused("url_refused", "The URL is not under the connection's base URL.")
