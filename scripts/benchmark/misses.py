"""Why targets are missed where they are: what was found, and the next idea. Kept here, so that no run loses it."""

from collections.abc import Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from scripts.benchmark.figures import Figure


@dataclass(frozen=True, slots=True)
class Finding:
    """Of figures that a target may be missed by."""

    reason: str
    next_idea: str


_WAITS: Final = Finding(
    "a call waits for a core, not for a lock: alone, without others to share a group with, it costs about 4 ms of CPU "
    "in all processes, most of it waking up and looking around in six of them",
    "claim and first checkpoint in one statement: one commit, one round trip and one update of the execution's row "
    "fewer; the claim stands by itself today because it counts deliveries of what may kill workers",
)
_COMMITS: Final = Finding(
    "four commits one after another (acceptance, claim, intent, outcome), and between each two of them a wake-up",
    _WAITS.next_idea,
)
_CALLS: Final = Finding(
    "two cores are full. Of the CPU of an execution of ten steps a quarter is its call over REST, a third its steps in "
    "the worker, a seventh its evidence in worker and ledger, a quarter PostgreSQL. No part stands out any more: it is "
    "the sum of many small pieces of Python",
    "a call that starts many executions at once; the fold of a transition and its row in a compiled module",
)
FINDINGS: Final = MappingProxyType(
    {
        "enqueue_p95_at_200_rps": _WAITS,
        "w2_50_p50": _COMMITS,
        "w2_50_p99": _WAITS,
        "w2_200_p50": _COMMITS,
        "w2_200_p99": _WAITS,
        "enqueue_sustained_rps": Finding(
            "about 1.9 ms of CPU a call in all processes: two cores end near 1,000/s. A third is PostgreSQL's: two of "
            "three updates of the execution's row enter it anew into five indexes, as `status`, `lease_owner` and "
            "`finished_at` are indexed",
            "keep what changes (status, lease, sequence) in a narrow table of unfinished executions, and the listed "
            "row for what never changes",
        ),
        "w1_ratio_dbos": _CALLS,
        "w1_ratio_restate": _CALLS,
        "w4_chain_1000": Finding(
            "two commits a step, one after another: 0.35 ms each, of which fsync and the round trip are the most",
            "nothing smaller than a server of our own beside PostgreSQL",
        ),
        "diff_200_p95": Finding(
            "3.4 ms of CPU in the API, of which the comparison has 0.8; most is reading and writing documents of 30 KB",
            "keep definitions of versions as text, and pass them on without reading them",
        ),
    }
)
_UNKNOWN: Final = Finding("not found yet", "profile it on a quiet machine")


def misses(figures: Sequence[Figure]) -> str:
    """The part of the document about targets that a run has missed."""
    missed = [figure for figure in figures if figure.is_met is False]
    heading = "\n### Targets not reached in this run, why, and what comes next\n\n"
    if not missed:
        return heading + "None.\n"
    lines = ["| figure | value | target | reason found | next idea |", "|---|---|---|---|---|"]
    for figure in missed:
        found = FINDINGS.get(figure.name, _UNKNOWN)
        lines.append(
            f"| `{figure.name}` | {figure.value:,g} | {figure.target:g} | {found.reason} | {found.next_idea} |"
        )
    return heading + "\n".join(lines) + "\n"
