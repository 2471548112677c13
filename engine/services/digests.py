"""Digests of JSON values that stay inside the product: audit hashes and fingerprints of requests.

What leaves it (content hashes, manifests) is hashed over RFC 8785 text instead.
"""

import hashlib
from collections.abc import Mapping

import orjson

from engine.jsonvalue import Json


def fingerprint(value: Json | Mapping[str, Json]) -> bytes:
    """SHA-256 of a value, whatever the order of its members."""
    return hashlib.sha256(orjson.dumps(value, option=orjson.OPT_SORT_KEYS)).digest()


def state_hash(value: Json | Mapping[str, Json]) -> str:
    """The same as text, for audit rows."""
    return f"sha256:{fingerprint(value).hex()}"
