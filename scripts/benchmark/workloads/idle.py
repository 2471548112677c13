"""What the product asks of the database while there is nothing to do."""

import asyncio

from scripts.benchmark.bench import Bench
from scripts.benchmark.figures import Figure, median_figure

_COUNT = "select xact_commit + xact_rollback from pg_stat_database where datname = current_database()"


async def transactions(bench: Bench) -> list[Figure]:
    """Transactions a second of all processes, each lone query being one; those of this measurement taken off.

    Young connections plan anew and loops have yet to slow down: it waits for that first.
    """
    await asyncio.sleep(bench.size(60, 20))
    seconds = bench.size(30, 10)
    rounds = []
    for _ in range(bench.size(3, 1)):
        before = await bench.connection.fetchval(_COUNT)
        await asyncio.sleep(seconds)
        rounds.append((await bench.connection.fetchval(_COUNT) - before - 1) / seconds)
    note = "one API process, one worker, the ledger; transactions, a lone query being one"
    return [median_figure("idle_transactions_per_s", rounds, "1/s", target=5.0, note=note)]
