"""Workers: how soon another goes on after a kill, and what one holds in memory."""

import os
import signal
import time
from datetime import datetime
from pathlib import Path

from scripts.benchmark.bench import Bench
from scripts.benchmark.client import closed_loop
from scripts.benchmark.definitions import chain, waiting
from scripts.benchmark.figures import Figure, median_figure, unmeasured

CHAIN = 1000
_DELAY_MS = 20 * 60 * 1000


async def resume(bench: Bench) -> list[Figure]:
    """From kill -9 of the worker that runs an execution, until another has written that execution's next checkpoint."""
    workflow = await bench.client.publish(chain(CHAIN, "resume"))
    rounds = []
    for number in range(bench.size(5, 2)):
        while len([child for child in bench.stack.workers if child.pid]) < 2:
            bench.stack.start_worker()
        execution = await bench.client.execute(workflow)

        async def is_under_way(execution: str = execution) -> bool:
            return bool(
                await bench.connection.fetchval("select last_seq > 50 from executions where id = $1", execution)
            )

        await bench.until(is_under_way, "the first steps")
        killed_at = await _kill_holder(bench, execution)
        await bench.until_finished(workflow, number + 1)
        resumed_at = await bench.connection.fetchval(
            "select min(at) from step_checkpoints where execution_id = $1 and at > $2"
            " and lease_epoch = (select max(lease_epoch) from step_checkpoints where execution_id = $1)",
            execution,
            killed_at,
        )
        rounds.append((resumed_at - killed_at).total_seconds())
    return [median_figure("resume_after_kill", rounds, "s", target=5.0, note=f"worst {max(rounds):.2f} s")]


async def _kill_holder(bench: Bench, execution: str) -> datetime:
    name = await bench.connection.fetchval(
        "select w.name from executions e join workers w on w.id = e.lease_owner where e.id = $1", execution
    )
    pids = [child.pid for child in bench.stack.workers if child.pid]
    holder = next(pid for pid in pids if name is not None and str(pid) in str(name))
    killed_at: datetime = await bench.connection.fetchval("select clock_timestamp()")
    os.kill(holder, signal.SIGKILL)
    bench.stack.workers[:] = [child for child in bench.stack.workers if child.pid != holder]
    return killed_at


async def memory(bench: Bench) -> list[Figure]:
    """Resident memory of one worker with 10,000 running executions."""
    count = bench.size(10_000, 3_000)
    workflow = await bench.client.publish(waiting(_DELAY_MS))

    async def submit() -> None:
        await bench.client.execute(workflow)

    await closed_loop(count, 32, submit)

    async def are_running() -> bool:
        started = await bench.connection.fetchval(
            "select count(*) from executions where workflow_id = $1 and status = 'running'", workflow
        )
        return int(started) == count

    begun = time.perf_counter()
    await bench.until(are_running, "all to run")
    pids = [child.pid for child in bench.stack.workers if child.pid]
    if len(pids) != 1:
        return [unmeasured("worker_rss_10k", "MiB", "more than one worker runs", 300.0)]
    peak = peak_mib(pids[0])
    note = f"peak with {count:,} running executions, all begun {time.perf_counter() - begun:.1f} s after the last call"
    return [Figure("worker_rss_10k", round(peak, 1), "MiB", 300.0, rounds=(round(peak, 1),), note=note)]


def resident_mib(pid: int) -> float:
    """Resident memory of a process."""
    return _memory_mib(pid, "VmRSS")


def peak_mib(pid: int) -> float:
    """Most resident memory that a process has had."""
    return _memory_mib(pid, "VmHWM")


def _memory_mib(pid: int, name: str) -> float:
    status = dict(line.split(":", 1) for line in Path(f"/proc/{pid}/status").read_text().splitlines())
    return float(status[name].split()[0]) / 1024
