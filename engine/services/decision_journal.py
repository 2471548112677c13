"""The journal: decisions that no change has written down, gathered and written a moment later.

A change writes its decision in its own transaction, and a refusal is written before its caller hears of it. What is
left are allowed reads, and permissions that came to nothing: the body was wrong, the state did not allow it, nothing
changed. Equal reads of one flush are one row that says how many they were. A process that is killed loses at most what
it has gathered since its last flush.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

import orjson

from engine.clock import Clock
from engine.errors import MaestroError
from engine.services.permits import Permit, decision_entry
from engine.store.database import Database
from engine.store.governance import DecisionEntry, Gathered, record_decisions
from engine.telemetry.metrics import POLICY_DECISIONS_LOST

_log = logging.getLogger(__name__)

FLUSH_S: Final = 1.0
"""From the first decision gathered to the flush."""
AT_ONCE: Final = 200
"""Decisions of one statement; others have the loop between two of them."""
MOST: Final = 20_000
"""Different decisions that are gathered at most. More are counted as lost, and only where the database is away."""
KEPT: Final = timedelta(days=30)
"""How long they stay in the log: nothing that was changed rests on them."""

_Open = dict[str, Permit]
_OPEN: ContextVar[_Open | None] = ContextVar("open permits of a call", default=None)


@dataclass(slots=True)
class _Noted:
    permit: Permit
    first_at: datetime
    last_at: datetime
    times: int = 1


class DecisionJournal:
    """One per process. `note` never waits; `close` writes what is left."""

    def __init__(self, database: Database, clock: Clock, *, announces: bool) -> None:
        """Take whether each row also goes to the outbox, for a log outside."""
        self._database = database
        self._clock = clock
        self._announces = announces
        self._noted: dict[tuple[object, ...], _Noted] = {}
        self._flushing: asyncio.Task[None] | None = None
        self._is_closed = False

    @asynccontextmanager
    async def call(self) -> AsyncIterator[None]:
        """One call from outside. What was permitted in it and not settled is noted when it ends, however it ends."""
        if _OPEN.get() is not None:
            yield
            return
        permits: _Open = {}
        token = _OPEN.set(permits)
        try:
            yield
        finally:
            _OPEN.reset(token)
            for permit in permits.values():
                self._gather((permit.decision.id,), permit)

    def expect(self, permit: Permit) -> None:
        """A change may come of this permission; if it is not settled by the end of the call, it is noted."""
        permits = _OPEN.get()
        if permits is not None:
            permits[permit.decision.id] = permit

    def settling(self, permit: Permit) -> Callable[[], None]:
        """What to call once the decision stands in the log, committed with what it allowed."""
        permits = _OPEN.get()

        def settle() -> None:
            if permits is not None:
                permits.pop(permit.decision.id, None)

        return settle

    def note(self, permit: Permit) -> None:
        """An allowed read. One like it that waits already counts once more."""
        actor, resource = permit.actor, permit.resource
        likeness = (
            actor.tenant,
            actor.subject,
            actor.roles,
            actor.groups,
            orjson.dumps(actor.attributes, default=str, option=orjson.OPT_SORT_KEYS) if actor.attributes else b"",
            actor.source,
            permit.action,
            resource.type,
            resource.id,
            permit.decision.policy_revision,
        )
        self._gather(likeness, permit)

    async def flush(self) -> int:
        """Write what is gathered. Returns how many rows that were.

        Raises:
            MaestroError: the database does not answer; what it has not taken is kept for the next time.
        """
        written = 0
        while self._noted:
            part = list(self._noted.items())[:AT_ONCE]
            for likeness, _ in part:
                del self._noted[likeness]
            try:
                await self._write([noted for _, noted in part])
            except BaseException:
                self._noted = dict(part) | self._noted
                raise
            written += len(part)
        return written

    async def close(self) -> None:
        """Write what is left, as far as the database lets."""
        self._is_closed = True
        if self._flushing is not None:
            self._flushing.cancel()
            await asyncio.gather(self._flushing, return_exceptions=True)
        await self._flush_safely()

    def _gather(self, likeness: tuple[object, ...], permit: Permit) -> None:
        now = self._clock.now()
        noted = self._noted.get(likeness)
        if noted is not None:
            noted.times += 1
            noted.last_at = now
            return
        if len(self._noted) >= MOST:
            POLICY_DECISIONS_LOST.inc()
            return
        self._noted[likeness] = _Noted(permit, now, now)
        if self._flushing is None and not self._is_closed:
            self._flushing = asyncio.get_running_loop().create_task(self._flush_soon(), name="decision journal")

    async def _flush_soon(self) -> None:
        while self._noted:
            await asyncio.sleep(FLUSH_S)
            await self._flush_safely()
        self._flushing = None

    async def _flush_safely(self) -> None:
        try:
            await self.flush()
        except MaestroError as error:
            facts = {"action": "policy.journal", "error": error.code, "count": len(self._noted)}
            _log.warning("Decisions could not be written down; they will be.", extra=facts)

    async def _write(self, part: list[_Noted]) -> None:
        entries = [_entry(noted) for noted in part]
        tenants = sorted({entry.tenant for entry in entries})
        async with self._database.transaction(*tenants) as connection:
            await record_decisions(connection, entries, announce=self._announces)


def _entry(noted: _Noted) -> DecisionEntry:
    gathered = Gathered(noted.first_at, noted.last_at, noted.times, noted.last_at + KEPT)
    return decision_entry(noted.permit, None, gathered=gathered)
