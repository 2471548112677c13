from collections.abc import AsyncIterator

import pytest

from engine.queue.link import Link, connect


@pytest.fixture
async def link(redis_url: str) -> AsyncIterator[Link]:
    found = await connect(redis_url)
    await found.commands.flushall()
    yield found
    await found.close()
