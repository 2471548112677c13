"""How far a worker believes in its own lease."""

import asyncio

from engine.clock import Clock


class Lease:
    """The worker's right to advance what it holds, by its own monotonic clock.

    It trusts the right for less time than the database does, counted from before the heartbeat was sent: when it stops
    believing, nobody else can have been given the right yet.
    """

    def __init__(self, clock: Clock, trusted_s: float) -> None:
        self._clock = clock
        self._trusted_s = trusted_s
        self._until = float("-inf")
        self._renewed = asyncio.Event()

    def renew(self, asked_at: float) -> None:
        """A heartbeat that was sent at `asked_at` (monotonic) has been confirmed."""
        self._until = asked_at + self._trusted_s
        self._renewed.set()

    def is_trusted(self) -> bool:
        """Whether an effect may start, or a commit be sent, at this moment."""
        if self._clock.monotonic() < self._until:
            return True
        self._renewed.clear()
        return False

    async def wait_trusted(self) -> None:
        """Return as soon as the lease may be trusted again; at once where it may."""
        while not self.is_trusted():
            await self._renewed.wait()
