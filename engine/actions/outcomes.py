"""From what happened outside to what a step is told."""

from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

from engine.actions.interface import ActionContext, Failed
from engine.actions.outbound.errors import OutboundError
from engine.actions.outbound.requests import HttpResponse
from engine.definitions.model import Delivery
from engine.errors import MaestroError
from engine.jsonvalue import JsonObject

RETRYABLE_STATUSES = frozenset({408, 425, 429})
_LONGEST_WAIT = timedelta(hours=24)
_EXCERPT_CHARS = 1000


def failed_call(error: OutboundError, context: ActionContext) -> Failed:
    """The failure of a step whose call did not come to its end."""
    return Failed(
        code=error.code,
        message=error.message,
        retryable=error.retryable and may_repeat(context, sent=error.sent),
        retry_after_ms=error.retry_after_ms,
        details={"sent": error.sent},
    )


def failed_lookup(error: MaestroError) -> Failed:
    """The failure of a step whose connection could not be had."""
    return Failed(code=error.code, message=error.message, retryable=error.retryable, details={"sent": False})


def failed_status(response: HttpResponse, context: ActionContext, now: datetime) -> Failed:
    """The failure of a step whose call was answered by an unwanted status."""
    status = response.status
    details: JsonObject = {"status": status, "sent": True, "body": excerpt(response.body)}
    return Failed(
        code=f"http.{status}",
        message=f"The server answered with status {status}.",
        retryable=is_retryable(status) and may_repeat(context, sent=True),
        retry_after_ms=retry_after_ms(response, now),
        details=details,
    )


def may_repeat(context: ActionContext, *, sent: bool) -> bool:
    """False for a step that is delivered at most once, as soon as anything of it may have reached the far side."""
    return not (sent and context.delivery is Delivery.AT_MOST_ONCE)


def is_retryable(status: int) -> bool:
    """True for statuses that say: not now."""
    return status in RETRYABLE_STATUSES or status >= 500


def retry_after_ms(response: HttpResponse, now: datetime) -> int | None:
    """The wait that the server asks for (RFC 9110, section 10.2.3), at most a day; None when it asks for none."""
    value = (response.header("retry-after") or "").strip()
    if not value:
        return None
    if value.isascii() and value.isdecimal():
        wait = timedelta(seconds=min(int(value[:10]), 10**6))
    else:
        try:
            instant = parsedate_to_datetime(value)
        except (ValueError, IndexError, TypeError):
            return None
        wait = (instant if instant.tzinfo else instant.replace(tzinfo=UTC)) - now
    return int(min(max(wait, timedelta()), _LONGEST_WAIT).total_seconds() * 1000)


def excerpt(body: bytes) -> str:
    """The beginning of a body, for people who look for the reason."""
    return body[: _EXCERPT_CHARS * 4].decode("utf-8", "replace")[:_EXCERPT_CHARS]
