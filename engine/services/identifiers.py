"""New identifiers: UUIDv7 from the clock and the operating system's randomness."""

import secrets
from uuid import UUID

from engine.clock import Clock
from engine.ids import IdFactory, uuid7


def uuid7_factory(clock: Clock) -> IdFactory:
    """Makes identifiers that sort by the clock's time."""

    def new_id() -> UUID:
        return uuid7(clock.now(), secrets.token_bytes(10))

    return new_id
