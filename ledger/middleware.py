"""What stands around every answer of the ledger: its measure."""

import time
from collections.abc import Mapping
from typing import Final

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ledger.telemetry import Metrics

_METHODS: Final = frozenset({"GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"})
_BROKEN: Final = 500


class TelemetryMiddleware:
    """Measures each answer up to its first byte; a route is its template, never a path."""

    def __init__(self, app: ASGIApp, metrics: Metrics, templates: Mapping[object, str]) -> None:
        """`templates` are those of the endpoints."""
        self._app = app
        self._metrics = metrics
        self._templates = templates

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on and count its answer."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
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

    def _observe(self, scope: Scope, status: int, seconds: float) -> None:
        method = scope["method"] if scope["method"] in _METHODS else "_OTHER"
        route = self._templates.get(scope.get("endpoint"), "")
        self._metrics.http_seconds.labels(route, method, str(status)).observe(seconds)
