"""The same workload on DBOS Transact and on Restate, in the same run.

What is comparable: DBOS keeps its steps in PostgreSQL as we do (two workers on one queue, polled every 50 ms, its
fastest setting for this). Restate keeps its own log in a native server (two partitions, 256 calls in flight, its
TypeScript SDK). Neither pays for policy, audit, provenance or tenancy. All commits are durable on all sides.
"""

import statistics
from collections.abc import Callable, Sequence
from types import MappingProxyType

from scripts.benchmark.figures import HIGHER, Figure, median_figure, unmeasured
from scripts.benchmark.peers import restate, transact
from scripts.benchmark.peers.peer import Measured, PeerError

DBOS_TARGET = 20.0
RESTATE_TARGET = 1.5
WORKLOADS = MappingProxyType(
    {
        "w1_steps_per_s": "W1: durable steps a second, ten in a row",
        "w1_cpu_s_per_1000_steps": "W1: CPU seconds per 1,000 steps, all processes but the caller's",
        "w2_50_p50": "W2: submit to completed at 50/s, p50",
        "w2_50_p99": "W2: at 50/s, p99",
        "w2_200_p50": "W2: at 200/s, p50",
        "w2_200_p99": "W2: at 200/s, p99",
        "w3_fanout_200": "W3: 200 steps side by side and their join",
        "w4_chain_1000": "W4: 1,000 steps in a row",
    }
)


def ratios(figures: Sequence[Figure], *, quick: bool, say: Callable[[str], None]) -> list[Figure]:
    """Our steps per second over theirs, and theirs of every workload."""
    own = next((figure.value for figure in figures if figure.name == "w1_steps_per_s"), None)
    found: list[Figure] = []
    peers = (("dbos", transact.measure, DBOS_TARGET), ("restate", restate.measure, RESTATE_TARGET))
    for name, measure, target in peers:
        figure = f"w1_ratio_{name}"
        try:
            measured = measure(quick=quick, say=say)
        except PeerError as error:
            found.append(unmeasured(figure, "ratio", str(error), target, HIGHER))
            continue
        median = statistics.median(measured.steps_per_s)
        say(f"   {name}: {median:.0f} steps/s")
        if own is None:
            found.append(unmeasured(figure, "ratio", "w1 was not measured in this run", target, HIGHER))
        else:
            listed = tuple(round(own / rate, 3) for rate in measured.steps_per_s)
            note = f"{own:.0f} steps/s here, {median:.0f} there"
            found.append(Figure(figure, round(own / median, 3), "ratio", target, HIGHER, rounds=listed, note=note))
        found += _of_peer(name, measured)
    return found


def _of_peer(name: str, measured: Measured) -> list[Figure]:
    """A peer's figures, under the names of ours."""
    figures = [
        median_figure(f"{name}_w1_steps_per_s", measured.steps_per_s, "1/s", better=HIGHER),
        median_figure(f"{name}_w1_cpu_s_per_1000_steps", measured.cpu_s_per_1000_steps, "s"),
    ]
    for rate, rounds in measured.latencies_ms.items():
        figures.append(median_figure(f"{name}_w2_{rate}_p50", [p50 for p50, _ in rounds], "ms"))
        figures.append(median_figure(f"{name}_w2_{rate}_p99", [p99 for _, p99 in rounds], "ms"))
    for figure, seconds in (("w3_fanout_200", measured.wide_s), ("w4_chain_1000", measured.long_s)):
        if seconds:
            figures.append(median_figure(f"{name}_{figure}", seconds, "s"))
    return figures


def side_by_side(figures: Sequence[Figure]) -> str:
    """A table of ours and theirs, for the document; empty where no peer was measured."""
    values = {figure.name: figure for figure in figures}
    if not any(name.startswith(("dbos_", "restate_")) for name in values):
        return ""
    lines = [
        "",
        "### Beside the peers, in the same run",
        "",
        "| workload | here | DBOS | Restate |",
        "|---|---|---|---|",
    ]
    for name, words in WORKLOADS.items():
        cells = [values.get(f"{who}{name}") for who in ("", "dbos_", "restate_")]
        shown = ["none" if one is None or one.value is None else f"{one.value:,.4g} {one.unit}" for one in cells]
        lines.append(f"| {words} | {' | '.join(shown)} |")
    return "\n".join(lines) + "\n"
