"""Arrays reach the database whole, and the driver asks no abstract class what they are."""

from collections import deque
from collections.abc import AsyncIterator

import asyncpg
import pytest

from engine.store.database import LOOP_ROLE, Database

NESTED = [[1, None], [3, 4]]


@pytest.fixture
async def connection(database: Database) -> AsyncIterator[asyncpg.Connection]:
    opened = await database.raw(LOOP_ROLE)
    yield opened
    await opened.close()


async def test_arrays_of_all_types_arrive_whole(connection: asyncpg.Connection) -> None:
    assert await connection.fetchval("select $1::int[]", [1, None, 3]) == [1, None, 3]
    assert await connection.fetchval("select $1::text[]", ("a", '{"b', None, "")) == ["a", '{"b', None, ""]
    assert await connection.fetchval("select $1::json[]", ['{"a": [1]}']) == ['{"a": [1]}']
    assert await connection.fetchval("select $1::int[]", NESTED) == NESTED
    assert await connection.fetchval("select $1::int[]", []) == []
    assert sorted(await connection.fetchval("select $1::text[]", {"a", "b"})) == ["a", "b"]


async def test_only_plain_arrays_are_taken(connection: asyncpg.Connection) -> None:
    for other in (deque([1]), {1: 2}, "12", 1):
        with pytest.raises(asyncpg.DataError, match="sized iterable container"):
            await connection.fetchval("select $1::int[]", other)
