"""Identifiers of child executions, derived so that starting the same child twice is starting it once."""

from datetime import datetime
from hashlib import sha256
from uuid import UUID

from engine.runtime.states import StepKey


def child_id(execution_id: UUID, key: StepKey, generation: int, attempt: int, started_at: datetime) -> UUID:
    """UUIDv7 with the millisecond in which the step started and bits of a hash where others have random ones.

    The time prefix puts the child into the partition of its own start; the hash tells apart whatever starts within
    one millisecond. The same five facts always give the same id.
    """
    facts = f"{key.path}\n{key.iteration}\n{generation}\n{attempt}".encode()
    noise = int.from_bytes(sha256(execution_id.bytes + facts).digest()[:10], "big")
    value = (int(started_at.timestamp() * 1000) & ((1 << 48) - 1)) << 80
    value |= 0x7 << 76
    value |= (noise >> 68 & 0xFFF) << 64
    value |= 0b10 << 62
    value |= noise & ((1 << 62) - 1)
    return UUID(int=value)
