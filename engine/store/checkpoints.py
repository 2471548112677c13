"""Checkpoints: the group commit of many executions, their histories, and what became of a commit without an answer."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any
from uuid import UUID

import asyncpg

from engine.jsonvalue import dumps
from engine.runtime.states import ExecutionStatus, StepStatus
from engine.runtime.transitions import Failure, StepTransition, Transition
from engine.store.claims import ExecutionRef
from engine.store.durable_effects import DurableEffects, write_effects
from engine.store.event_codec import encode_failure
from engine.store.hot import HotConnection
from engine.store.outbox import Announcement
from engine.store.statements import load
from engine.store.transition_codec import CheckpointRow, decode_row, encode_row
from engine.telemetry.metrics import DATABASE_SECONDS
from engine.telemetry.tracing import exemplar

_SQL = load("checkpoints")
_COMMIT = DATABASE_SECONDS.labels("postgresql", "checkpoints.commit")
_CHECKPOINT_COLUMNS = 14
_ANNOUNCEMENT_COLUMNS = 6


@dataclass(slots=True)
class Commit:
    """What one execution wants written: its next transitions, and all that must be durable with them.

    Attributes:
        epoch: of the lease under which it is written; stale: nothing of it is.
        base_seq: newest checkpoint before this commit.
        current_step: None leaves the one that stands there.
        release: give the lease back: nothing is out, the execution waits or has ended.
        effects: None in the common case, which is one statement for the whole batch.
        new_id: makes ids of rows that turn out to be needed.
    """

    tenant: str
    execution_id: UUID
    epoch: int
    base_seq: int
    transitions: list[Transition]
    status: ExecutionStatus
    current_step: str | None = None
    finished_at: datetime | None = None
    failure: Failure | None = None
    failed_steps: tuple[str, ...] = ()
    release: bool = False
    announcements: list[Announcement] = field(default_factory=list)
    effects: DurableEffects | None = None
    new_id: Callable[[], UUID] | None = None

    @property
    def closes_tasks(self) -> bool:
        """Whether tasks that are open become obsolete with it."""
        return self.effects is not None and self.effects.is_final

    def closing_tasks(self) -> "Commit | None":
        """The same that closes tasks too; None where that is nothing new, or the execution goes on."""
        if self.closes_tasks or self.finished_at is None or self.new_id is None:
            return None
        effects = self.effects or DurableEffects(self.tenant, self.execution_id, self.new_id)
        return replace(self, effects=replace(effects, is_final=True))

    @property
    def last_seq(self) -> int:
        """Newest checkpoint after this commit."""
        return self.base_seq + len(self.transitions)

    @property
    def is_progress(self) -> bool:
        """Whether more came of the claim than attempts that were begun: one of them may be what kills the process."""
        return self.release or not all(
            isinstance(transition, StepTransition) and transition.status is StepStatus.RUNNING
            for transition in self.transitions
        )


@dataclass(frozen=True, slots=True)
class Written:
    """What a group commit did.

    Attributes:
        held: executions whose fence held; the others lost their lease and nothing was written for them.
        to_ring: executions to which this commit posted something, or which it started.
        tasks_of: tenants whose tasks it has changed.
    """

    held: frozenset[UUID]
    to_ring: tuple[ExecutionRef, ...] = ()
    tasks_of: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Landed:
    """What became of commits whose answer was lost. A commit in neither set lost its lease."""

    written: frozenset[UUID]
    repeatable: frozenset[UUID]


async def write(connection: HotConnection, owner: UUID, commits: Sequence[Commit]) -> Written:
    """Write all of `commits` in one transaction, of one statement where none of them has rarer effects.

    Executions that end and turn out to have tasks that people opened for them come in a second one, with their tasks.

    Raises:
        Unavailable: no answer; `landed` tells what was written.
        MaestroError: the database refused a row; `landed` tells what was written.
    """
    written = await _written(connection, owner, commits)
    left = [commit for commit in commits if commit.execution_id not in written.held]
    if not left:
        return written
    closing = [again for commit in left if (again := commit.closing_tasks()) is not None]
    if not closing:
        return written
    closed = await _written(connection, owner, closing)
    return Written(written.held | closed.held, (*written.to_ring, *closed.to_ring), written.tasks_of | closed.tasks_of)


async def _written(connection: HotConnection, owner: UUID, commits: Sequence[Commit]) -> Written:
    tenants = frozenset(commit.tenant for commit in commits)
    arguments = _arguments(owner, commits)
    if all(commit.effects is None for commit in commits):
        async with connection.for_tenants(tenants) as raw:
            return Written(await _commit(raw, arguments))
    async with connection.transaction(tenants) as raw:
        held = await _commit(raw, arguments)
        with_effects = [commit.effects for commit in commits if commit.effects and commit.execution_id in held]
        followed = await write_effects(raw, with_effects)
        return Written(held, followed.to_ring, followed.tasks_of)


async def landed(connection: HotConnection, owner: UUID, commits: Sequence[Commit]) -> Landed:
    """After a lost answer: which commits were written, and which were not and may be repeated."""
    tenants, ids = [c.tenant for c in commits], [c.execution_id for c in commits]
    async with connection.for_tenants(frozenset(tenants)) as raw:
        rows = {row["id"]: row for row in await raw.fetch(_SQL["standing"], tenants, ids)}
    written: set[UUID] = set()
    repeatable: set[UUID] = set()
    for commit in commits:
        row = rows.get(commit.execution_id)
        if row is None or row["lease_epoch"] != commit.epoch:
            continue
        owned = row["lease_owner"] == owner
        if row["last_seq"] == commit.last_seq and (commit.transitions or not owned):
            written.add(commit.execution_id)
        elif row["last_seq"] == commit.base_seq and owned:
            # Without transitions nothing shows whether it was written; all that such a commit holds may be repeated.
            repeatable.add(commit.execution_id)
    return Landed(frozenset(written), frozenset(repeatable))


async def histories(connection: HotConnection, refs: Sequence[ExecutionRef]) -> dict[UUID, list[Transition]]:
    """All recorded transitions of each execution, in order."""
    rows = await connection.fetch(_SQL["history"], [ref.tenant for ref in refs], [ref.id for ref in refs])
    found: dict[UUID, list[Transition]] = {ref.id: [] for ref in refs}
    for row in rows:
        found[row["execution_id"]].append(decode_row(row))
    return found


async def _commit(raw: asyncpg.Connection, arguments: list[object]) -> frozenset[UUID]:
    began = time.perf_counter()
    rows = await raw.fetch(_SQL["commit"], *arguments)
    _COMMIT.observe(time.perf_counter() - began, exemplar())
    return frozenset(row["id"] for row in rows)


def _arguments(owner: UUID, commits: Sequence[Commit]) -> list[object]:
    """The arrays of the statement `commit`, in the order of its parameters."""
    heads: list[tuple[object, ...]] = []
    rows: list[CheckpointRow] = []
    announcements: list[tuple[object, ...]] = []
    for c in commits:
        heads.append(
            (
                c.tenant,
                c.execution_id,
                c.epoch,
                c.base_seq,
                c.last_seq,
                c.status.value,
                c.current_step,
                c.finished_at,
                None if c.failure is None else dumps(encode_failure(c.failure)),
                dumps(list(c.failed_steps)) if c.failed_steps else None,
                c.release,
            )
        )
        rows.extend(encode_row(c.tenant, c.execution_id, c.epoch, transition) for transition in c.transitions)
        announcements.extend(
            (c.tenant, a.id, a.topic, a.subject_id, dumps(a.payload), a.traceparent) for a in c.announcements
        )
    return [
        *_columns(heads, len(heads[0])),
        owner,
        *_columns(rows, _CHECKPOINT_COLUMNS),
        *_columns(announcements, _ANNOUNCEMENT_COLUMNS),
        [commit.is_progress for commit in commits],
        [commit.closes_tasks for commit in commits],
    ]


def _columns(rows: Sequence[tuple[Any, ...]], width: int) -> list[list[Any]]:
    return [list(column) for column in zip(*rows, strict=True)] if rows else [[] for _ in range(width)]
