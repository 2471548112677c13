"""What crash rounds found, kept by seed: one line of JSON each, and a page that adds them up."""

import json
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from tests.crash.invariants import Verdict

ROOT: Final = Path(__file__).parents[2]
LOG: Final = ROOT / "docs" / "crash-rounds.jsonl"
HARD_LOG: Final = ROOT / "docs" / "crash-rounds-hard.jsonl"
PAGE: Final = ROOT / "docs" / "crash-rounds.md"
_HEAD: Final = """# Crash rounds

Written by `./scripts/test --crash N`: each round starts executions of every kind of work through the API, breaks
workers, servers, disks, clocks and connections while they run, and checks the invariants I1 to I9 from the tables and
from the receiver's own log. A round is made from its seed: `./scripts/test --crash 1 --seed S` draws the same faults
again. One line for each round stands in `crash-rounds.jsonl`; of a seed that was played again the last line counts.

A resume is counted from the kill of a worker (or from the moment when it was frozen or cut off) until the first
checkpoint of the next holder of what it had held, whatever else broke meanwhile, PostgreSQL's own recovery included.
"""
_INVARIANTS: Final = """
## What must hold

| | |
|---|---|
| I1 | every accepted execution ends in exactly one final state |
| I2 | a receiver that honours keys sees one effect per execution, step and iteration |
| I3 | a step that is delivered at most once sends one request or none |
| I4 | no row is written under a stale epoch |
| I5 | a finished step never runs again, and checkpoints only grow |
| I6 | each instant of a schedule is fired or recorded as skipped exactly once, and a message starts one execution |
| I7 | each human task has one final outcome, and its audit trail has no gaps |
| I8 | each published version and each finished execution is in the log once, and each checkpoint extends the last |
| I9 | what was answered with success is there after the recovery |

`tests/crash/invariants.py` and `tests/crash/obligations.py` check them.
"""
_HARD: Final = """
## Within one round

`./scripts/test --crash N --hard`: in each of these rounds PostgreSQL is stopped at once ten times and Redis is flushed
twenty times (`crash-rounds-hard.jsonl`).
"""
_FOUND: Final = """
## What rounds have found

Mended, and the seeds that showed it played again without a breach:

- An execution was given back while effects that its commit allowed still waited for a trusted lease (a frozen worker,
  slow links: seeds 11 and, before, 88): nobody would have taken it up again. `tests/workers/test_suspension.py`.
- The answer to a claim was lost (a link that passes questions and holds answers: seeds 15, 52, 263, 735, 743, 752): the
  worker pointed at itself for ever, as the one that holds it. `tests/workers/test_fencing.py`; for attempts that were
  lent, `tests/workers/test_lending.py`.
- A connection that a dying server had left in the middle of a statement was used once more, and its error taken for a
  refusal of what should be written (seed 8): a healthy execution was quarantined. `tests/store/test_hot.py`.
- An action that kills its worker at each attempt was made again for ever. `tests/workers/test_suspects.py`.
- An event whose relay was killed waited for half a minute (seed 4).

Most of these rounds shared two cores with other programs at a load of 20 to 40, several at a time: resumes are longer
than on a quiet machine. The longest is of seed 80, where PostgreSQL crashes while a worker is cut off.
"""
_FAULTS: Final = """
## What breaks, and what cannot be broken here

- kill -9 at every await and at random: `kill_worker`, `kill_all`; `crash_at_a_point` at every named point of
  `engine/telemetry/crash_points.py`
- SIGSTOP for up to three lease times, a blocked event loop: `freeze_worker`, `stall_worker` (less than a lease)
- PostgreSQL killed, stopped at once, without room: `crash_postgres`, `stop_postgres_at_once`, `fill_disk` (a disk
  image behind a loop device; left out, and said so, where none may be mounted)
- a socket cut after COMMIT, a link parted one way and both, half-open TCP, delay: `deafen_links`, `cut_links`,
  `silence_links`, `slow_links` (the suite's own TCP relay, links of its own for each worker)
- Redis flushed, restarted, restarted without its log, paused, out of memory or refusing writes: `flush_redis`,
  `restart_redis`, `lose_redis`, `pause_redis`, `refuse_redis_writes`
- a clock one hour wrong, either way: `set_clock_wrong`, the next worker's machine
- poison that kills the process: `poison_worker`, an action that kills its worker at each attempt and must end in
  quarantine
- a reply lost after the receiver applied it, a slow consumer: `lose_replies`; each answer takes up to 0.25 s
- two reconcilers: always, each of the three workers reconciles and fires schedules
- the ledger down: `kill_ledger`

Not here: promotion of a standby (one machine has one PostgreSQL; to a worker it is a crash and a new address, which
`crash_postgres` and `cut_links` are); mixed versions (`tests/upgrade` has them) and a ledger restored from a backup
(`tests/ledger` has it). A partition of whole machines, and a power cut that loses the page cache, need a second
machine.
"""


@dataclass(frozen=True, slots=True)
class Record:
    """One round.

    Attributes:
        statuses: how its executions ended, and how many of them.
        faults: what was done to it, and how often.
        breaches: every breach of an invariant, in words.
        took_s: length of the round.
        worst_resume_s: longest time from a kill until what the dead worker had held went on.
    """

    seed: int
    statuses: dict[str, int]
    faults: dict[str, int]
    lost: int
    doubled: int
    breaches: tuple[str, ...]
    worst_resume_s: float
    took_s: float

    @classmethod
    def of(cls, seed: int, faults: Counter[str], verdict: Verdict, took_s: float) -> "Record":
        """The record of a round that was checked."""
        return cls(
            seed=seed,
            statuses=dict(sorted(verdict.statuses.items())),
            faults={name: times for name, times in sorted(faults.items()) if times},
            lost=verdict.lost,
            doubled=verdict.doubled,
            breaches=tuple(verdict.faults),
            worst_resume_s=round(verdict.worst_resume_s, 2),
            took_s=round(took_s, 1),
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
            "seconds": self.took_s,
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


def write_page() -> None:
    """Write the page anew from all that is kept."""
    PAGE.write_text(page_of(read().values(), read(HARD_LOG).values()), encoding="utf-8")


def page_of(rounds: Iterable[Record], hard: Iterable[Record]) -> str:
    """What they add up to, in Markdown."""
    random, within_one = list(rounds), list(hard)
    broken = [record for record in (*random, *within_one) if record.breaches]
    breaches = "".join(f"- seed {record.seed}: {breach}\n" for record in broken for breach in record.breaches)
    return (
        f"{_HEAD}\n{_table(random)}{_HARD}\n{_table(within_one)}{_INVARIANTS}{_FOUND}{_FAULTS}"
        + (f"\n## Breaches\n\n{breaches}" if breaches else "")
    )  # fmt: skip


def _table(rounds: Sequence[Record]) -> str:
    faults: Counter[str] = Counter()
    statuses: Counter[str] = Counter()
    for record in rounds:
        faults.update(record.faults)
        statuses.update(record.statuses)
    resumes = sorted(record.worst_resume_s for record in rounds if record.worst_resume_s)
    rows = [
        ("Rounds", len(rounds)),
        ("Executions", sum(statuses.values())),
        ("Lost executions", sum(record.lost for record in rounds)),
        ("Doubled effects", sum(record.doubled for record in rounds)),
        ("Stale writes", sum(record.stale for record in rounds)),
        ("Rounds with a breach of any invariant", sum(bool(record.breaches) for record in rounds)),
        ("Worst resume after a kill, s", resumes[-1] if resumes else 0.0),
        ("Median of the rounds' worst resumes, s", resumes[len(resumes) // 2] if resumes else 0.0),
        ("Median length of a round, s", sorted(r.took_s for r in rounds)[len(rounds) // 2] if rounds else 0.0),
    ]
    rows += [(f"Executions that ended {name}", count) for name, count in sorted(statuses.items())]
    rows += [(f"Fault `{name}`", count) for name, count in sorted(faults.items())]
    return "| What | Figure |\n|---|---|\n" + "".join(f"| {name} | {value} |\n" for name, value in rows)


def _record(members: Any) -> Record:
    return Record(
        seed=members["seed"],
        statuses=members["executions"],
        faults=members["faults"],
        lost=members["lost"],
        doubled=members["doubled"],
        breaches=tuple(members["breaches"]),
        worst_resume_s=members["worstResumeSeconds"],
        took_s=members["seconds"],
    )
