"""Runs in DBOS's own environment.

`drive URL EXECUTIONS ROUNDS SERVER RESULT`: W1 over a queue; SERVER is the process id of PostgreSQL.
`direct URL ROUNDS RESULT`: W2, W3 and W4 in this process, without a queue.
`work URL READY`: a worker process of the queue.
"""

import asyncio
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psycopg
from dbos import DBOS, DBOSClient
from processes import cpu_seconds

STEPS = 10
RATES = (50, 200)
RATE_S = 5.0
WIDTH, LENGTH, SHAPES = 200, 1_000, 3
WORKERS = 2
CONCURRENCY = 16
POLL_S = 0.05
CALLERS = 8


@DBOS.step()
async def step(number: int) -> dict[str, object]:
    return {"ok": True, "step": number}


@DBOS.workflow()
async def chain(steps: int) -> int:
    for number in range(steps):
        await step(number)
    return steps


@DBOS.workflow()
async def wide(width: int) -> int:
    return len(await asyncio.gather(*(step(number) for number in range(width))))


def database(base: str) -> str:
    return f"{base}/dbos_bench"


def launch(base: str, executor: str) -> None:
    DBOS(
        config={
            "name": "bench",
            "system_database_url": database(base),
            "sys_db_pool_size": 20,
            "log_level": "ERROR",
            "application_version": "1",
            "executor_id": executor,
        }
    )
    DBOS.launch()


async def direct(base: str, rounds: int, result: Path) -> None:
    launch(base, "direct")
    await run(chain, STEPS)
    found = {
        "latencies_ms": {rate: [await latency(rate) for _ in range(rounds)] for rate in RATES},
        "wide_s": [await run(wide, WIDTH) for _ in range(SHAPES + 1)][1:],
        "long_s": [await run(chain, LENGTH) for _ in range(SHAPES + 1)][1:],
    }
    result.write_text(json.dumps(found))
    os._exit(0)


async def run(workflow, argument: int) -> float:
    started = time.perf_counter()
    handle = await DBOS.start_workflow_async(workflow, argument)
    await handle.get_result(polling_interval_sec=0.005)
    return time.perf_counter() - started


async def latency(rate: int) -> tuple[float, float]:
    """p50 and p99 in milliseconds, each from the instant at which it was due."""
    started, found, tasks = time.perf_counter(), [], []

    async def submit(due: float) -> None:
        await run(chain, 1)
        found.append((time.perf_counter() - due) * 1000)

    for number in range(int(rate * RATE_S)):
        due = started + number / rate
        await asyncio.sleep(max(0.0, due - time.perf_counter()))
        tasks.append(asyncio.ensure_future(submit(due)))
    await asyncio.gather(*tasks)
    found.sort()
    return found[len(found) // 2], found[min(len(found) - 1, int(0.99 * len(found)))]


async def work(base: str, ready: str) -> None:
    launch(base, Path(ready).name)
    await DBOS.register_queue_async(
        "bench", worker_concurrency=CONCURRENCY, polling_interval_sec=POLL_S, on_conflict="always_update"
    )
    stopped = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stopped.set)
    Path(ready).touch()
    await stopped.wait()
    os._exit(0)


async def drive(base: str, executions: int, rounds: int, server: int, result: Path) -> None:
    with psycopg.connect(f"{base}/postgres", autocommit=True) as connection:
        connection.execute("create database dbos_bench")
    readies = [result.with_name(f"worker-{number}") for number in range(WORKERS)]
    workers = [subprocess.Popen([sys.executable, __file__, "work", base, str(ready)]) for ready in readies]
    try:
        await until(lambda: all(ready.exists() for ready in readies), 60)
        client = DBOSClient(system_database_url=database(base), system_database_pool_size=8)
        pids = [server, *(worker.pid for worker in workers)]
        found = [await one_round(client, base, executions, pids) for _ in range(rounds + 1)][1:]
        rates, costs = [rate for rate, _ in found], [cost for _, cost in found]
        result.write_text(json.dumps({"steps_per_s": rates, "cpu_s_per_1000_steps": costs}))
    finally:
        for worker in workers:
            worker.terminate()
        for worker in workers:
            worker.wait()


async def one_round(client: DBOSClient, base: str, executions: int, pids: list[int]) -> tuple[float, float]:
    since, cpu = int(time.time() * 1000), cpu_seconds(pids)
    started = time.perf_counter()
    left = iter(range(executions))

    async def caller() -> None:
        for _ in left:
            await client.enqueue_async({"workflow_name": "chain", "queue_name": "bench"}, STEPS)

    await asyncio.gather(*(caller() for _ in range(CALLERS)))
    with psycopg.connect(database(base), autocommit=True) as connection:
        query = "select count(*) from dbos.workflow_status where status = 'SUCCESS' and created_at >= %s"

        def is_done() -> bool:
            row = connection.execute(query, (since,)).fetchone()
            return row is not None and row[0] >= executions

        await until(is_done, 300)
    steps = executions * STEPS
    return steps / (time.perf_counter() - started), (cpu_seconds(pids) - cpu) / steps * 1000


async def until(condition, patience_s: float) -> None:
    deadline = time.perf_counter() + patience_s
    while not condition():
        if time.perf_counter() > deadline:
            raise SystemExit("DBOS did not get there in time")
        await asyncio.sleep(0.05)


if __name__ == "__main__":
    mode, base, *rest = sys.argv[1:]
    if mode == "work":
        asyncio.run(work(base, rest[0]))
    elif mode == "direct":
        asyncio.run(direct(base, int(rest[0]), Path(rest[1])))
    else:
        asyncio.run(drive(base, int(rest[0]), int(rest[1]), int(rest[2]), Path(rest[3])))
