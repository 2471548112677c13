"""W1: ten durable steps in a row, as many executions as the machine takes."""

import time

from scripts.benchmark.bench import Bench
from scripts.benchmark.client import closed_loop
from scripts.benchmark.definitions import chain
from scripts.benchmark.figures import HIGHER, Figure, median_figure

STEPS = 10
IN_FLIGHT = 32


async def _one_round(bench: Bench, workflow: str, executions: int, done_before: int) -> tuple[float, float]:
    """Steps per second, and CPU seconds of all processes per 1,000 steps until the ledger has caught up."""
    before = bench.stack.cpu_seconds()
    started = time.perf_counter()

    async def submit() -> None:
        await bench.client.execute(workflow)

    await closed_loop(executions, IN_FLIGHT, submit)
    await bench.until_finished(workflow, done_before + executions)
    elapsed = time.perf_counter() - started
    if bench.stack.shape.provenance:
        await bench.until_sealed()
    after = bench.stack.cpu_seconds()
    spent = sum(after.values()) - sum(before.values())
    bench.say("   " + ", ".join(f"{name} {after[name] - before[name]:.2f} s" for name in after))
    return executions * STEPS / elapsed, spent / (executions * STEPS) * 1000


async def _rounds(bench: Bench) -> tuple[list[float], list[float], str]:
    workflow = await bench.client.publish(chain(STEPS, "w1"))
    executions = bench.size(2000, 400)
    warm_up = bench.size(400, 150)
    rates, costs = [], []
    await _one_round(bench, workflow, warm_up, 0)
    done = warm_up
    for _ in range(bench.size(3, 2)):
        rate, cost = await _one_round(bench, workflow, executions, done)
        done += executions
        rates.append(rate)
        costs.append(cost)
    return rates, costs, f"{executions} executions of {STEPS} steps, {IN_FLIGHT} callers, over REST"


async def with_provenance(bench: Bench) -> list[Figure]:
    """Throughput and cost as the product is shipped."""
    rates, costs, note = await _rounds(bench)
    return [
        median_figure(
            "w1_steps_per_s",
            rates,
            "1/s",
            better=HIGHER,
            limit=bench.limits["batched_rows_per_s"],
            note=note,
        ),
        median_figure("w1_cpu_s_per_1000_steps", costs, "s", target=0.4, note=note),
    ]


async def without_provenance(bench: Bench) -> list[Figure]:
    """The cost with the ledger switched off."""
    _rates, costs, note = await _rounds(bench)
    return [median_figure("w1_cpu_s_per_1000_steps_no_provenance", costs, "s", target=0.3, note=note)]
