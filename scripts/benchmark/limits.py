"""What the machine itself can do, measured in the same run as the product."""

import asyncio
import time

import asyncpg
from redis.asyncio import Redis

from engine.jsonvalue import JsonObject
from scripts.benchmark.stack import Stack

_SECONDS = 1.5
_BATCH = 50
_CONNECTIONS = 8


async def machine_limits(stack: Stack) -> JsonObject:
    """Commits of one row per second, rows per second in batches of fifty, Redis round trips per second."""
    connection = await stack.connect()
    try:
        await connection.execute("create table if not exists bench_limit (id bigserial primary key, body text)")
        single = await _rate(stack, "insert into bench_limit (body) values ($1)", "x" * 100, 1)
        batch = "insert into bench_limit (body) select $1 from generate_series(1, 50)"
        batched = await _rate(stack, batch, "x" * 100, _BATCH)
        await connection.execute("drop table bench_limit")
    finally:
        await connection.close()
    return {
        "single_row_commits_per_s": round(single),
        "batched_rows_per_s": round(batched),
        "redis_round_trips_per_s": round(await _redis_rate(stack.redis_url)),
    }


async def _rate(stack: Stack, statement: str, body: str, rows: int) -> float:
    connections = [await stack.connect() for _ in range(_CONNECTIONS)]
    started = time.perf_counter()

    async def insert(connection: asyncpg.Connection) -> int:
        done = 0
        while time.perf_counter() - started < _SECONDS:
            await connection.execute(statement, body)
            done += rows
        return done

    counts = await asyncio.gather(*(insert(connection) for connection in connections))
    elapsed = time.perf_counter() - started
    for connection in connections:
        await connection.close()
    return sum(counts) / elapsed


async def _redis_rate(url: str) -> float:
    client = Redis.from_url(url)
    started, done = time.perf_counter(), 0
    while time.perf_counter() - started < _SECONDS:
        await client.ping()
        done += 1
    elapsed = time.perf_counter() - started
    await client.aclose()
    return done / elapsed
