"""Errors as RFC 9457 problem documents."""

from http import HTTPStatus

import orjson
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from ledger.errors import Invalid, LedgerError
from ledger.jsontext import Json, JsonObject
from ledger.telemetry import Metrics

TYPE_PREFIX = "https://maestro-composer.invalid/problems/"
_RETRY_AFTER_S = 5


def problem(error: LedgerError, instance: str) -> Response:
    """Answer for an error of the ledger's family."""
    document: JsonObject = {
        "type": TYPE_PREFIX + error.code,
        "title": error.title,
        "status": error.status,
        "detail": error.message,
        "instance": instance,
        "code": error.code,
        "error": error.message,
    }
    if isinstance(error, Invalid):
        faults: list[Json] = [{"code": each.code, "path": each.path, "message": each.message} for each in error.faults]
        document["errors"] = faults
    headers = {"WWW-Authenticate": "Bearer"} if error.status == HTTPStatus.UNAUTHORIZED else {}
    if error.status == HTTPStatus.SERVICE_UNAVAILABLE:
        headers["Retry-After"] = str(_RETRY_AFTER_S)
    return Response(orjson.dumps(document), error.status, headers, media_type="application/problem+json")


async def on_ledger_error(request: Request, exc: Exception) -> Response:
    """Map the family."""
    if not isinstance(exc, LedgerError):
        raise exc
    metrics: Metrics = request.app.state.metrics
    metrics.refused.labels(exc.code).inc()
    return problem(exc, request.url.path)


async def on_http_error(request: Request, exc: Exception) -> Response:
    """Map what the framework refuses: unknown paths, methods, bodies over the limit."""
    if not isinstance(exc, HTTPException):
        raise exc
    phrase = HTTPStatus(exc.status_code).phrase
    code = "request." + phrase.lower().replace(" ", "_")
    document = {
        "type": TYPE_PREFIX + code,
        "title": phrase,
        "status": exc.status_code,
        "detail": exc.detail,
        "instance": request.url.path,
        "code": code,
        "error": exc.detail,
    }
    return Response(orjson.dumps(document), exc.status_code, exc.headers, media_type="application/problem+json")


async def on_bug(request: Request, _exc: Exception) -> Response:
    """Mask what is our own mistake; the server logs it."""
    return problem(LedgerError("An internal error; it was logged."), request.url.path)
