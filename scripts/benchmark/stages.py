"""Runs that take longer than five minutes: scale, growth, soak. A stage that is done is kept, and not run again."""

import asyncio
import json
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from scripts.benchmark.bench import Bench, Workload
from scripts.benchmark.client import open_loop
from scripts.benchmark.definitions import chain
from scripts.benchmark.figures import Figure, median_figure
from scripts.benchmark.stack import Shape
from scripts.benchmark.workloads import costs, enqueue, latency, reads, throughput, workers

SOAK_RATE = 50.0
SOAK_MINUTE_S = 60.0
GROWTH = (0, 10_000, 100_000, 1_000_000)
GROWTH_RATE = 200.0
MANY = 10_000


@dataclass(frozen=True, slots=True)
class Stage:
    """One workload on one shape of the product."""

    kind: str
    name: str
    shape: Shape
    workload: Workload


def scale() -> tuple[Stage, ...]:
    """One, two and four workers; one and two API processes."""
    of_workers = [Stage("scale", f"workers_{count}", Shape(workers=count), _throughput) for count in (1, 2, 4)]
    of_apis = [Stage("scale", f"apis_{count}", Shape(apis=count), enqueue.sustained) for count in (1, 2)]
    return (*of_workers, *of_apis)


def growth() -> tuple[Stage, ...]:
    """Cost of a step and latency of lists behind more and more finished executions."""
    return tuple(Stage("growth", f"rows_{rows}", Shape(), partial(_behind, rows)) for rows in GROWTH)


def step_costs() -> tuple[Stage, ...]:
    """What a step costs, with few and with many executions at a time."""
    few = [Stage("costs", f"cost_{count}", Shape(), partial(costs.at_a_time, count)) for count in (1, 100)]
    return (*few, Stage("costs", f"cost_{MANY}", Shape(workers=0), partial(costs.all_at_once, MANY)))


def soak(minutes: int) -> tuple[Stage, ...]:
    """A steady rate for a long time: memory must stay flat."""
    return (Stage("soak", f"soak_{minutes}_min", Shape(), partial(_soak, minutes)),) if minutes else ()


def measured(
    stages: Sequence[Stage], measure: Callable[[Stage], list[Figure]], kept: Path, say: Callable[[str], None]
) -> dict[str, list[Figure]]:
    """Figures of all stages, by kind. Those of finished ones are taken from the file `kept`, which has one a line."""
    done = {}
    if kept.exists():
        done = {entry["stage"]: entry["figures"] for entry in map(json.loads, kept.read_text().splitlines())}
    figures: dict[str, list[Figure]] = {stage.kind: [] for stage in stages}
    for stage in stages:
        if stage.name in done:
            say(f"== {stage.name}: kept from before")
            figures[stage.kind] += [Figure.of_json(entry) for entry in done[stage.name]]
            continue
        say(f"== {stage.name}")
        found = [figure.named(f"{stage.name}_{figure.name}") for figure in measure(stage)]
        figures[stage.kind] += found
        if any(figure.value is None for figure in found):
            continue
        kept.parent.mkdir(parents=True, exist_ok=True)
        with kept.open("a") as file:
            file.write(json.dumps({"stage": stage.name, "figures": [figure.as_json() for figure in found]}) + "\n")
    return figures


async def _throughput(bench: Bench) -> list[Figure]:
    return await throughput.with_provenance(bench)


async def _behind(rows: int, bench: Bench) -> list[Figure]:
    workflow = await bench.client.publish(chain(1, "many"))
    bench.say(f"   writing {rows:,} finished executions")
    await reads.fill(bench, workflow, rows)
    figures = await throughput.with_provenance(bench)
    await bench.until_sealed()
    figures += await latency.at_one_rate(GROWTH_RATE, bench)
    figures.append(await reads.list_latency(bench, workflow, "list_p95", rows))
    figures += await reads.analytics_latency(bench, workflow, rows)
    if rows == GROWTH[-1]:
        figures.append(await reads.list_plans(bench, workflow))
    return figures


async def _soak(minutes: int, bench: Bench) -> list[Figure]:
    """Resident memory of each process after each minute, and what it is at the end to what it was after a sixth."""
    workflow = await bench.client.publish(chain(3, "soak"))
    parts = {"worker": bench.stack.workers, "api": bench.stack.apis, "ledger": bench.stack.ledgers}
    samples: dict[str, list[float]] = {name: [] for name in parts}

    broken = 0

    async def submit(_due: float) -> None:
        nonlocal broken
        try:
            await bench.client.execute(workflow)
        except (OSError, EOFError):  # a connection that stood idle too long while the machine was busy elsewhere
            broken += 1

    for minute in range(minutes):
        began = time.perf_counter()
        await open_loop(SOAK_RATE, SOAK_MINUTE_S, submit)
        await asyncio.sleep(max(0.0, SOAK_MINUTE_S - (time.perf_counter() - began)))
        for name, children in parts.items():
            samples[name].append(sum(workers.resident_mib(child.pid) for child in children if child.pid))
        shown = ", ".join(f"{name} {found[-1]:.1f} MiB" for name, found in samples.items())
        bench.say(f"   minute {minute + 1}: {shown}")
    note = f"{minutes} minutes at {SOAK_RATE:.0f}/s, resident MiB after each, {broken} connections broken"
    figures = [median_figure(f"{name}_rss", found, "MiB", note=note) for name, found in samples.items()]
    return figures + [
        Figure(
            f"{name}_rss_growth",
            round(found[-1] / found[min(len(found) - 1, len(found) // 6)], 3),
            "ratio",
            1.05,
            note="the end to a sixth of the way",
        )
        for name, found in samples.items()
    ]
