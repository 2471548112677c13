"""Accepting executions over REST while a worker drains them on the same cores."""

import asyncio
import time

from scripts.benchmark.bench import Bench
from scripts.benchmark.client import open_loop
from scripts.benchmark.definitions import chain
from scripts.benchmark.figures import HIGHER, Figure, percentile, unmeasured

RATE = 200.0
P95_LIMIT_MS = 300.0
ERROR_SHARE = 0.01
CALLERS = 16


async def at_a_fixed_rate(bench: Bench) -> list[Figure]:
    """Latency at 200 requests a second, from the instant at which each was due."""
    workflow = await bench.client.publish(chain(1, "enqueue"))
    path = f"/api/workflows/{workflow}/execute"
    rounds, errors, calls = [], 0, 0
    for seconds in [2, *[bench.size(15, 5)] * bench.size(3, 2)]:
        latencies: list[float] = []

        async def submit(due: float, latencies: list[float] = latencies) -> None:
            nonlocal errors
            answer = await bench.client.call("POST", path, {"triggerData": {}})
            latencies.append((time.perf_counter() - due) * 1000)
            errors += answer.status != 201

        await open_loop(RATE, seconds, submit)
        calls += len(latencies)
        rounds.append(percentile(latencies, 0.95))
    await bench.until_finished(workflow, calls - errors)
    measured = tuple(round(value, 3) for value in rounds[1:])
    note = f"{calls} requests, {errors} errors, {len(measured)} rounds"
    value = sorted(measured)[len(measured) // 2]
    figure = Figure("enqueue_p95_at_200_rps", value, "ms", 25.0, rounds=measured, note=note)
    return [figure if not errors else unmeasured(figure.name, "ms", f"{errors} of {calls} requests failed", 25.0)]


async def sustained(bench: Bench) -> list[Figure]:
    """The rate that callers who never pause are served at, with p95 and errors within the bound."""
    workflow = await bench.client.publish(chain(1, "sustained"))
    path = f"/api/workflows/{workflow}/execute"
    seconds = bench.size(60, 8)
    latencies: list[float] = []
    errors = 0
    started = time.perf_counter()

    async def caller() -> None:
        nonlocal errors
        while time.perf_counter() - started < seconds:
            begun = time.perf_counter()
            answer = await bench.client.call("POST", path, {"triggerData": {}})
            latencies.append((time.perf_counter() - begun) * 1000)
            errors += answer.status != 201

    await asyncio.gather(*(caller() for _ in range(CALLERS)))
    elapsed = time.perf_counter() - started
    backlog = len(latencies) - errors - await bench.finished(workflow)
    await bench.until_finished(workflow, len(latencies) - errors)
    p95 = percentile(latencies, 0.95)
    rate = (len(latencies) - errors) / elapsed
    note = f"{seconds} s, {CALLERS} callers, p95 {p95:.1f} ms, {errors} errors, backlog at the end {backlog}"
    if p95 >= P95_LIMIT_MS or errors >= ERROR_SHARE * len(latencies):
        return [unmeasured("enqueue_sustained_rps", "1/s", f"beyond the bound: {note}", 1000.0, HIGHER)]
    limit = bench.limits["single_row_commits_per_s"]
    return [Figure("enqueue_sustained_rps", round(rate, 1), "1/s", 1000.0, HIGHER, limit, (round(rate, 1),), note)]
