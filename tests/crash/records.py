"""What crash rounds found, kept by seed: one line of JSON each, and a page that adds them up."""

import json
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from tests.crash.invariants import Verdict

ROOT: Final = Path(__file__).parents[2]
LOG: Final = ROOT / "docs" / "crash-rounds.jsonl"
PAGE: Final = ROOT / "docs" / "crash-rounds.md"
_HEAD: Final = """# Crash rounds

Written by `./scripts/test --crash N`: each round starts executions of every kind of work, breaks workers, servers and
connections while they run, and checks the invariants from the tables and from the receiver's own log. A round is made
from its seed: `./scripts/test --crash 1 --seed S` draws the same faults again. One line for each round stands in
`crash-rounds.jsonl`.
"""


@dataclass(frozen=True, slots=True)
class Record:
    """One round.

    Attributes:
        statuses: how its executions ended, and how many of them.
        faults: what was done to it, and how often.
        breaches: every breach of an invariant, in words.
        worst_resume_s: longest time from a kill until what the dead worker had held went on.
    """

    seed: int
    statuses: dict[str, int]
    faults: dict[str, int]
    lost: int
    doubled: int
    breaches: tuple[str, ...]
    worst_resume_s: float

    @classmethod
    def of(cls, seed: int, faults: Counter[str], verdict: Verdict) -> "Record":
        """The record of a round that was checked."""
        return cls(
            seed=seed,
            statuses=dict(sorted(verdict.statuses.items())),
            faults=dict(sorted(faults.items())),
            lost=verdict.lost,
            doubled=verdict.doubled,
            breaches=tuple(verdict.faults),
            worst_resume_s=round(verdict.worst_resume_s, 2),
        )

    @property
    def stale(self) -> int:
        """Writes under a stale epoch."""
        return sum(breach.startswith("I4") for breach in self.breaches)

    def line(self) -> str:
        """As it is kept."""
        members = {
            "seed": self.seed,
            "lost": self.lost,
            "doubled": self.doubled,
            "staleWrites": self.stale,
            "worstResumeSeconds": self.worst_resume_s,
            "executions": self.statuses,
            "faults": self.faults,
            "breaches": list(self.breaches),
        }
        return json.dumps(members)


def append(record: Record, log: Path = LOG) -> None:
    """Keep a record; one of the same seed that came before no longer counts."""
    with log.open("a", encoding="utf-8") as lines:
        lines.write(record.line() + "\n")


def read(log: Path = LOG) -> dict[int, Record]:
    """All that is kept, by seed."""
    if not log.exists():
        return {}
    found = (_record(json.loads(line)) for line in log.read_text(encoding="utf-8").splitlines() if line)
    return {record.seed: record for record in found}


def page_of(records: Iterable[Record]) -> str:
    """What they add up to, in Markdown."""
    rounds = sorted(records, key=lambda record: record.seed)
    faults: Counter[str] = Counter()
    statuses: Counter[str] = Counter()
    for record in rounds:
        faults.update(record.faults)
        statuses.update(record.statuses)
    rows = [
        ("Rounds", len(rounds)),
        ("Executions", sum(statuses.values())),
        ("Lost executions", sum(record.lost for record in rounds)),
        ("Doubled effects", sum(record.doubled for record in rounds)),
        ("Stale writes", sum(record.stale for record in rounds)),
        ("Rounds with a breach", sum(bool(record.breaches) for record in rounds)),
        ("Worst resume after a kill, s", max((record.worst_resume_s for record in rounds), default=0.0)),
    ]
    rows += [(f"Executions that ended {name}", count) for name, count in sorted(statuses.items())]
    rows += [(f"Fault `{name}`", count) for name, count in sorted(faults.items())]
    table = "".join(f"| {name} | {value} |\n" for name, value in rows)
    broken = "".join(f"- seed {record.seed}: {breach}\n" for record in rounds for breach in record.breaches)
    return f"{_HEAD}\n| What | Figure |\n|---|---|\n{table}" + (f"\n## Breaches\n\n{broken}" if broken else "")


def _record(members: Any) -> Record:
    return Record(
        seed=members["seed"],
        statuses=members["executions"],
        faults=members["faults"],
        lost=members["lost"],
        doubled=members["doubled"],
        breaches=tuple(members["breaches"]),
        worst_resume_s=members["worstResumeSeconds"],
    )
