"""What stands around every answer of the ledger: its span and its measure."""

import time
from collections.abc import Mapping
from typing import Final

from opentelemetry import trace
from opentelemetry.trace import Span, SpanKind, Status, StatusCode
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator
from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ledger.telemetry import Metrics, exemplar

_METHODS: Final = frozenset({"GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"})
_BROKEN: Final = 500
_UNSEEN: Final = frozenset({"/metrics", "/livez", "/readyz"})
# Without a provider of whoever runs this process, every span is empty and costs a few microseconds.
_TRACER: Final = trace.get_tracer("maestro.ledger")
_PROPAGATOR: Final = TraceContextTextMapPropagator()


class TelemetryMiddleware:
    """Measures each answer, within a span of the caller's trace; a route is its template, never a path."""

    def __init__(self, app: ASGIApp, metrics: Metrics, templates: Mapping[object, str]) -> None:
        """`templates` are those of the endpoints."""
        self._app = app
        self._metrics = metrics
        self._templates = templates

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, trace it and count its answer."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        if scope["path"] in _UNSEEN:
            await self._measured(scope, receive, send)
            return
        context = _PROPAGATOR.extract(Headers(scope=scope))
        with _TRACER.start_as_current_span(
            scope["method"], context, SpanKind.SERVER, record_exception=False, set_status_on_exception=False
        ) as span:
            status = await self._measured(scope, receive, send)
            if span.is_recording():
                self._describe(span, scope, status)

    async def _measured(self, scope: Scope, receive: Receive, send: Send) -> int:
        began = time.perf_counter()
        status = _BROKEN

        async def watched_send(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await self._app(scope, receive, watched_send)
        finally:
            self._observe(scope, status, time.perf_counter() - began)
        return status

    def _describe(self, span: Span, scope: Scope, status: int) -> None:
        route = self._templates.get(scope.get("endpoint"), "")
        span.update_name(f"{scope['method']} {route}".strip())
        span.set_attributes(
            {
                "http.request.method": scope["method"],
                "http.route": route,
                "url.path": scope["path"],
                "url.scheme": scope["scheme"],
                "http.response.status_code": status,
            }
        )
        if status >= _BROKEN:
            span.set_attribute("error.type", str(status))
            span.set_status(Status(StatusCode.ERROR))

    def _observe(self, scope: Scope, status: int, seconds: float) -> None:
        method = scope["method"] if scope["method"] in _METHODS else "_OTHER"
        route = self._templates.get(scope.get("endpoint"), "")
        self._metrics.http_seconds.labels(route, method, str(status)).observe(seconds, exemplar())
