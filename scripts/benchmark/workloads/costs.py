"""What a step costs: CPU of each process, rows and WAL bytes in PostgreSQL, and transactions, which are round trips."""

import asyncio
from dataclasses import dataclass

import psutil

from scripts.benchmark.bench import Bench
from scripts.benchmark.client import closed_loop
from scripts.benchmark.definitions import chain
from scripts.benchmark.figures import Figure
from scripts.benchmark.workloads.workers import peak_mib

STEPS = 10
CALLERS = 32
_ROWS = (
    "select sum(n_tup_ins + n_tup_upd + n_tup_del) from pg_stat_user_tables where schemaname in ('public', 'ledger')"
)
_WAL_BYTES = "select pg_wal_lsn_diff(pg_current_wal_insert_lsn(), '0/0')"
_TRANSACTIONS = "select xact_commit from pg_stat_database where datname = current_database()"


_TOLD_S = 11.0
"""A server process that does nothing tells what it has counted after ten seconds."""


@dataclass(frozen=True, slots=True)
class _Spent:
    """CPU of each process, without that of the connection that asks, and WAL."""

    cpu: dict[str, float]
    wal_bytes: int


@dataclass(frozen=True, slots=True)
class _Counted:
    rows: int
    transactions: int


async def at_a_time(count: int, bench: Bench) -> list[Figure]:
    """So many executions of ten steps at a time, in a steady state."""
    workflow = await bench.client.publish(chain(STEPS, "cost"))
    total = bench.size(max(60, 20 * count), max(20, 5 * count))
    ended = 0

    async def one_wave() -> None:
        nonlocal ended
        await closed_loop(count, count, lambda: _submit(bench, workflow))
        ended += count
        await bench.until_finished(workflow, ended)

    for _ in range(max(1, 20 // count)):
        await one_wave()
    before = await _counted(bench), await _spent(bench)
    begun = ended
    while ended < begun + total:
        await one_wave()
    return await _figures(bench, before, total, f"{total} executions of {STEPS} steps, {count} at a time")


async def all_at_once(count: int, bench: Bench) -> list[Figure]:
    """All of them wait when the worker starts; acceptance is not counted."""
    workflow = await bench.client.publish(chain(STEPS, "cost"))
    total = bench.size(count, count // 5)
    await closed_loop(total, CALLERS, lambda: _submit(bench, workflow))
    before = await _counted(bench), await _spent(bench)
    worker = bench.stack.start_worker()
    await bench.until_finished(workflow, total)
    figures = await _figures(bench, before, total, f"{total} executions of {STEPS} steps, all waiting at the start")
    if worker.pid:
        figures.append(Figure("worker_peak", round(peak_mib(worker.pid), 1), "MiB", 300.0, note="of that worker"))
    return figures


async def _submit(bench: Bench, workflow: str) -> None:
    await bench.client.execute(workflow)


async def _spent(bench: Bench) -> _Spent:
    own = psutil.Process(bench.connection.get_server_pid()).cpu_times()
    cpu = bench.stack.cpu_seconds()
    cpu["postgres"] -= own.user + own.system
    return _Spent(cpu, int(await bench.connection.fetchval(_WAL_BYTES)))


async def _counted(bench: Bench) -> _Counted:
    await asyncio.sleep(_TOLD_S)
    await bench.connection.execute("select pg_stat_force_next_flush()")
    return _Counted(int(await bench.connection.fetchval(_ROWS)), int(await bench.connection.fetchval(_TRANSACTIONS)))


async def _figures(bench: Bench, before: tuple[_Counted, _Spent], executions: int, note: str) -> list[Figure]:
    await bench.until_sealed()
    spent, counted = await _spent(bench), await _counted(bench)
    (counted_before, spent_before), steps = before, executions * STEPS
    parts = {name: (spent.cpu[name] - spent_before.cpu[name]) / steps * 1000 for name in spent.cpu}
    shares = ", ".join(f"{name} {value:.2f}" for name, value in parts.items())
    rows = round((counted.rows - counted_before.rows) / steps, 2)
    return [
        Figure("cpu_ms_a_step", round(sum(parts.values()), 3), "ms", note=f"{shares}; {note}"),
        Figure("rows_a_step", rows, "rows", note="written, of all tables"),
        Figure("wal_bytes_a_step", round((spent.wal_bytes - spent_before.wal_bytes) / steps), "bytes"),
        Figure(
            "round_trips_a_step",
            round((counted.transactions - counted_before.transactions) / steps, 3),
            "1/step",
            note="transactions, nearly all of one statement; those of idle loops and of the look for the end included",
        ),
    ]
