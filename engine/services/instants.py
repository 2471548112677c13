"""Instants as they are written: RFC 3339, UTC, milliseconds."""

from datetime import UTC, datetime


def rfc3339(instant: datetime) -> str:
    """`2026-11-23T01:44:49.120Z`."""
    return instant.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
