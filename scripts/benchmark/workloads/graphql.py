"""Plain GraphQL queries, beside the same server's plainest answer."""

import time
from collections.abc import Awaitable, Callable

from scripts.benchmark.bench import Bench
from scripts.benchmark.client import closed_loop
from scripts.benchmark.definitions import chain
from scripts.benchmark.figures import HIGHER, Figure, median_figure

CALLERS = 16
_QUERY = "query($id: ID!) { workflow(id: $id) { id name status version revision } }"


async def queries(bench: Bench) -> list[Figure]:
    """One workflow by id, read from PostgreSQL; the limit is `/livez`, which touches nothing."""
    workflow = await bench.client.publish(chain(1, "graphql"))
    body = {"query": _QUERY, "variables": {"id": workflow}}

    async def query() -> None:
        await bench.client.must("POST", "/graphql", body)

    async def plain() -> None:
        await bench.client.must("GET", "/livez")

    count = bench.size(3_000, 600)
    await closed_loop(200, CALLERS, query)
    rounds = [await _rate(count, query) for _ in range(bench.size(3, 2))]
    limit = round(await _rate(count, plain), 1)
    note = f"{count} queries a round, {CALLERS} callers, one API process"
    return [median_figure("graphql_queries_per_s", rounds, "1/s", better=HIGHER, limit=limit, note=note)]


async def _rate(count: int, call: Callable[[], Awaitable[None]]) -> float:
    started = time.perf_counter()
    await closed_loop(count, CALLERS, call)
    return count / (time.perf_counter() - started)
