"""Signatures of webhooks: Standard Webhooks 1.0 and GitHub's, checked against the raw body.

Formats: github.com/standard-webhooks/standard-webhooks (spec/standard-webhooks.md);
docs.github.com/webhooks, "Validating webhook deliveries". Every secret is tried and every signature compared, so that
the work does not tell which of them fits.
"""

import base64
import binascii
import hashlib
import hmac
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from engine.errors import Unauthenticated

TOLERANCE_S = 300
MAX_SIGNATURES = 16
SECRET_PREFIX = "whsec_"  # noqa: S105 - the public prefix of every secret
SECRET_BYTES = 32

_ID = re.compile(r"[\x21-\x2d\x2f-\x7e]{1,256}\Z")
_TIMESTAMP = re.compile(r"[0-9]{1,12}\Z", re.ASCII)
_GITHUB = re.compile(r"sha256=([0-9a-f]{64})\Z", re.ASCII)
_GITHUB_ID = re.compile(r"[\x21-\x7e]{1,256}\Z")
_DUMMY = b"\0" * SECRET_BYTES


class BadSignature(Unauthenticated):
    """The delivery is not what somebody with a secret of this webhook sent just now. Says nothing about what exists."""

    code = "webhook.signature_invalid"


class StaleTimestamp(Unauthenticated):
    """Rightly signed, but too long ago or in the future."""

    code = "webhook.timestamp_out_of_tolerance"


@dataclass(frozen=True, slots=True)
class Signed:
    """A delivery whose signature holds.

    Attributes:
        timestamp: seconds since 1970 as the sender signed them; None where the scheme signs none.
    """

    message_id: str
    timestamp: int | None


def secret_from_bytes(random_bytes: bytes) -> str:
    """The text form of a new secret."""
    return SECRET_PREFIX + base64.b64encode(random_bytes).decode()


def key_of(secret: str) -> bytes:
    """The HMAC key in a `whsec_` secret: base64 of 24 to 64 bytes.

    Raises:
        ValueError: it is not of that form.
    """
    if not secret.startswith(SECRET_PREFIX):
        raise ValueError("A secret starts with whsec_.")
    try:
        key = base64.b64decode(secret.removeprefix(SECRET_PREFIX), validate=True)
    except binascii.Error as error:
        raise ValueError("After whsec_ a secret is base64.") from error
    if not 24 <= len(key) <= 64:
        raise ValueError("A secret holds 24 to 64 bytes.")
    return key


def sign(secret: str, message_id: str, timestamp: int, body: bytes) -> str:
    """One `v1,…` item of the `webhook-signature` header."""
    return "v1," + base64.b64encode(_standard_mac(key_of(secret), message_id, str(timestamp), body)).decode()


def verify_standard(headers: Mapping[str, str], body: bytes, secrets: Sequence[str], now_s: int) -> Signed:
    """Check a delivery by Standard Webhooks. `headers` has lower-case names; `secrets` are all that count now.

    Raises:
        BadSignature: a header is missing or malformed, or no secret fits. With no secret at all the same work is done.
        StaleTimestamp: the signature holds, the time is more than 300 s off.
    """
    message_id = headers.get("webhook-id", "")
    timestamp = headers.get("webhook-timestamp", "")
    well_formed = bool(_ID.match(message_id)) and bool(_TIMESTAMP.match(timestamp))
    offered = _standard_signatures(headers.get("webhook-signature", ""))
    fits = False
    for secret in secrets or ("",):
        key = _key_or_none(secret)
        expected = _standard_mac(key or _DUMMY, message_id, timestamp, body)
        for signature in offered or (_DUMMY,):
            # A secret of another form (GitHub's) costs the same work and fits nothing: the dummy key is no secret.
            fits |= hmac.compare_digest(expected, signature) & (key is not None)
    if not (fits and well_formed and secrets and offered):
        raise BadSignature("The webhook's signature does not hold.")
    if abs(now_s - int(timestamp)) > TOLERANCE_S:
        raise StaleTimestamp(f"The webhook's timestamp is more than {TOLERANCE_S} seconds off.")
    return Signed(message_id, int(timestamp))


def verify_github(headers: Mapping[str, str], body: bytes, secrets: Sequence[str]) -> Signed:
    """Check a delivery by GitHub's scheme; the HMAC key is the secret's text, byte for byte.

    Raises:
        BadSignature: a header is missing or malformed, or no secret fits.
    """
    message_id = headers.get("x-github-delivery", "")
    offered = _GITHUB.match(headers.get("x-hub-signature-256", ""))
    signature = bytes.fromhex(offered.group(1)) if offered else _DUMMY
    fits = False
    for secret in secrets or ("",):
        expected = hmac.new(secret.encode(), body, hashlib.sha256).digest()
        fits |= hmac.compare_digest(expected, signature)
    if not (fits and offered and secrets and _GITHUB_ID.match(message_id)):
        raise BadSignature("The webhook's signature does not hold.")
    return Signed(message_id, None)


def _standard_mac(key: bytes, message_id: str, timestamp: str, body: bytes) -> bytes:
    signed = f"{message_id}.{timestamp}.".encode(errors="surrogateescape") + body
    return hmac.new(key, signed, hashlib.sha256).digest()


def _key_or_none(secret: str) -> bytes | None:
    try:
        return key_of(secret)
    except ValueError:
        return None


def _standard_signatures(header: str) -> list[bytes]:
    """The decoded `v1` items; other versions and malformed items do not count, nor does a header with too many."""
    items = header.split(" ")
    if len(items) > MAX_SIGNATURES:
        return []
    decoded = []
    for item in items:
        version, _, text = item.partition(",")
        if version != "v1":
            continue
        try:
            signature = base64.b64decode(text, validate=True)
        except (binascii.Error, ValueError):
            continue
        if len(signature) == hashlib.sha256().digest_size:
            decoded.append(signature)
    return decoded
