"""What a caller watches ends with the caller's token."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from typing import TypeVar

from engine.errors import Unauthenticated

Item = TypeVar("Item")


async def until(items: AsyncIterator[Item], ends_at: float | None) -> AsyncGenerator[Item, None]:
    """The items, for as long as the right to see them lasts.

    Args:
        items: what is watched.
        ends_at: on the event loop's clock; None: never.

    Raises:
        Unauthenticated: the token has expired (`token.expired`).
    """
    loop = asyncio.get_running_loop()
    while True:
        try:
            item = await asyncio.wait_for(anext(items), None if ends_at is None else ends_at - loop.time())
        except StopAsyncIteration:
            return
        except TimeoutError as error:
            raise Unauthenticated("The token has expired.", code="token.expired") from error
        yield item
