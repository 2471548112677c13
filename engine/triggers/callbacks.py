"""Callbacks out: which secrets sign, when to try again, and what a receiver's answer means (Standard Webhooks)."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from enum import StrEnum
from typing import Final

from engine.jsonvalue import Json, JsonObject, dumps, loads
from engine.triggers.signatures import sign

TIMEOUT_S: Final = 15.0
LADDER_S: Final = (5, 300, 1_800, 7_200, 18_000, 36_000, 50_400, 72_000, 86_400)
"""Waits after one failed attempt and before the next: ten attempts in about three days."""
JITTER: Final = 0.2
LONGEST_RETRY_AFTER_S: Final = 86_400
GONE: Final = 410

EVENTS: Final = (
    "execution.started",
    "execution.completed",
    "execution.failed",
    "execution.cancelled",
    "human_task.created",
    "human_task.sla_warning",
    "human_task.sla_breached",
    "human_task.escalated",
    "human_task.completed",
    "human_task.failed",
    "human_task.cancelled",
    "human_task.skipped",
    "human_task.obsolete",
)
WILDCARDS: Final = ("*", "execution.*", "human_task.*")


class Verdict(StrEnum):
    """delivered: it arrived. later: it may yet. given_up: no attempt is left. gone: the receiver wants no more."""

    DELIVERED = "delivered"
    LATER = "later"
    GIVEN_UP = "given_up"
    GONE = "gone"


@dataclass(frozen=True, slots=True)
class CallbackSecret:
    """A secret of a callback; `until` None: it is the active one."""

    secret: str
    until: datetime | None = None


def pack(secrets: Sequence[CallbackSecret]) -> bytes:
    """Secrets as they are sealed, newest first."""
    items: list[Json] = [
        {"secret": one.secret, "until": None if one.until is None else one.until.isoformat()} for one in secrets
    ]
    return dumps(items).encode()


def unpack(text: bytes) -> tuple[CallbackSecret, ...]:
    """Secrets as they were sealed."""
    items = loads(text)
    found = []
    for item in items if isinstance(items, list) else ():
        if isinstance(item, dict):
            until = item.get("until")
            instant = datetime.fromisoformat(until) if isinstance(until, str) else None
            found.append(CallbackSecret(str(item["secret"]), instant))
    return tuple(found)


def live(secrets: Sequence[CallbackSecret], now: datetime) -> tuple[CallbackSecret, ...]:
    """Those that sign at `now`: the active one and those whose overlap lasts, newest first."""
    return tuple(one for one in secrets if one.until is None or one.until > now)


def signed_headers(secrets: Sequence[CallbackSecret], message_id: str, body: bytes, now: datetime) -> dict[str, str]:
    """Headers of one attempt: the same id each time, the time of this one, a signature by every secret that counts."""
    timestamp = int(now.timestamp())
    signatures = [sign(one.secret, message_id, timestamp, body) for one in live(secrets, now)]
    return {
        "webhook-id": message_id,
        "webhook-timestamp": str(timestamp),
        "webhook-signature": " ".join(signatures),
        "content-type": "application/json",
    }


def message_of(event_type: str, at: str, facts: JsonObject) -> str:
    """Body of an event: type, timestamp and data, as Standard Webhooks recommends."""
    data: JsonObject = {name: value for name, value in facts.items() if name not in {"type", "at"}}
    return dumps({"type": event_type, "timestamp": at, "data": data})


def judge(status: int | None, attempts: int) -> Verdict:
    """What an attempt came to, after `attempts` failed ones; `status` None: there was no answer."""
    if status is not None and 200 <= status < 300:
        return Verdict.DELIVERED
    if status == GONE:
        return Verdict.GONE
    return Verdict.LATER if attempts < len(LADDER_S) else Verdict.GIVEN_UP


def wait_s(attempts: int, retry_after_s: float | None, draw: Callable[[], float]) -> float:
    """How long to wait after the failed attempt that followed `attempts` others, the receiver's wish honoured."""
    waited = LADDER_S[min(attempts, len(LADDER_S) - 1)] * (1 - JITTER + 2 * JITTER * draw())
    return max(waited, min(retry_after_s or 0.0, LONGEST_RETRY_AFTER_S))


def retry_after_s(value: str | None, now: datetime) -> float | None:
    """Seconds of a `Retry-After` header, given as a number or a date; None where it says nothing that can be read."""
    if value is None:
        return None
    if value.isascii() and value.isdigit() and len(value) < 10:
        return float(value)
    try:
        instant = parsedate_to_datetime(value)
    except (ValueError, TypeError):
        return None
    instant = instant if instant.tzinfo is not None else instant.replace(tzinfo=UTC)
    return max(0.0, (instant - now).total_seconds())
