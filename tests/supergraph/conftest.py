from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from tests.federation.edge import Edge, open_edge
from tests.supergraph.node import needs_node


@pytest.fixture(scope="session", autouse=True)
def _node(request: pytest.FixtureRequest) -> None:
    if request.node.name != "unused":
        needs_node()


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def edge(database_url: str) -> AsyncIterator[Edge]:
    async with open_edge(database_url) as opened:
        yield opened
