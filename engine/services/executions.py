"""Use cases of executions: start, look, control."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AbstractContextManager
from typing import Protocol
from uuid import UUID

from engine.identity.actor import Actor
from engine.jsonvalue import JsonObject
from engine.policy.gate import Resource
from engine.services.authority import Authority
from engine.services.controls import Controls
from engine.services.execution_views import event_of, execution_of, log_of, written_line
from engine.services.facts import execution_missing, execution_resource
from engine.services.folds import Folded, Folds
from engine.services.pages import Listing
from engine.services.requests import (
    BulkRequest,
    ControlRequest,
    ExecuteRequest,
    ResolveRequest,
    RetryRequest,
    SignalRequest,
)
from engine.services.starts import Starts
from engine.services.values import (
    Accepted,
    BulkResult,
    Execution,
    ExecutionEvent,
    ExecutionFilter,
    LogEntry,
    PageRequest,
    Slice,
    StepView,
)
from engine.services.visibility import hidden_by
from engine.store import executions as rows
from engine.store.database import Database
from engine.store.executions import ExecutionConditions, ExecutionRow
from engine.store.visibility import Hidden

EVENTS_AT_ONCE = 500
STREAMS_READING = 4
"""Streams of a process that read at the same time: however many watch, connections are left for all other calls."""
LOG_LIMIT = 10_000

Pause = Callable[[UUID], Awaitable[None]]
"""Waits until there may be something new of an execution, or for a moment."""


class Watching(Protocol):
    """Somebody who watches an execution."""

    async def changed(self) -> None:
        """Wait until there may be something new since the last call."""
        ...


Watch = Callable[[UUID], AbstractContextManager[Watching]]
"""Watches an execution: what changes from then on is noticed, also between a look and the next wait."""


class Executions:
    """What callers do with executions. Every method acts within the actor's tenant.

    All raise `NotFound` for what is not in the tenant, `Denied` where policy refuses, and `Unavailable`.
    """

    def __init__(
        self,
        database: Database,
        authority: Authority,
        starts: Starts,
        controls: Controls,
        folds: Folds,
        watch: Watch,
    ) -> None:
        self._database = database
        self._authority = authority
        self._starts = starts
        self._controls = controls
        self._folds = folds
        self._watch = watch
        self._reading = asyncio.Semaphore(STREAMS_READING)

    async def execute(
        self, actor: Actor, workflow_id: UUID, request: ExecuteRequest, idempotency_key: str | None = None
    ) -> Accepted:
        """Start an execution; it is in PostgreSQL before this returns. See `Starts.start` for what it refuses.

        The same key and body give the same execution for 24 hours, also when both calls come at once.
        """
        started = await self._starts.start(actor, workflow_id, request, idempotency_key=idempotency_key)
        if started.fresh is None:
            return Accepted(await self.get(actor, started.execution_id), replayed=True)
        folded = await self._folds.of(started.fresh, ())
        return Accepted(_whole(started.fresh, folded), replayed=False)

    async def get(self, actor: Actor, execution_id: UUID) -> Execution:
        """One execution with its steps and context."""
        row = await self._found(actor, execution_id)
        await self._authority.permit(actor, "execution.read", execution_resource(row))
        return _whole(row, (await self._fold(actor, (row,)))[row.id])

    async def get_many(self, actor: Actor, execution_ids: Sequence[UUID]) -> dict[UUID, Execution]:
        """Those of the ids that the actor may see, without steps and context, in one query."""
        hidden = await self._permit_reading(actor)
        async with self._database.transaction(actor.tenant) as connection:
            found = await rows.find_many(connection, actor.tenant, execution_ids, hidden)
        return {row.id: execution_of(row) for row in found}

    async def steps_of(self, actor: Actor, execution_ids: Sequence[UUID]) -> dict[UUID, tuple[StepView, ...]]:
        """Steps of several executions, in two queries; nothing for those that are not in the tenant."""
        return {found: folded.steps for found, folded in (await self._folded(actor, execution_ids)).items()}

    async def contexts_of(self, actor: Actor, execution_ids: Sequence[UUID]) -> dict[UUID, JsonObject]:
        """Contexts of several executions, in two queries; nothing for those that are not in the tenant."""
        return {found: folded.context for found, folded in (await self._folded(actor, execution_ids)).items()}

    async def list(
        self, actor: Actor, wanted: ExecutionFilter, page: PageRequest, *, whole: bool = False
    ) -> Slice[Execution]:
        """Executions, newest first; `whole`: with steps and context.

        Raises:
            MalformedRequest: a limit, page or cursor that does not fit.
        """
        hidden = await self._permit_reading(actor)
        listing = Listing("executions", wanted)
        window = listing.window(page)
        conditions = ExecutionConditions(
            wanted.workflow_id, wanted.status, wanted.version, wanted.parent_execution_id, hidden
        )
        async with self._database.transaction(actor.tenant) as connection:
            found_rows, found = await rows.find_window(connection, actor.tenant, conditions, window)
            total = await rows.count_all(connection, actor.tenant, conditions) if page.count else None
        folded = await self._fold(actor, found_rows) if whole else {}
        items = [_whole(row, folded[row.id]) if whole else execution_of(row) for row in found_rows]
        return listing.slice(items, [row.id for row in found_rows], found, total)

    async def cancel(self, actor: Actor, execution_id: UUID, request: ControlRequest) -> Execution:
        """Ask for the end of an unfinished execution. It ends soon after: what is running is stopped first.

        As with all that follows here, the answer waits a moment for the holder of the execution to act on it.

        Raises:
            Conflict: it has ended already (`execution.not_cancelable`).
        """
        return await self._seen(await self._controls.cancel(actor, execution_id, request))

    async def pause(self, actor: Actor, execution_id: UUID, request: ControlRequest) -> Execution:
        """Hold a queued or running execution: nothing new starts, what is out may come back.

        Raises:
            Conflict: it is in another state (`execution.not_pauseable`).
        """
        return await self._seen(await self._controls.pause(actor, execution_id, request))

    async def resume(self, actor: Actor, execution_id: UUID, request: ControlRequest) -> Execution:
        """Let a paused execution go on.

        Raises:
            Conflict: it is not paused (`execution.not_resumeable`).
        """
        return await self._seen(await self._controls.resume(actor, execution_id, request))

    async def retry(self, actor: Actor, execution_id: UUID, request: RetryRequest) -> Execution:
        """Run failed work of an ended execution again, or all from a named step on, keeping finished work.

        Raises:
            Conflict: it has not ended, or completed and no step is named (`execution.not_retryable`).
            NotFound: the version has no such step (`step.not_found`).
        """
        return await self._seen(await self._controls.retry(actor, execution_id, request))

    async def signal(self, actor: Actor, execution_id: UUID, name: str, request: SignalRequest) -> Execution:
        """Send a signal to an unfinished execution; one that comes before its step waits is kept.

        Raises:
            Conflict: it has ended (`execution.not_signalable`).
        """
        return await self._seen(await self._controls.signal(actor, execution_id, name, request))

    async def resolve(self, actor: Actor, execution_id: UUID, step_id: str, request: ResolveRequest) -> Execution:
        """Decide an in-doubt step.

        Raises:
            Conflict: it is not in doubt (`step.not_in_doubt`), or the execution has ended.
            NotFound: the version has no such step (`step.not_found`).
        """
        return await self._seen(await self._controls.resolve(actor, execution_id, step_id, request))

    async def bulk(self, actor: Actor, request: BulkRequest) -> BulkResult:
        """One operation on all executions that match a filter, at most 1,000; those it does not fit are named."""
        return await self._controls.bulk(actor, request)

    async def logs(self, actor: Actor, execution_id: UUID) -> tuple[LogEntry, ...]:
        """The log, oldest first: each recorded transition, and what steps wrote themselves; at most 10,000 of each."""
        row = await self._found(actor, execution_id)
        await self._authority.permit(actor, "execution.read", execution_resource(row))
        async with self._database.transaction(actor.tenant) as connection:
            recorded = await rows.find_checkpoints_after(connection, actor.tenant, execution_id, 0, LOG_LIMIT)
            written = await rows.find_logs(connection, actor.tenant, execution_id, LOG_LIMIT)
        lines = [*map(log_of, recorded), *map(written_line, written)]
        return tuple(sorted(lines, key=lambda line: line.at))

    async def events(self, actor: Actor, execution_id: UUID, after_seq: int = 0) -> AsyncIterator[ExecutionEvent]:
        """Recorded transitions after `after_seq`, then new ones as they come; ends when the execution has ended.

        A lost connection goes on with the last `seq` that arrived: none is skipped, none comes twice.
        """
        row = await self._found(actor, execution_id)
        await self._authority.permit(actor, "execution.read", execution_resource(row))
        seq = after_seq
        with self._watch(execution_id) as watching:
            while True:
                async with self._reading, self._database.transaction(actor.tenant) as connection:
                    current = await rows.find(connection, actor.tenant, execution_id)
                    recorded = await rows.find_checkpoints_after(
                        connection, actor.tenant, execution_id, seq, EVENTS_AT_ONCE
                    )
                for transition in recorded:
                    seq = transition.seq
                    yield event_of(execution_id, transition)
                if current is None or (execution_of(current).status.is_final and seq >= current.last_seq):
                    return
                if len(recorded) < EVENTS_AT_ONCE:
                    await watching.changed()

    async def _permit_reading(self, actor: Actor) -> Hidden | None:
        """Permission to read many; what must be left out."""
        return hidden_by(await self._authority.permit(actor, "execution.read", Resource("execution", None)))

    async def _found(self, actor: Actor, execution_id: UUID) -> ExecutionRow:
        async with self._database.transaction(actor.tenant) as connection:
            row = await rows.find(connection, actor.tenant, execution_id)
        if row is None:
            raise execution_missing(execution_id)
        return row

    async def _folded(self, actor: Actor, execution_ids: Sequence[UUID]) -> dict[UUID, Folded]:
        hidden = await self._permit_reading(actor)
        async with self._database.transaction(actor.tenant) as connection:
            found = await rows.find_many(connection, actor.tenant, execution_ids, hidden)
        return await self._fold(actor, found)

    async def _fold(self, actor: Actor, found: Sequence[ExecutionRow]) -> dict[UUID, Folded]:
        async with self._database.transaction(actor.tenant) as connection:
            recorded = await rows.find_checkpoints(connection, actor.tenant, [row.id for row in found])
        return {row.id: await self._folds.of(row, recorded[row.id]) for row in found}

    async def _seen(self, row: ExecutionRow) -> Execution:
        """What somebody sees who was permitted to change it: all of it."""
        async with self._database.transaction(row.tenant) as connection:
            recorded = await rows.find_checkpoints(connection, row.tenant, [row.id])
        return _whole(row, await self._folds.of(row, recorded[row.id]))


def _whole(row: ExecutionRow, folded: Folded) -> Execution:
    return execution_of(row, folded.steps, folded.context)
