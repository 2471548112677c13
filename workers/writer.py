"""The writer: one group commit after another, for all executions of this process."""

import asyncio
import logging
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final
from uuid import UUID

from opentelemetry.trace import SpanContext

from engine.errors import Unavailable
from engine.queue.changes import tasks_of
from engine.store import checkpoints
from engine.store.checkpoints import Commit
from engine.store.claims import ExecutionRef
from engine.store.hot import HotConnection
from engine.store.spans import group
from engine.telemetry.crash_points import reach
from engine.telemetry.metrics import COMMIT_BATCH_SIZE
from engine.telemetry.tracing import exemplar
from workers.config import WorkerConfig
from workers.leases import Lease

_log = logging.getLogger(__name__)

RECONNECT_S: Final = 0.2


class Fate(StrEnum):
    """What became of a commit. written: durable. lost: the lease is gone. refused: the database takes no such row."""

    WRITTEN = "written"
    LOST = "lost"
    REFUSED = "refused"


Done = Callable[[Fate], None]


@dataclass(slots=True)
class _Submitted:
    commit: Commit
    done: Done
    context: SpanContext | None


class Writer:
    """Commits what has gathered while the last transaction ran; nothing waits for a batch to fill."""

    def __init__(
        self,
        connections: Sequence[HotConnection],
        owner: UUID,
        lease: Lease,
        config: WorkerConfig,
        ring: Callable[[Sequence[ExecutionRef]], None],
        tell: Callable[[Iterable[UUID]], None],
    ) -> None:
        self._connections = connections
        self._owner = owner
        self._lease = lease
        self._limit = config.commit_batch
        self._ring = ring
        self._tell = tell
        self._waiting: deque[_Submitted] = deque()
        self._in_hand = 0
        self._wake = asyncio.Event()
        self._idle = asyncio.Event()
        self._idle.set()

    @property
    def backlog(self) -> int:
        """Commits that wait, those in a running transaction not counted."""
        return len(self._waiting)

    def submit(self, commit: Commit, done: Done, context: SpanContext | None = None) -> None:
        """Have it written; `done` is called from the writer when it is known what became of it.

        `context` is the span that the commit is made for, where spans are recorded.
        """
        self._waiting.append(_Submitted(commit, done, context))
        self._idle.clear()
        self._wake.set()

    async def drained(self) -> None:
        """Return when nothing waits and nothing is being written."""
        await self._idle.wait()

    async def run(self) -> None:
        """Write for ever, on every connection."""
        async with asyncio.TaskGroup() as group:
            for number, connection in enumerate(self._connections):
                group.create_task(self._run(connection), name=f"writer-{number}")

    async def run_once(self, connection: HotConnection) -> int:
        """Write one batch. Returns how many commits it held; 0: nothing waited."""
        batch = [self._waiting.popleft() for _ in range(min(self._limit, len(self._waiting)))]
        if not batch:
            return 0
        self._in_hand += len(batch)
        try:
            await self._lease.wait_trusted()
            await self._write(connection, batch)
        finally:
            self._in_hand -= len(batch)
            if not self._in_hand and not self._waiting:
                self._idle.set()
        return len(batch)

    async def _run(self, connection: HotConnection) -> None:
        while True:
            if not await self.run_once(connection):
                self._wake.clear()
                await self._wake.wait()

    async def _write(self, connection: HotConnection, batch: list[_Submitted]) -> None:
        reach("before_commit")
        try:
            with group("INSERT", "step_checkpoints", (entry.context for entry in batch)):
                COMMIT_BATCH_SIZE.observe(len(batch), exemplar())
                written = await checkpoints.write(connection, self._owner, [entry.commit for entry in batch])
        except Unavailable as error:
            _log.warning(
                "A commit had no answer; looking what became of it.", extra={"action": "commit", "error": error.code}
            )
            await self._resolve(connection, batch)
            return
        except Exception as error:  # noqa: BLE001 - a value that cannot even be encoded is refused like any other
            await self._narrow(connection, batch, error)
            return
        reach("after_commit")
        self._ring(written.to_ring)
        self._tell([*written.held, *map(tasks_of, written.tasks_of)])
        for entry in batch:
            entry.done(Fate.WRITTEN if entry.commit.execution_id in written.held else Fate.LOST)

    async def _resolve(self, connection: HotConnection, batch: list[_Submitted]) -> None:
        """Read what is there before anything is repeated, as often as it takes."""
        while True:
            await asyncio.sleep(RECONNECT_S)
            await self._lease.wait_trusted()
            try:
                found = await checkpoints.landed(connection, self._owner, [entry.commit for entry in batch])
            except Unavailable:
                continue
            break
        again: list[_Submitted] = []
        for entry in batch:
            if entry.commit.execution_id in found.written:
                entry.done(Fate.WRITTEN)
            elif entry.commit.execution_id in found.repeatable:
                again.append(entry)
            else:
                entry.done(Fate.LOST)
        if again:
            await self._write(connection, again)

    async def _narrow(self, connection: HotConnection, batch: list[_Submitted], error: Exception) -> None:
        """One row that the database refuses must not hold up the others: halve until it stands alone."""
        if len(batch) == 1:
            _log.error(
                "The database refuses what an execution wants written.",
                extra={"action": "commit", "execution_id": str(batch[0].commit.execution_id)},
                exc_info=error,
            )
            batch[0].done(Fate.REFUSED)
            return
        middle = len(batch) // 2
        await self._write(connection, batch[:middle])
        await self._write(connection, batch[middle:])
