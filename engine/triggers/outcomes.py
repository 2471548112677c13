"""What becomes of a delivery to a webhook whose signature holds, and what is kept of it."""

import hashlib
from collections.abc import Mapping
from enum import StrEnum

from engine.definitions.reading import read_payload
from engine.errors import MalformedRequest, ValidationFailed
from engine.jsonvalue import Json, JsonObject, dumps

MASK = "***"
_KEPT_HEADERS = frozenset(
    {
        "content-type",
        "user-agent",
        "webhook-id",
        "webhook-timestamp",
        "x-github-delivery",
        "x-github-event",
        "x-github-hook-id",
        "x-request-id",
        "traceparent",
    }
)
_SECRET_WORDS = (
    "password",
    "passwd",
    "secret",
    "token",
    "authorization",
    "apikey",
    "credential",
    "privatekey",
    "cookie",
)
_MAX_KEPT_CHARS = 65_536


class Outcome(StrEnum):
    """How a delivery ended.

    accepted: it started an execution. duplicate: its message had started one already. conflict: so had its id, with
    another body. malformed: the body is no JSON document. invalid: it breaks the workflow's `inputSchema`. ignored: the
    trigger's condition does not hold. refused: the workflow takes no starts. denied: policy said no. limited: too many.
    """

    ACCEPTED = "accepted"
    DUPLICATE = "duplicate"
    CONFLICT = "conflict"
    MALFORMED = "malformed"
    INVALID = "invalid"
    IGNORED = "ignored"
    REFUSED = "refused"
    DENIED = "denied"
    LIMITED = "limited"


def trigger_data_of(payload: Json, body: bytes) -> Json:
    """Trigger data of a delivery: the members of an object stand over those of the trigger's `payload`.

    A body that is no object is the trigger data as it is; an empty one is an empty object.

    Raises:
        MalformedRequest: the body is not JSON, or JSON that no document may be (duplicate members, too deep).
    """
    try:
        document = read_payload(body) if body.strip() else {}
    except ValidationFailed as error:
        raise MalformedRequest(error.message) from error
    if isinstance(document, dict) and isinstance(payload, dict):
        return {**payload, **document}
    return document


def digest(body: bytes) -> str:
    """Hex SHA-256 of a raw body."""
    return hashlib.sha256(body).hexdigest()


def masked_headers(headers: Mapping[str, str]) -> JsonObject:
    """Headers worth keeping in clear; of the others only the names."""
    return {name: value if name in _KEPT_HEADERS else MASK for name, value in sorted(headers.items())}


def masked_body(body: bytes) -> str:
    """A body without what looks like a secret; cut where it is long, and only its size where it is no text."""
    try:
        text = body.decode()
        document = read_payload(body)
    except (UnicodeDecodeError, MalformedRequest, ValidationFailed):
        return f"({len(body)} bytes that are no JSON document)" if body else ""
    hidden = _masked(document)
    kept = text if hidden == document else dumps(hidden)
    return kept if len(kept) <= _MAX_KEPT_CHARS else kept[:_MAX_KEPT_CHARS] + "…"


def _masked(value: Json) -> Json:
    if isinstance(value, list):
        return [_masked(item) for item in value]
    if isinstance(value, dict):
        return {name: MASK if _is_secret(name) else _masked(item) for name, item in value.items()}
    return value


def _is_secret(name: str) -> bool:
    plain = name.lower().replace("_", "").replace("-", "")
    return any(word in plain for word in _SECRET_WORDS)
