"""Counts and times every answer, and serves the counts at `/metrics`."""

import time

from prometheus_client import CollectorRegistry, Histogram
from prometheus_client.exposition import choose_encoder
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from engine.telemetry.tracing import exemplar

BUCKETS_S = (0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10)
METHODS = frozenset({"GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"})


class HttpMetrics:
    """Durations by route, method and status; routes are templates, never paths."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._registry = registry
        self._duration = Histogram(
            "http_server_request_duration_seconds",
            "Time from the request to the start of its answer.",
            ("http_route", "http_request_method", "http_response_status_code"),
            buckets=BUCKETS_S,
            registry=registry,
        )

    def observe(self, scope: Scope, status: int, seconds: float) -> None:
        """Count one answer."""
        method = scope["method"] if scope["method"] in METHODS else "_OTHER"
        self._duration.labels(scope.get("maestro.route", ""), method, str(status)).observe(seconds, exemplar())

    async def page(self, request: Request) -> Response:
        """The counts in Prometheus's text format; to who asks for it in OpenMetrics, which has exemplars."""
        encode, media = choose_encoder(request.headers.get("accept", ""))
        return Response(encode(self._registry), headers={"content-type": media, "vary": "accept"})


class MetricsMiddleware:
    """Measures each answer up to its first byte."""

    def __init__(self, app: ASGIApp, metrics: HttpMetrics) -> None:
        self._app = app
        self._metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on and count its answer."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        began = time.perf_counter()

        async def measured_send(message: Message) -> None:
            if message["type"] == "http.response.start":
                self._metrics.observe(scope, message["status"], time.perf_counter() - began)
            await send(message)

        await self._app(scope, receive, measured_send)
