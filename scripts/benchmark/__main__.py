"""`./scripts/bench`: every figure of the table, on real servers, in one run."""

import asyncio
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import click

from engine.jsonvalue import JsonObject
from scripts.benchmark.bench import Bench, Workload
from scripts.benchmark.client import Client
from scripts.benchmark.figures import Figure, falls, unmeasured
from scripts.benchmark.limits import machine_limits
from scripts.benchmark.peers import ratios
from scripts.benchmark.reports import TABLE, print_table, write_json, write_markdown
from scripts.benchmark.stack import Shape, Stack, running_stack
from scripts.benchmark.stages import Stage, growth, measured, scale, soak, step_costs
from scripts.benchmark.workloads import enqueue, graphql, idle, latency, policy, reads, shapes, throughput, workers


@dataclass(frozen=True, slots=True)
class Part:
    """Workloads that share one running product."""

    name: str
    shape: Shape
    workloads: tuple[tuple[str, Workload], ...]


PARTS = (
    Part(
        "the product as shipped",
        Shape(),
        (
            ("idle", idle.queries),
            ("w1", throughput.with_provenance),
            ("enqueue_p95", enqueue.at_a_fixed_rate),
            ("enqueue_sustained", enqueue.sustained),
            ("w2", latency.at_both_rates),
            ("w3", shapes.wide),
            ("w4", shapes.long),
            ("policy", policy.decisions),
            ("diff", reads.diff),
            ("graphql", graphql.queries),
            ("worker_rss", workers.memory),
        ),
    ),
    Part("without provenance", Shape(provenance=False), (("w1_no_provenance", throughput.without_provenance),)),
    Part("lists", Shape(provenance=False), (("list", reads.lists),)),
    Part("two workers", Shape(workers=2), (("resume", workers.resume),)),
)
FIGURES = {
    "idle": (("idle_queries_per_s", "1/s"),),
    "w1": (("w1_steps_per_s", "1/s"), ("w1_cpu_s_per_1000_steps", "s")),
    "w1_no_provenance": (("w1_cpu_s_per_1000_steps_no_provenance", "s"),),
    "enqueue_p95": (("enqueue_p95_at_200_rps", "ms"),),
    "enqueue_sustained": (("enqueue_sustained_rps", "1/s"),),
    "w2": (("w2_50_p50", "ms"), ("w2_50_p99", "ms"), ("w2_200_p50", "ms"), ("w2_200_p99", "ms")),
    "w3": (("w3_fanout_200", "s"),),
    "w4": (("w4_chain_1000", "s"), ("w4_growth_ratio", "ratio")),
    "policy": (("policy_decision_p99", "ms"),),
    "diff": (("diff_200_p95", "ms"),),
    "graphql": (("graphql_queries_per_s", "1/s"),),
    "worker_rss": (("worker_rss_10k", "MiB"),),
    "list": (("list_1m_p95", "ms"),),
    "resume": (("resume_after_kill", "s"),),
}
NAMES = [name for part in PARTS for name, _ in part.workloads] + ["peers"]


def say(text: str) -> None:
    """Progress, for people."""
    click.echo(text, err=True)


async def _measure(
    stack: Stack, wanted: Sequence[tuple[str, Workload]], limits: JsonObject, figures: list[Figure], *, quick: bool
) -> None:
    connection = await stack.connect()
    client = Client(stack.ports, stack.token())
    try:
        if not limits:
            limits.update(await machine_limits(stack))
        speeds = {name: float(value) for name, value in limits.items() if isinstance(value, int | float)}
        bench = Bench(stack, connection, client, quick, speeds, say)
        for name, workload in wanted:
            say(f" {name} ...")
            for figure in await _attempt(bench, name, workload):
                say(f"   {figure.name} = {figure.value} {figure.unit}")
                figures.append(figure)
            await bench.settle()
    finally:
        client.close()
        await connection.close()


async def _attempt(bench: Bench, name: str, workload: Workload) -> list[Figure]:
    """The figures of a workload; without a value and with the reason when it broke, so that the others still count."""
    try:
        return await workload(bench)
    except (OSError, EOFError, RuntimeError) as error:
        say(f"   {name} broke: {error}")
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        return [unmeasured(figure, unit, reason) for figure, unit in FIGURES.get(name, ((name, ""),))]


@dataclass(frozen=True, slots=True)
class Long:
    """Which of the long runs are wanted, and where their finished stages are kept."""

    scale: bool
    growth: bool
    costs: bool
    soak_minutes: int
    kept: Path

    def stages(self) -> tuple[Stage, ...]:
        """All that is wanted, in order."""
        return (
            *(scale() if self.scale else ()),
            *(growth() if self.growth else ()),
            *(step_costs() if self.costs else ()),
            *soak(self.soak_minutes),
        )


def _long(long: Long, limits: JsonObject, *, quick: bool) -> dict[str, list[Figure]]:
    def measure(stage: Stage) -> list[Figure]:
        figures: list[Figure] = []
        with running_stack(stage.shape) as stack:
            asyncio.run(_measure(stack, ((stage.name, stage.workload),), limits, figures, quick=quick))
        return figures

    return measured(long.stages(), measure, long.kept, say)


def _table(only: Sequence[str], limits: JsonObject, *, quick: bool) -> list[Figure]:
    figures: list[Figure] = []
    for part in PARTS:
        wanted = tuple(workload for workload in part.workloads if not only or workload[0] in only)
        if wanted:
            say(f"== {part.name}")
            with running_stack(part.shape) as stack:
                asyncio.run(_measure(stack, wanted, limits, figures, quick=quick))
    if not only or "peers" in only:
        say("== the peers")
        figures += ratios(figures, quick=quick, say=say)
    return figures


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--quick", is_flag=True, help="Every figure within four minutes, at smaller sizes.")
@click.option("--only", multiple=True, type=click.Choice(NAMES), help="Only these workloads; may be repeated.")
@click.option("--json", "json_file", type=click.Path(path_type=Path), help="Write the figures to a file as well.")
@click.option("--markdown", type=click.Path(exists=True, path_type=Path), help="Put the table into this document.")
@click.option("--busy", is_flag=True, help="Say in the document that others used the machine meanwhile.")
@click.option(
    "--compare",
    type=click.Path(exists=True, path_type=Path),
    help="Fail when a figure is more than 20 % worse than in this file, as a ratio to the machine's limits.",
)
@click.option("--scale", "wants_scale", is_flag=True, help="Instead: 1, 2 and 4 workers, 1 and 2 API processes.")
@click.option("--growth", "wants_growth", is_flag=True, help="Instead: behind up to 1,000,000 finished executions.")
@click.option("--costs", "wants_costs", is_flag=True, help="Instead: what a step costs, alone and among many.")
@click.option("--soak", "soak_minutes", type=int, default=0, help="Instead: a steady rate for so many minutes.")
@click.option(
    "--kept",
    type=click.Path(path_type=Path),
    default=Path(".bench/stages.jsonl"),
    show_default=True,
    help="Finished stages of the long runs: given again, they are not measured again.",
)
def main(  # noqa: PLR0913, PLR0917 - click's form
    quick: bool,  # noqa: FBT001 - click's form
    only: tuple[str, ...],
    json_file: Path | None,
    markdown: Path | None,
    busy: bool,  # noqa: FBT001 - click's form
    compare: Path | None,
    wants_scale: bool,  # noqa: FBT001 - click's form
    wants_growth: bool,  # noqa: FBT001 - click's form
    wants_costs: bool,  # noqa: FBT001 - click's form
    soak_minutes: int,
    kept: Path,
) -> None:
    """Measure the whole product on real servers, beside the limits of the machine."""
    limits: JsonObject = {}
    long = Long(wants_scale, wants_growth, wants_costs, soak_minutes, kept)
    is_table = not long.stages()
    parts = {TABLE: _table(only, limits, quick=quick)} if is_table else _long(long, limits, quick=quick)
    figures = [figure for part in parts.values() for figure in part]
    print_table(limits, figures)
    if json_file is not None:
        write_json(json_file, limits, figures, is_table=is_table)
    if markdown is not None:
        for part, found in parts.items():
            write_markdown(markdown, part, limits, found, quick=quick, busy=busy)
    worse = falls(compare, limits, figures) if compare is not None else []
    for line in worse:
        click.echo(f"worse: {line}")
    sys.exit(1 if worse else 0)


if __name__ == "__main__":
    main()
