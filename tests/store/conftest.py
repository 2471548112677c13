from collections.abc import AsyncIterator

import pytest_asyncio

from engine.store.database import Database


@pytest_asyncio.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    opened = Database.connect(database_url, application_name="tests")
    yield opened
    await opened.close()
