from collections.abc import AsyncIterator

import pytest_asyncio

from engine.actions.tools import ActionTools
from tests.actions.connected import tools_allowing


@pytest_asyncio.fixture
async def tools() -> AsyncIterator[ActionTools]:
    """Tools that may call this machine."""
    made = tools_allowing("127.0.0.1")
    yield made
    await made.close()
