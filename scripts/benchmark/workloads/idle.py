"""What the product asks of the database while there is nothing to do."""

import asyncio
import re
from pathlib import Path

from scripts.benchmark.bench import Bench
from scripts.benchmark.figures import Figure, median_figure

_QUERY = re.compile(rb"LOG:  (statement: |execute )")


async def queries(bench: Bench) -> list[Figure]:
    """Queries a second of all processes, `begin` and `commit` counted as well, by the server's own log.

    Young connections plan anew and loops have yet to slow down: it waits for that first.
    """
    await asyncio.sleep(bench.size(66, 36))
    seconds = bench.size(30, 10)
    await _log(bench, "'all'")
    rounds = []
    for _ in range(bench.size(3, 1)):
        before = _logged(bench.stack.postgres_log)
        await asyncio.sleep(seconds)
        rounds.append((_logged(bench.stack.postgres_log) - before) / seconds)
    await _log(bench, "default")
    note = "one API process, one worker, the ledger; every statement, also those that begin and end transactions"
    return [median_figure("idle_queries_per_s", rounds, "1/s", target=5.0, note=note)]


async def _log(bench: Bench, which: str) -> None:
    await bench.connection.execute(f"alter system set log_statement = {which}")
    await bench.connection.execute("select pg_reload_conf()")
    await asyncio.sleep(0.2)  # until the sessions have heard


def _logged(log: Path) -> int:
    return len(_QUERY.findall(log.read_bytes()))
