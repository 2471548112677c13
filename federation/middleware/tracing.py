"""One server span for each request, current while it is answered, and what the caller's trace goes on as."""

from dataclasses import replace
from typing import Final

from opentelemetry.trace import Span, SpanKind
from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from engine.telemetry import tracing
from federation.middleware.metrics import METHODS
from rest_shim.origin import origin_of, set_origin

UNSEEN: Final = frozenset({"/metrics", "/livez", "/readyz", "/health"})
"""Asked for every few seconds by machines: their spans would bury all others."""
_FAULT: Final = 500


class TracingMiddleware:
    """Opens the span of a request, within the caller's where it names one; without an exporter it only passes on."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer within a span."""
        if scope["type"] != "http" or not tracing.is_on() or scope["path"] in UNSEEN:
            await self._app(scope, receive, send)
            return
        parent = tracing.context_of(Headers(scope=scope).get("traceparent"))
        method = scope["method"] if scope["method"] in METHODS else "HTTP"
        with tracing.span(method, SpanKind.SERVER, _of_request(scope), parent) as span:
            origin = origin_of(scope)
            set_origin(scope, replace(origin, traceparent=tracing.carried(None) or origin.traceparent))

            async def watched_send(message: Message) -> None:
                if message["type"] == "http.response.start":
                    _answered(span, method, scope, message["status"])
                await send(message)

            await self._app(scope, receive, watched_send)


def _of_request(scope: Scope) -> tracing.Attributes:
    """What is known of a request before it is routed. Its query is left out: it may hold secrets."""
    found: dict[str, tracing.Attribute] = {
        "http.request.method": scope["method"],
        "url.scheme": scope["scheme"],
        "url.path": scope["path"],
        "network.protocol.version": scope["http_version"],
        "maestro.request.id": origin_of(scope).request_id,
    }
    if scope.get("server"):
        found["server.address"], found["server.port"] = scope["server"][0], scope["server"][1] or 0
    return found


def _answered(span: Span, method: str, scope: Scope, status: int) -> None:
    route = scope.get("maestro.route")
    if route:
        span.update_name(f"{method} {route}")
        span.set_attribute("http.route", route)
    span.set_attribute("http.response.status_code", status)
    if status >= _FAULT:
        tracing.fail(span, str(status))
