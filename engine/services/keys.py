"""Idempotency keys of callers: the same key and body give the same answer, another body is refused."""

from datetime import timedelta
from uuid import UUID

from engine.clock import Clock
from engine.errors import IdempotencyMismatch, MalformedRequest
from engine.identity.actor import Actor
from engine.jsonvalue import Json
from engine.services.digests import fingerprint
from engine.store.governance import KeyScope, KnownKey

KEPT = timedelta(hours=24)
"""How long a key is known; said in the OpenAPI text."""
MAX_LENGTH = 255


def scope_of(actor: Actor, route: str, key: str) -> KeyScope:
    """Where a key is known: tenant, principal and route. The structured-field form `"key"` is the same as the bare one.

    Raises:
        MalformedRequest: not 1 to 255 visible ASCII characters.
    """
    if len(key) >= 2 and key[0] == key[-1] == '"':
        key = key[1:-1].replace('\\"', '"').replace("\\\\", "\\")
    if not 1 <= len(key) <= MAX_LENGTH or not all("!" <= character <= "~" for character in key):
        raise MalformedRequest(
            f"An idempotency key is 1 to {MAX_LENGTH} visible ASCII characters.", code="idempotency.key_invalid"
        )
    return KeyScope(actor.tenant, actor.subject, route, key)


def check_match(known: KnownKey, body: Json) -> None:
    """Whether a known key belongs to this body.

    Raises:
        IdempotencyMismatch: it was used with another one.
    """
    if known.fingerprint != fingerprint(body):
        raise IdempotencyMismatch("This idempotency key was used before with another request.")


def new_key(clock: Clock, body: Json, subject_id: UUID) -> KnownKey:
    """What is kept for a key that is used now."""
    return KnownKey(fingerprint(body), subject_id, clock.now() + KEPT)
