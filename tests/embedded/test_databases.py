"""The fixtures that the tests of every other room stand on."""

import asyncpg


async def test_a_module_gets_a_migrated_database_of_an_ordinary_owner(database_url: str) -> None:
    connection = await asyncpg.connect(database_url)
    try:
        assert await connection.fetchval("select count(*) from pg_tables where tablename = 'executions'") == 1
        assert await connection.fetchval("select rolsuper from pg_roles where rolname = current_user") is False
    finally:
        await connection.close()


async def test_an_empty_database_is_empty(empty_database_url: str) -> None:
    connection = await asyncpg.connect(empty_database_url)
    try:
        assert await connection.fetchval("select count(*) from pg_tables where schemaname = 'public'") == 0
    finally:
        await connection.close()
