"""Turns every error into its one answer; what nobody foresaw is logged with its traceback and masked."""

import logging

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from engine.errors import NotFound
from rest_shim.endpoint import problem_response
from rest_shim.origin import origin_of
from rest_shim.problems import MethodNotAllowed, problem_of

logger = logging.getLogger(__name__)


class FaultsMiddleware:
    """The only place where an error becomes an HTTP answer."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on and answer what it raises."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started = False

        async def watched_send(message: Message) -> None:
            nonlocal started
            started = started or message["type"] == "http.response.start"
            await send(message)

        try:
            await self._app(scope, receive, watched_send)
        except Exception as error:
            report(error, scope)
            if started:
                raise
            await problem_response(error, origin_of(scope).request_id)(scope, receive, send)


def report(error: Exception, scope: Scope) -> None:
    """Log what is answered as a fault of the server; refusals are the caller's business and are not logged."""
    if problem_of(error).status == 500:
        facts = {"action": "http.fault", "request_id": origin_of(scope).request_id, "path": scope["path"]}
        logger.error("A request ended in an unforeseen error.", exc_info=error, extra=facts)


async def router_refusal(request: Request, error: Exception) -> Response:
    """Raise the family's own error for what the router refuses by itself; say what a page takes where that is asked."""
    if isinstance(error, HTTPException) and error.status_code == 404:
        raise NotFound("path", request.url.path) from None
    if isinstance(error, HTTPException) and error.status_code == 405:
        allowed = ", ".join(sorted(["OPTIONS", *(error.headers or {}).get("Allow", "").split(", ")]))
        if request.method == "OPTIONS":
            return Response(status_code=204, headers={"allow": allowed})
        raise MethodNotAllowed(allowed) from None
    raise error
