"""Content hashes: SHA-256 over canonical JSON (RFC 8785)."""

import hashlib
from typing import Final

import orjson
import rfc8785

from engine.jsonvalue import Json, JsonObject

SERVER_MEMBERS: Final = frozenset(
    {"id", "status", "revision", "createdBy", "createdAt", "updatedAt", "publishedVersion"}
)
"""Members of a workflow that only the server sets."""

UNHASHED_MEMBERS: Final = SERVER_MEMBERS | {"version", "isActive"}
"""Members of a workflow that are no part of what is published and hashed."""


def content_of(document: JsonObject) -> JsonObject:
    """What is published of a document: all but its server-set members, `version` and `isActive`."""
    return {name: value for name, value in document.items() if name not in UNHASHED_MEMBERS}


def content_hash(document: JsonObject) -> str:
    """`sha256:` and hex digest of the canonical content of a document.

    Two documents have the same hash exactly when they publish the same; the order of members does not count.
    """
    return hash_of(content_of(document))


def hash_of(value: Json) -> str:
    """`sha256:` and hex digest of the canonical JSON of any value."""
    return f"sha256:{hashlib.sha256(canonical(value)).hexdigest()}"


def canonical(value: Json) -> bytes:
    """Canonical JSON (RFC 8785).

    Raises:
        ValueError: a number beyond ±(2^53 - 1), NaN, an infinity or a lone surrogate.
    """
    if _is_plain(value):
        # Sorted by UTF-8 instead of UTF-16, which is the same without characters beyond the basic plane.
        return orjson.dumps(value, option=orjson.OPT_SORT_KEYS)
    return rfc8785.dumps(value)


def _is_plain(value: Json) -> bool:
    """True when the fast serialiser writes the value canonically: ASCII text, and no fractions (there `1.0` is `1`)."""
    if isinstance(value, str):
        return value.isascii()
    if isinstance(value, dict):
        return all(name.isascii() and _is_plain(member) for name, member in value.items())
    if isinstance(value, list):
        return all(map(_is_plain, value))
    if isinstance(value, bool) or value is None:
        return True
    return isinstance(value, int) and -(2**53) < value < 2**53
