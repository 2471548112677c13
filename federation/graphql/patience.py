"""Streams wait for slow clients, but not for ever.

What is watched is read from PostgreSQL only as fast as the client takes it: nothing piles up here. A client that takes
nothing at all for a while is let go; it comes back with the last event id that it saw, and misses nothing.
"""

import asyncio

from starlette.types import Message, Send


class ClientTooSlowError(ConnectionError):
    """The client has taken nothing for as long as it may; the connection is closed."""


class Patience:
    """A `send` with a limit on how long it may wait for the client.

    Attributes:
        lost: set when the client was given up.
    """

    def __init__(self, send: Send, limit_s: float) -> None:
        self._send = send
        self._limit_s = limit_s
        self.lost = asyncio.Event()

    async def send(self, message: Message) -> None:
        """Send one message.

        Raises:
            ClientTooSlowError: nothing was taken in time.
        """
        try:
            async with asyncio.timeout(self._limit_s):
                await self._send(message)
        except TimeoutError as error:
            self.lost.set()
            raise ClientTooSlowError from error
