"""The same workload on DBOS Transact and on Restate, in the same run.

What is comparable: DBOS keeps its steps in PostgreSQL as we do (two workers on one queue, polled every 50 ms, its
fastest setting for this). Restate keeps its own log in a native server (two partitions, 256 calls in flight, its
TypeScript SDK). Neither pays for policy, audit, provenance or tenancy. All commits are durable on all sides.
"""

import statistics
from collections.abc import Callable, Sequence

from scripts.benchmark.figures import HIGHER, Figure, unmeasured
from scripts.benchmark.peers import restate, transact
from scripts.benchmark.peers.peer import PeerError

DBOS_TARGET = 20.0
RESTATE_TARGET = 1.5


def ratios(figures: Sequence[Figure], *, quick: bool, say: Callable[[str], None]) -> list[Figure]:
    """Our steps per second over theirs."""
    own = next((figure.value for figure in figures if figure.name == "w1_steps_per_s"), None)
    measured = []
    peers = (("dbos", transact.measure, DBOS_TARGET), ("restate", restate.measure, RESTATE_TARGET))
    for name, measure, target in peers:
        figure = f"w1_ratio_{name}"
        if own is None:
            measured.append(unmeasured(figure, "ratio", "w1 was not measured in this run", target, HIGHER))
            continue
        try:
            rounds = measure(quick=quick, say=say)
        except PeerError as error:
            measured.append(unmeasured(figure, "ratio", str(error), target, HIGHER))
            continue
        median = statistics.median(rounds)
        say(f"   {name}: {median:.0f} steps/s")
        listed = tuple(round(own / rate, 3) for rate in rounds)
        note = f"{own:.0f} steps/s here, {median:.0f} there"
        measured.append(Figure(figure, round(own / median, 3), "ratio", target, HIGHER, rounds=listed, note=note))
    return measured
