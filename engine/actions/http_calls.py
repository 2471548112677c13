"""What the actions that speak HTTP share: the request's own headers, and URLs that stay under their connection."""

from urllib.parse import unquote

from engine.actions.connections.values import HttpConnection
from engine.actions.interface import ActionContext
from engine.actions.outbound.errors import OutboundError, refused
from engine.actions.outbound.requests import Headers
from engine.actions.outbound.urls import parse_url, read_url


def call_headers(context: ActionContext) -> Headers:
    """Headers that every attempt of a step sends: by them a receiver knows a repeat, and a trace goes on."""
    headers = [("Idempotency-Key", context.idempotency_key)]
    if context.traceparent is not None:
        headers.append(("traceparent", context.traceparent))
    return tuple(headers)


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
