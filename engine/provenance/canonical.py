"""Canonical JSON (RFC 8785), the form in which manifests and statements are hashed and signed."""

from collections.abc import Mapping

from engine.definitions import hashing
from engine.jsonvalue import Json


def canonical(value: Mapping[str, Json]) -> bytes:
    """Canonical bytes of an object.

    Raises:
        ValueError: a number beyond ±2^53 or not finite, or a lone surrogate.
    """
    return hashing.canonical(dict(value))
