"""W1: ten durable steps in a row, as many executions as the machine takes."""

import statistics
import time
from dataclasses import dataclass

from scripts.benchmark.bench import Bench
from scripts.benchmark.client import closed_loop
from scripts.benchmark.definitions import chain
from scripts.benchmark.figures import HIGHER, Figure, median_figure

STEPS = 10
IN_FLIGHT = 32


@dataclass(frozen=True, slots=True)
class _Round:
    """What one round showed.

    Attributes:
        rate: steps per second until the last execution had completed.
        sealed_rate: the same until the ledger had caught up too.
        cost: CPU seconds of all processes per 1,000 steps, until the ledger had caught up.
    """

    rate: float
    sealed_rate: float
    cost: float


async def _one_round(bench: Bench, workflow: str, executions: int, done_before: int) -> _Round:
    before = bench.stack.cpu_seconds()
    started = time.perf_counter()

    async def submit() -> None:
        await bench.client.execute(workflow)

    await closed_loop(executions, IN_FLIGHT, submit)
    await bench.until_finished(workflow, done_before + executions)
    elapsed = time.perf_counter() - started
    await bench.until_sealed()
    sealed = time.perf_counter() - started
    after = bench.stack.cpu_seconds()
    spent = sum(after.values()) - sum(before.values())
    bench.say("   " + ", ".join(f"{name} {after[name] - before[name]:.2f} s" for name in after))
    steps = executions * STEPS
    return _Round(steps / elapsed, steps / sealed, spent / steps * 1000)


async def _rounds(bench: Bench) -> tuple[list[_Round], str]:
    workflow = await bench.client.publish(chain(STEPS, "w1"))
    executions = bench.size(2000, 400)
    done = bench.size(400, 150)
    await _one_round(bench, workflow, done, 0)
    rounds: list[_Round] = []
    for _ in range(bench.size(3, 2)):
        rounds.append(await _one_round(bench, workflow, executions, done))
        done += executions
    return rounds, f"{executions} executions of {STEPS} steps, {IN_FLIGHT} callers, over REST"


async def with_provenance(bench: Bench) -> list[Figure]:
    """Throughput and cost as the product is shipped."""
    rounds, note = await _rounds(bench)
    sealed = statistics.median(each.sealed_rate for each in rounds)
    return [
        median_figure(
            "w1_steps_per_s",
            [each.rate for each in rounds],
            "1/s",
            better=HIGHER,
            limit=bench.limits["batched_rows_per_s"],
            note=f"{note}; {sealed:,.0f} steps/s until the ledger has caught up",
        ),
        median_figure("w1_cpu_s_per_1000_steps", [each.cost for each in rounds], "s", target=0.4, note=note),
    ]


async def without_provenance(bench: Bench) -> list[Figure]:
    """The cost with the ledger switched off."""
    rounds, note = await _rounds(bench)
    costs = [each.cost for each in rounds]
    return [median_figure("w1_cpu_s_per_1000_steps_no_provenance", costs, "s", target=0.3, note=note)]
