"""W2: from submitting a one-step workflow to its end, at fixed rates."""

import time
from datetime import UTC, datetime, timedelta
from uuid import UUID

from scripts.benchmark.bench import Bench
from scripts.benchmark.client import open_loop
from scripts.benchmark.definitions import chain
from scripts.benchmark.figures import Figure, percentile

P50_MS = 8.0
P99_MS = 30.0


async def at_one_rate(rate: float, bench: Bench) -> list[Figure]:
    """p50 and p99 of one round at a rate, after a short one that warms up."""
    workflow = await bench.client.publish(chain(1, "steady"))
    done = await _one_round(bench, workflow, rate, 2, 0, [])
    latencies: list[float] = []
    await _one_round(bench, workflow, rate, bench.size(15, 5), done, latencies)
    return [
        Figure(f"latency_{name}", round(percentile(latencies, share), 2), "ms", target, note=f"at {rate:.0f}/s")
        for name, share, target in (("p50", 0.50, P50_MS), ("p99", 0.99, P99_MS))
    ]


async def at_both_rates(bench: Bench) -> list[Figure]:
    """p50 and p99 at 50 and at 200 a second, from the instant at which each was due."""
    workflow = await bench.client.publish(chain(1, "w2"))
    done = await _one_round(bench, workflow, 50.0, 2, 0, [])
    figures: list[Figure] = []
    for rate in (50.0, 200.0):
        middles, tails = [], []
        for _ in range(bench.size(3, 2)):
            latencies: list[float] = []
            done = await _one_round(bench, workflow, rate, bench.size(15, 5), done, latencies)
            middles.append(percentile(latencies, 0.50))
            tails.append(percentile(latencies, 0.99))
        for name, values, target in (("p50", middles, P50_MS), ("p99", tails, P99_MS)):
            rounds = tuple(round(value, 2) for value in values)
            figure = Figure(
                f"w2_{rate:.0f}_{name}",
                sorted(rounds)[len(rounds) // 2],
                "ms",
                target,
                rounds=rounds,
                note="due instant to the finishing commit's statement",
            )
            figures.append(figure)
    return figures


async def _one_round(
    bench: Bench, workflow: str, rate: float, seconds: float, done: int, latencies: list[float]
) -> int:
    due_at: dict[UUID, datetime] = {}
    offset = datetime.now(UTC) - timedelta(seconds=time.perf_counter())

    async def submit(due: float) -> None:
        execution = await bench.client.execute(workflow)
        due_at[UUID(execution)] = offset + timedelta(seconds=due)

    await open_loop(rate, seconds, submit)
    done += len(due_at)
    await bench.until_finished(workflow, done)
    rows = await bench.connection.fetch(
        "select id, finished_at from executions where workflow_id = $1 and id = any($2)", workflow, list(due_at)
    )
    latencies.extend((row["finished_at"] - due_at[row["id"]]).total_seconds() * 1000 for row in rows)
    return done
