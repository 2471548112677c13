"""What evidence shows of payloads: everything but the values of members whose names say that they are secret."""

import re
from functools import lru_cache
from typing import Final

import orjson

from engine.jsonvalue import Json, loads
from engine.provenance.members import Shown, Withheld

MASK: Final[Json] = {"masked": True}
"""Stands where a secret stood; the digest beside the payload is still that of what was stored."""

_WORDS: Final = (
    "secret",
    "passw",
    "passphrase",
    "token",
    "authori[sz]ation",
    "(?:api|access|private)[-_ ]?key",
    "credential",
    "cookie",
    "dsn",
    "bearer",
)
_NAME: Final = re.compile("|".join(_WORDS), re.IGNORECASE)
# A text that holds none of these, in any case, and no escape that could spell one, names no secret: it is not parsed.
_HINTS: Final = (
    b"secret",
    b"passw",
    b"passphrase",
    b"token",
    b"authori",
    b"key",
    b"credential",
    b"cookie",
    b"dsn",
    b"bearer",
    b"\\u",
    b"\n",
)
_SMALL: Final = 256


class MaskSecrets:
    """Shows payloads up to a size, with the values of secret members masked."""

    def __init__(self, limit_bytes: int) -> None:
        self._limit = limit_bytes

    def __call__(self, place: str, payload: bytes) -> Shown | Withheld:  # noqa: ARG002 - the interface of disclosures
        """The payload, its secrets masked; large ones by digest."""
        if len(payload) > self._limit:
            return Withheld("large")
        is_plain = _is_plain_small(payload) if len(payload) <= _SMALL else _is_plain(payload)
        return orjson.Fragment(payload) if is_plain else masked(loads(payload))


def _is_plain(payload: bytes) -> bool:
    lower = payload.lower()
    return not any(hint in lower for hint in _HINTS)


_is_plain_small = lru_cache(1_000)(_is_plain)
"""Most payloads of a busy installation are the same few."""


def masked(value: Json) -> Json:
    """A copy in which secret members have the mask as value, at any depth."""
    if isinstance(value, dict):
        return {name: MASK if _NAME.search(name) and part is not None else masked(part) for name, part in value.items()}
    if isinstance(value, list):
        return [masked(part) for part in value]
    return value


def is_masked(value: Json) -> bool:
    """Whether something in a shown payload was masked."""
    if isinstance(value, dict):
        return value == MASK or any(is_masked(part) for part in value.values())
    return isinstance(value, list) and any(is_masked(part) for part in value)
