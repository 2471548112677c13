from collections.abc import AsyncIterator

import asyncpg
import pytest_asyncio

from engine.store.database import LOOP_ROLE, Database
from engine.store.hot import HotConnection


@pytest_asyncio.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    opened = Database.connect(database_url, application_name="tests")
    yield opened
    await opened.close()


@pytest_asyncio.fixture
async def looping(database: Database) -> AsyncIterator[HotConnection]:
    """A connection such as loops have."""
    connection = HotConnection(database, LOOP_ROLE)
    yield connection
    await connection.close()


@pytest_asyncio.fixture
async def superuser(database_url: str, postgres_url: str) -> AsyncIterator[asyncpg.Connection]:
    """Somebody whom no row security stops: the tamperer."""
    name = database_url.rsplit("/", 1)[1].partition("?")[0]
    connection = await asyncpg.connect(postgres_url.rsplit("/", 1)[0] + "/" + name)
    yield connection
    await connection.close()
