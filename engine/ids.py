"""Identifiers made in the application: UUID version 7 (RFC 9562, section 5.7)."""

from collections.abc import Callable
from datetime import datetime
from uuid import UUID

IdFactory = Callable[[], UUID]


def uuid7(now: datetime, random_bytes: bytes) -> UUID:
    """UUIDv7 of an instant (millisecond precision) and ten random bytes."""
    milliseconds = int(now.timestamp() * 1000)
    noise = int.from_bytes(random_bytes[:10], "big")
    value = (milliseconds & ((1 << 48) - 1)) << 80
    value |= 0x7 << 76
    value |= (noise >> 68 & 0xFFF) << 64
    value |= 0b10 << 62
    value |= noise & ((1 << 62) - 1)
    return UUID(int=value)
