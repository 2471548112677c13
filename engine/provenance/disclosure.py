"""What evidence shows of payloads: everything but the values of members whose names say that they are secret."""

import re
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
# A text that holds none of the words, and no escape that could spell one, names no secret: it is not even parsed.
_SUSPECT: Final = re.compile("|".join((*_WORDS, r"\\u")).encode(), re.IGNORECASE)


class MaskSecrets:
    """Shows payloads up to a size, with the values of secret members masked."""

    def __init__(self, limit_bytes: int) -> None:
        self._limit = limit_bytes

    def __call__(self, place: str, payload: bytes) -> Shown | Withheld:  # noqa: ARG002 - the interface of disclosures
        """The payload, its secrets masked; large ones by digest."""
        if len(payload) > self._limit:
            return Withheld("large")
        if _SUSPECT.search(payload) or b"\n" in payload:
            return masked(loads(payload))
        return orjson.Fragment(payload)


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
