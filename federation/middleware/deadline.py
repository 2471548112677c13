"""Bounds the time of an answer."""

import asyncio
from collections.abc import Callable

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from engine.errors import Unavailable


class DeadlineMiddleware:
    """Gives up an answer that has not begun in time; what has begun (a stream) may go on."""

    def __init__(self, app: ASGIApp, limit_s: Callable[[str], float]) -> None:
        self._app = app
        self._limit_s = limit_s

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on for the time that its path has.

        Raises:
            Unavailable: the answer has not begun in time.
        """
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        deadline = asyncio.timeout(self._limit_s(scope["path"]))
        try:
            async with deadline:

                async def starting_send(message: Message) -> None:
                    deadline.reschedule(None)
                    await send(message)

                await self._app(scope, receive, starting_send)
        except TimeoutError as error:
            if not deadline.expired():
                raise
            raise Unavailable(
                "request", "The answer took too long and was given up.", code="request.timeout"
            ) from error
