"""Digests of JSON values that stay inside the product: audit hashes and fingerprints of requests.

What leaves it (content hashes, manifests) is hashed over RFC 8785 text instead.
"""

import hashlib
import json
from collections.abc import Mapping

import orjson

from engine.jsonvalue import Json


def fingerprint(value: Json | Mapping[str, Json]) -> bytes:
    """SHA-256 of a value, whatever the order of its members."""
    try:
        text = orjson.dumps(value, option=orjson.OPT_SORT_KEYS)
    except TypeError:
        # Numbers beyond 64 bits and lone surrogates: refused elsewhere, in words; a digest takes whatever came.
        text = json.dumps(value, sort_keys=True).encode()
    return hashlib.sha256(text).digest()


def state_hash(value: Json | Mapping[str, Json]) -> str:
    """The same as text, for audit rows."""
    return f"sha256:{fingerprint(value).hex()}"
