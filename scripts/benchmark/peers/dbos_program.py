"""Runs in DBOS's own environment: `drive URL EXECUTIONS ROUNDS RESULT`, or `work URL READY` as a worker process."""

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

STEPS = 10
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


def database(base: str) -> str:
    return f"{base}/dbos_bench"


async def work(base: str, ready: str) -> None:
    DBOS(
        config={
            "name": "bench",
            "system_database_url": database(base),
            "sys_db_pool_size": 20,
            "log_level": "ERROR",
            "application_version": "1",
            "executor_id": Path(ready).name,
        }
    )
    DBOS.launch()
    await DBOS.register_queue_async(
        "bench", worker_concurrency=CONCURRENCY, polling_interval_sec=POLL_S, on_conflict="always_update"
    )
    stopped = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stopped.set)
    Path(ready).touch()
    await stopped.wait()
    os._exit(0)


async def drive(base: str, executions: int, rounds: int, result: Path) -> None:
    with psycopg.connect(f"{base}/postgres", autocommit=True) as connection:
        connection.execute("create database dbos_bench")
    readies = [result.with_name(f"worker-{number}") for number in range(WORKERS)]
    workers = [subprocess.Popen([sys.executable, __file__, "work", base, str(ready)]) for ready in readies]
    try:
        await until(lambda: all(ready.exists() for ready in readies), 60)
        client = DBOSClient(system_database_url=database(base), system_database_pool_size=8)
        rates = [await one_round(client, base, executions) for _ in range(rounds + 1)]
        result.write_text(json.dumps(rates[1:]))
    finally:
        for worker in workers:
            worker.terminate()
        for worker in workers:
            worker.wait()


async def one_round(client: DBOSClient, base: str, executions: int) -> float:
    since = int(time.time() * 1000)
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
    return executions * STEPS / (time.perf_counter() - started)


async def until(condition, patience_s: float) -> None:
    deadline = time.perf_counter() + patience_s
    while not condition():
        if time.perf_counter() > deadline:
            raise SystemExit("DBOS did not get there in time")
        await asyncio.sleep(0.05)


if __name__ == "__main__":
    if sys.argv[1] == "work":
        asyncio.run(work(sys.argv[2], sys.argv[3]))
    else:
        asyncio.run(drive(sys.argv[2], int(sys.argv[3]), int(sys.argv[4]), Path(sys.argv[5])))
