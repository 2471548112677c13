"""Accepting executions in groups: calls that arrive together share one statement and one commit.

Nothing waits for a group to fill: a lone call is written at once, and what arrives while a group is being written makes
the next one.
"""

import asyncio
import time
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

import asyncpg
from sqlalchemy.ext.asyncio import AsyncConnection

from engine.errors import Unavailable
from engine.store.database import APP_ROLE, Database
from engine.store.governance import KeyScope
from engine.store.hot import HotConnection
from engine.store.spans import group
from engine.store.statements import load
from engine.store.webhook_deliveries import Arrival, claim_messages, settle_arrivals
from engine.telemetry.metrics import ACCEPTANCE_BATCH_SIZE, DATABASE_SECONDS, EXECUTIONS_ACCEPTED
from engine.telemetry.tracing import exemplar, exemplar_among, sampled_context_of

_SQL = load("acceptance")
_ACCEPT = DATABASE_SECONDS.labels("postgresql", "acceptance.accept")
GROUP_LIMIT: Final = 200
"""Executions in one statement, at most."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """An execution to be accepted, with what must stand beside it.

    Attributes:
        trigger_data: JSON text, stored byte for byte.
        revision: of the workflow, with `status` and `latest_version`: the facts that the decision was made on.
        key: None: the caller gave no idempotency key.
        decision_input: JSON text for the decision log; `decision_masked` has the pointers of what was hidden in it.
        decision_mode: `report`: policy would have refused it.
        slot_limit: executions of the workflow that may run at once; None: no limit.
        arrival: of a webhook: its message counts once, and it is kept with the execution.
    """

    tenant: str
    id: UUID
    workflow_id: UUID
    version: str
    content_hash: str
    trigger_type: str
    trigger_data: str
    priority: int
    qos_class: str
    started_by: str
    traceparent: str | None
    revision: int
    status: str
    latest_version: str | None
    key: KeyScope | None
    fingerprint: bytes | None
    key_expires_at: datetime | None
    audit_id: UUID
    action: str
    after_hash: str
    decision_id: UUID
    request_id: str
    source: str
    policy_revision: str
    decision_path: str
    decision_input: str
    trace_id: str | None
    decision_allowed: bool = True
    decision_mode: str = "enforce"
    decision_result: str = '{"allow":true}'
    decision_masked: str = "[]"
    arrival: Arrival | None = None
    slot_limit: int | None = None
    span_id: str | None = None


@dataclass(frozen=True, slots=True)
class Verdict:
    """What became of a candidate.

    Attributes:
        alive: False: the workflow has changed since its facts were read; nothing was written.
        created_at: None although alive: the idempotency key, or the message of a webhook, is an earlier call's; nothing
            was written.
    """

    alive: bool
    created_at: datetime | None


@dataclass(frozen=True, slots=True)
class Accepted:
    """An execution that is durable now. `traceparent` is that of the call that asked for it."""

    tenant: str
    id: UUID
    traceparent: str | None = None


Announce = Callable[[Sequence[Accepted]], Awaitable[None]]
"""Called after a commit with what was accepted; must not raise."""


class Acceptance:
    """The writer of one process. `width` groups may be under way at once, each on a connection of its own."""

    def __init__(
        self, database: Database, announce: Announce, *, width: int = 2, announces_decisions: bool = False
    ) -> None:
        self._announce = announce
        self._announces_decisions = announces_decisions
        self._idle = [HotConnection(database, APP_ROLE) for _ in range(width)]
        self._connections = tuple(self._idle)
        self._waiting: deque[tuple[Candidate, asyncio.Future[Verdict]]] = deque()
        self._tasks: set[asyncio.Task[None]] = set()

    async def accept(self, candidate: Candidate) -> Verdict:
        """Accept one execution; when this returns, it is durable.

        Raises:
            Unavailable: the database does not answer, and whether the execution was accepted is not known.
        """
        future: asyncio.Future[Verdict] = asyncio.get_running_loop().create_future()
        self._waiting.append((candidate, future))
        if self._idle:
            self._spawn(self._drain(self._idle.pop()))
        return await future

    async def accept_within(self, connection: AsyncConnection, candidates: Sequence[Candidate]) -> dict[UUID, Verdict]:
        """Accept executions in a transaction of the caller's, which has their tenant; the caller rings after commit.

        A candidate that is not alive has written nothing: the caller reads its facts anew, or gives up.
        """
        raw = (await connection.get_raw_connection()).driver_connection
        if raw is None:
            raise Unavailable("postgresql", "The connection is gone.")
        return await self._accept(raw, candidates)

    async def close(self) -> None:
        """Write what has been taken, ring for it, and close the connections."""
        while self._tasks:
            await asyncio.gather(*self._tasks, return_exceptions=True)
        for connection in self._connections:
            await connection.close()

    async def _drain(self, connection: HotConnection) -> None:
        try:
            while self._waiting:
                group = [self._waiting.popleft() for _ in range(min(len(self._waiting), GROUP_LIMIT))]
                await self._settle(connection, [item for item in group if not item[1].done()])
        finally:
            self._idle.append(connection)

    async def _settle(
        self, connection: HotConnection, group: Sequence[tuple[Candidate, asyncio.Future[Verdict]]]
    ) -> None:
        """Write a group and answer its callers. A row that the database refuses must not take the others with it."""
        if not group:
            return
        candidates = [candidate for candidate, _ in group]
        ACCEPTANCE_BATCH_SIZE.observe(len(candidates), exemplar_among(c.traceparent for c in candidates))
        try:
            verdicts = await self._write(connection, candidates)
        except Exception as error:  # noqa: BLE001  whatever it is belongs to the callers, who wait for it
            if len(group) == 1 or isinstance(error, Unavailable):
                _fail(group, error)
                return
            for item in group:
                await self._settle(connection, [item])
            return
        accepted = [
            Accepted(c.tenant, c.id, c.traceparent) for c in candidates if verdicts[c.id].created_at is not None
        ]
        for candidate, future in group:
            if not future.done():
                future.set_result(verdicts[candidate.id])
        if accepted:
            EXECUTIONS_ACCEPTED.inc(len(accepted))
            self._spawn(self._announce(accepted))

    async def _write(self, connection: HotConnection, candidates: Sequence[Candidate]) -> dict[UUID, Verdict]:
        tenants = frozenset(candidate.tenant for candidate in candidates)
        try:
            async with connection.for_tenants(tenants) as raw:
                if any(candidate.arrival for candidate in candidates):
                    async with raw.transaction():
                        return await self._accept_arrivals(raw, candidates)
                return await self._accept(raw, candidates)
        except Unavailable:
            return await self._resolve(connection, candidates)

    async def _accept(self, raw: asyncpg.Connection, candidates: Sequence[Candidate]) -> dict[UUID, Verdict]:
        with group("INSERT", "executions", (sampled_context_of(c.traceparent) for c in candidates)):
            began = time.perf_counter()
            rows = await raw.fetch(_SQL["accept"], *_arrays(candidates), self._announces_decisions)
            _ACCEPT.observe(time.perf_counter() - began, exemplar())
        return {row["id"]: Verdict(row["alive"], row["created_at"]) for row in rows}

    async def _accept_arrivals(self, raw: asyncpg.Connection, candidates: Sequence[Candidate]) -> dict[UUID, Verdict]:
        """A group with deliveries in it: each message is claimed before its execution is accepted, or not at all."""
        meant = [(c.id, c.arrival) for c in candidates if c.arrival is not None]
        fresh = await claim_messages(raw, meant)
        known = {execution_id for execution_id, _ in meant} - fresh
        verdicts = await self._accept(raw, [c for c in candidates if c.id not in known])
        accepted = frozenset(found for found, verdict in verdicts.items() if verdict.created_at is not None)
        await settle_arrivals(raw, [one for one in meant if one[0] in fresh], accepted)
        return verdicts | dict.fromkeys(known, Verdict(alive=True, created_at=None))

    async def _resolve(self, connection: HotConnection, candidates: Sequence[Candidate]) -> dict[UUID, Verdict]:
        """Learn by reading what a lost answer would have said. Either all of a group is there, or none of it.

        Raises:
            Unavailable: nothing is there (it may still come), or there is no answer again.
        """
        tenants = frozenset(candidate.tenant for candidate in candidates)
        async with connection.for_tenants(tenants) as raw:
            rows = await raw.fetch(_SQL["standing"], [c.tenant for c in candidates], [c.id for c in candidates])
        if not rows:
            raise Unavailable("postgresql", "The database went away while it was accepting the execution.")
        found = {row["id"]: row["created_at"] for row in rows}
        # What is not among them was refused by the same statement: its caller looks again and learns why.
        return {c.id: Verdict(alive=c.id in found, created_at=found.get(c.id)) for c in candidates}

    def _spawn(self, work: Awaitable[None]) -> None:
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


def _fail(group: Sequence[tuple[Candidate, asyncio.Future[Verdict]]], error: Exception) -> None:
    for _, future in group:
        if not future.done():
            future.set_exception(error)


def _arrays(candidates: Sequence[Candidate]) -> tuple[list[object], ...]:
    """The columns of the statement, in the order of its parameters."""
    return (
        [c.tenant for c in candidates],
        [c.id for c in candidates],
        [c.workflow_id for c in candidates],
        [c.version for c in candidates],
        [c.content_hash for c in candidates],
        [c.trigger_type for c in candidates],
        [c.trigger_data for c in candidates],
        [c.priority for c in candidates],
        [c.qos_class for c in candidates],
        [c.started_by for c in candidates],
        [c.traceparent for c in candidates],
        [c.revision for c in candidates],
        [c.status for c in candidates],
        [c.latest_version for c in candidates],
        [None if c.key is None else c.key.route for c in candidates],
        [None if c.key is None else c.key.key for c in candidates],
        [c.fingerprint for c in candidates],
        [c.key_expires_at for c in candidates],
        [c.audit_id for c in candidates],
        [c.action for c in candidates],
        [c.after_hash for c in candidates],
        [c.decision_id for c in candidates],
        [c.request_id for c in candidates],
        [c.source for c in candidates],
        [c.policy_revision for c in candidates],
        [c.decision_path for c in candidates],
        [c.decision_input for c in candidates],
        [c.trace_id for c in candidates],
        [c.decision_allowed for c in candidates],
        [c.decision_mode for c in candidates],
        [c.decision_result for c in candidates],
        [c.decision_masked for c in candidates],
        [c.slot_limit for c in candidates],
        [c.span_id for c in candidates],
    )
