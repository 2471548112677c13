"""The invariants I1 to I5 and I9 (docs/crash-rounds.md), checked from the tables and from the receiver's own log."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import pairwise
from uuid import UUID

import asyncpg

from tests.crash.receiver import Receiver

FINAL = frozenset({"completed", "failed", "cancelled"})


@dataclass(slots=True)
class Verdict:
    """What a check found.

    Attributes:
        lost: executions without a final state.
        doubled: steps with more than one effect, or with more requests than their delivery allows.
        faults: every breach, in words.
        statuses: how the executions ended.
        worst_resume_s: longest time from a kill until what the dead worker had held went on.
    """

    lost: int = 0
    doubled: int = 0
    faults: list[str] = field(default_factory=list)
    statuses: Counter[str] = field(default_factory=Counter)
    worst_resume_s: float = 0.0


@dataclass(frozen=True, slots=True)
class Row:
    """One checkpoint."""

    seq: int
    path: str
    iteration: str
    generation: int
    attempt: int
    status: str
    at: datetime
    epoch: int


@dataclass(frozen=True, slots=True)
class Orphan:
    """An execution that a worker held when it was killed, and under which epoch."""

    execution_id: UUID
    epoch: int
    killed_at: float


async def orphans_of(connection: asyncpg.Connection, pid: int, killed_at: float) -> list[Orphan]:
    """What the worker with this process id held when it died."""
    rows = await connection.fetch(
        "select e.id, e.lease_epoch from executions e join workers w on w.id = e.lease_owner where w.name like $1",
        f"%:{pid}",
    )
    return [Orphan(row["id"], row["lease_epoch"], killed_at) for row in rows]


async def check(
    connection: asyncpg.Connection, ids: Sequence[UUID], receiver: Receiver | None, orphans: Sequence[Orphan] = ()
) -> Verdict:
    """Check I1 to I5 and I9 for these executions."""
    verdict = Verdict()
    executions = {
        row["id"]: row
        for row in await connection.fetch(
            "select id, status, last_seq, lease_epoch, lease_owner, finished_at from executions where id = any($1)", ids
        )
    }
    histories = await _histories(connection, ids)
    for execution_id in ids:
        execution = executions.get(execution_id)
        if execution is None:
            verdict.lost += 1
            verdict.faults.append(f"I9 {execution_id}: accepted, and gone")
            continue
        rows = histories.get(execution_id, [])
        verdict.statuses[execution["status"]] += 1
        _one_final_state(verdict, execution, rows)
        _epochs_only_grow(verdict, execution, rows)
        _nothing_runs_again(verdict, execution_id, rows)
    for orphan in orphans:
        again = any(o.execution_id == orphan.execution_id and o.epoch > orphan.epoch for o in orphans)
        if not again:
            _measure_resume(verdict, orphan, histories.get(orphan.execution_id, []))
    if receiver is not None:
        _effects(verdict, receiver, {str(found) for found in ids})
    return verdict


async def _histories(connection: asyncpg.Connection, ids: Sequence[UUID]) -> dict[UUID, list[Row]]:
    found: dict[UUID, list[Row]] = {}
    for row in await connection.fetch(
        "select * from step_checkpoints where execution_id = any($1) order by execution_id, seq", ids
    ):
        checkpoint = Row(
            row["seq"], row["step_path"], row["iteration"], row["generation"], row["attempt"], row["status"], row["at"],
            row["lease_epoch"],
        )  # fmt: skip
        found.setdefault(row["execution_id"], []).append(checkpoint)
    return found


def _one_final_state(verdict: Verdict, execution: asyncpg.Record, rows: Sequence[Row]) -> None:
    """I1, and the row of the execution agrees with its history."""
    name = execution["id"]
    if execution["status"] not in FINAL:
        verdict.lost += 1
        verdict.faults.append(f"I1 {name}: still {execution['status']}")
        return
    ends = [row for row in rows if not row.path and row.status in FINAL]
    if len(ends) != 1 or rows[-1] is not ends[0] or ends[0].status != execution["status"]:
        verdict.faults.append(f"I1 {name}: {execution['status']}, and its history ends {[row.status for row in ends]}")
    if execution["lease_owner"] is not None:
        verdict.faults.append(f"I1 {name}: final and still leased")


def _epochs_only_grow(verdict: Verdict, execution: asyncpg.Record, rows: Sequence[Row]) -> None:
    """I4: nothing was written under a stale epoch, and I5: checkpoints only grow."""
    name = execution["id"]
    if [row.seq for row in rows] != list(range(1, len(rows) + 1)) or execution["last_seq"] != len(rows):
        verdict.faults.append(f"I5 {name}: its checkpoints have gaps or are not all there")
    if any(later.epoch < earlier.epoch for earlier, later in pairwise(rows)):
        verdict.faults.append(f"I4 {name}: a row under a stale epoch")
    if rows and rows[-1].epoch > execution["lease_epoch"]:
        verdict.faults.append(f"I4 {name}: a row under an epoch that nobody was given")


def _nothing_runs_again(verdict: Verdict, execution_id: UUID, rows: Sequence[Row]) -> None:
    """I5: a finished step never runs again."""
    finished: set[tuple[str, str, int]] = set()
    for row in rows:
        step = (row.path, row.iteration, row.generation)
        if row.path and step in finished:
            verdict.doubled += 1
            verdict.faults.append(f"I5 {execution_id}: {row.path} is {row.status} after it had finished")
        if row.path and row.status in {"completed", "failed", "skipped", "cancelled"}:
            finished.add(step)


def _measure_resume(verdict: Verdict, orphan: Orphan, rows: Sequence[Row]) -> None:
    """From the kill (the last one that it suffered) until the first checkpoint of the next holder."""
    later = next((row for row in rows if row.epoch > orphan.epoch), None)
    if later is not None:
        verdict.worst_resume_s = max(verdict.worst_resume_s, later.at.timestamp() - orphan.killed_at)


def _effects(verdict: Verdict, receiver: Receiver, ids: set[str]) -> None:
    """I2 and I3, as the receiver saw it."""
    for (execution, step), keys in receiver.keys().items():
        if execution in ids and len(keys) > 1:
            verdict.doubled += 1
            verdict.faults.append(f"I2 {execution}: {step} was asked for under {len(keys)} keys")
    at_most_once = {(r.execution, r.step) for r in receiver.log if r.delivery == "at_most_once"}
    for (execution, step), count in receiver.requests().items():
        if execution in ids and (execution, step) in at_most_once and count > 1:
            verdict.doubled += 1
            verdict.faults.append(f"I3 {execution}: {step} was sent {count} times")
