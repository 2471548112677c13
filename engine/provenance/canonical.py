"""Canonical JSON (RFC 8785), the form in which manifests and statements are hashed and signed."""

from collections.abc import Mapping
from datetime import UTC, datetime

from engine.definitions import hashing
from engine.jsonvalue import Json


def canonical(value: Mapping[str, Json]) -> bytes:
    """Canonical bytes of an object.

    Raises:
        ValueError: a number beyond ±2^53 or not finite, or a lone surrogate.
    """
    return hashing.canonical(dict(value))


def instant(moment: datetime) -> str:
    """RFC 3339 in UTC with milliseconds."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").removesuffix("+00:00") + "Z"
