from collections.abc import AsyncIterator

import pytest_asyncio

from tests.federation.edge import Edge, open_edge


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def edge(database_url: str) -> AsyncIterator[Edge]:
    async with open_edge(database_url) as opened:
        yield opened
