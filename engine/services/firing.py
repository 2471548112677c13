"""Firing: from due ticks to executions, by whichever worker comes first.

A pass reads a schedule, decides what its due ticks come to, asks policy for what is to start, and then moves the
cursor, writes the ledger and accepts the executions in one transaction that is guarded by the schedule's revision. Of
many passes at once one moves it; the others find it moved, and nothing of theirs is written.
"""

import asyncio
import logging
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID, uuid5

from engine.errors import Conflict, Denied, MaestroError, NotFound, ValidationFailed
from engine.identity.actor import Actor
from engine.queue.bell import Bell
from engine.runtime.events import CancelAsked
from engine.services.requests import ExecuteRequest
from engine.services.schedule_rules import place_at, rule_of, trigger_data_of
from engine.services.starts import Starts
from engine.services.tick_ledger import write_outcomes
from engine.services.tick_plans import Plan, TickOutcome, outcomes_of, pause_of, stretches, tick_row, waiting_candidate
from engine.store import schedules as rows
from engine.store import ticks as ledger
from engine.store.acceptance import Candidate as Acceptable
from engine.store.database import Database, Transaction
from engine.store.inbox import Posting, post
from engine.store.schedules import ScheduleRef, ScheduleRow
from engine.store.ticks import TickRow
from engine.telemetry.tracing import Attribute, exemplar_among, span
from engine.triggers.metrics import DRIFT_SECONDS, OVERDUE_SECONDS, TICKS
from engine.triggers.ticks import (
    STARTED_AT_ONCE,
    Candidate,
    Origin,
    Outcome,
    TickStatus,
    Verdict,
    arrange,
    review,
)

_log = logging.getLogger(__name__)

SCHEDULE = "schedule"
"""Trigger type and source of executions that ticks start."""
AT_ONCE: Final = 200
"""Schedules that one round takes."""
BESIDE: Final = 8
"""Passes under way at once."""
LOOKS: Final = 3
"""How often a pass begins anew when the workflow changes under it."""


@dataclass(frozen=True, slots=True)
class Round:
    """What one round did.

    Attributes:
        started: executions.
        next_due_at: when the next tick of any schedule is due; None: there is none.
        is_held_up: ticks wait for executions to end: look again soon.
    """

    started: int
    next_due_at: datetime | None
    is_held_up: bool


@dataclass(frozen=True, slots=True)
class _Written:
    """What a pass has written: executions that it has accepted, and others that it has asked to end."""

    accepted: tuple[Acceptable, ...]
    cancelled: tuple[UUID, ...]


class _FactsChanged(Exception):
    """The workflow was changed after its facts were read: nothing of the pass may stand. Seen by nobody else."""


class Firing:
    """Passes over schedules; stateless, for any number of processes at once."""

    def __init__(self, database: Database, starts: Starts, bell: Bell, drift_window_s: int) -> None:
        self._database = database
        self._starts = starts
        self._bell = bell
        self._drift_window_s = drift_window_s

    async def run_once(self, now: datetime, watched_from: datetime) -> Round:
        """One round over what is due in all tenants. A schedule that cannot be dealt with does not stop the others.

        Args:
            now: the present.
            watched_from: since when the caller has looked without a break.

        Raises:
            Unavailable: the database does not answer.
        """
        async with self._database.loop_transaction() as connection:
            next_due_at, are_held_up = await ledger.find_occasion(connection)
            is_due = next_due_at is not None and next_due_at <= now
            if not is_due and not are_held_up:
                OVERDUE_SECONDS.set(0.0)
                return Round(0, next_due_at, is_held_up=False)
            due = await rows.find_due(connection, now, AT_ONCE)
            held_up = await ledger.find_held_up(connection, AT_ONCE)
        gate = asyncio.Semaphore(BESIDE)

        async def pass_over(ref: ScheduleRef) -> int:
            async with gate:
                return await self._safely(ref, now, watched_from)

        started = await asyncio.gather(*(pass_over(ref) for ref in dict.fromkeys((*due, *held_up))))
        async with self._database.loop_transaction() as connection:
            next_due_at = await rows.find_next_due(connection)
        overdue_s = 0.0 if next_due_at is None else max(0.0, (now - next_due_at).total_seconds())
        OVERDUE_SECONDS.set(overdue_s)
        return Round(sum(started), next_due_at, bool(held_up))

    async def recover(self, tenant: str, now: datetime, *, dry_run: bool = False) -> tuple[TickOutcome, ...]:
        """One pass over each due schedule of a tenant. Returns what became of ticks that were missed.

        What workers have watched all the time is not missed, only late, however far behind they are.
        """
        async with self._database.loop_transaction() as connection:
            watched_from = await ledger.find_watch(connection) or now
        async with self._database.transaction(tenant) as connection:
            due = await rows.find_due_of(connection, tenant, now)
        found: list[TickOutcome] = []
        for ref in due:
            found.extend(await self.pass_over(ref, now, min(watched_from, now), dry_run=dry_run))
        return tuple(one for one in found if one.was_missed)

    async def pass_over(
        self, ref: ScheduleRef, now: datetime, watched_from: datetime, *, dry_run: bool = False
    ) -> tuple[TickOutcome, ...]:
        """One pass over one schedule. Returns what became of its ticks; empty: nothing was due, or another was faster.

        Raises:
            Unavailable: the database or policy does not answer; nothing was written.
        """
        for _ in range(LOOKS):
            async with self._database.transaction(ref.tenant) as connection:
                plan = await self._plan(connection, ref, now, watched_from)
            if plan is None or plan.is_idle:
                return ()
            if dry_run:
                return outcomes_of(plan, {}, now)
            ready = await self._ready(plan)
            try:
                written = await self._write(plan, ready, now)
            except _FactsChanged:
                continue
            if written is None:
                return ()
            for one in written.accepted:
                await self._bell.ring(ref.tenant, [one.id], one.traceparent)
            await self._bell.ring(ref.tenant, written.cancelled)
            return outcomes_of(plan, ready, now)
        raise Conflict("The workflow is being changed all the time.", code="workflow.contended")

    async def _safely(self, ref: ScheduleRef, now: datetime, watched_from: datetime) -> int:
        try:
            outcomes = await self.pass_over(ref, now, watched_from)
        except MaestroError as error:
            facts = {
                "action": "schedule.fire",
                "schedule_id": str(ref.id),
                "error": error.code,
                "detail": error.message,
            }
            _log.warning("A schedule could not be dealt with; the next round sees it again.", extra=facts)
            return 0
        final = {TickStatus.FIRED, TickStatus.LATE, TickStatus.CAUGHT_UP}
        return sum(1 for one in outcomes if one.outcome in final)

    async def _plan(
        self, connection: Transaction, ref: ScheduleRef, now: datetime, watched_from: datetime
    ) -> Plan | None:
        row = await rows.find(connection, ref.tenant, ref.id)
        if row is None or row.is_paused:
            return None
        rule = rule_of(row, self._drift_window_s)
        waiting = await ledger.find_waiting(connection, ref.tenant, ref.id, STARTED_AT_ONCE)
        known = await ledger.find_after(connection, ref.tenant, ref.id, row.cursor_at)
        found = review(rule, row.cursor_at, now, max(watched_from, row.watched_from), known, pause_of(row))
        candidates = [waiting_candidate(row, tick) for tick in waiting]
        candidates += [Candidate(one.tick, one.origin, rule.overlap) for one in found.judged if one.origin is not None]
        running = await ledger.find_running(connection, row) if candidates else ()
        arrangement = arrange(candidates, is_running=bool(running))
        return Plan(row, rule, found, arrangement, {tick.tick_at: tick for tick in waiting}, running)

    async def _ready(self, plan: Plan) -> dict[datetime, Acceptable | str]:
        """What is to start, allowed and checked; a text where it is refused, with the reason."""
        row = plan.row
        self._starts.forget(row.tenant, row.workflow_id)
        found: dict[datetime, Acceptable | str] = {}
        for placed in plan.arrangement.placed:
            if placed.verdict is Verdict.START:
                found[placed.candidate.tick.at] = await self._prepare(plan, placed.candidate)
        return found

    async def _prepare(self, plan: Plan, candidate: Candidate) -> Acceptable | str:
        row, at = plan.row, candidate.tick.at
        stored = plan.stored.get(at)
        asked_by = None if stored is None else stored.requested_by
        actor = Actor(
            tenant=row.tenant,
            subject=asked_by or f"schedule:{row.id}",
            roles=frozenset({"service"}),
            request_id=f"{row.id}:{at.isoformat()}",
            source=SCHEDULE,
        )
        request = ExecuteRequest(trigger_data=trigger_data_of(row, at, candidate.origin))
        try:
            with span("schedule tick", attributes=_of_tick(row, candidate)):
                return await self._starts.prepare(actor, row.workflow_id, request, trigger_type=SCHEDULE)
        except Denied as error:
            return f"Policy refused it: {error.message}"
        except (Conflict, NotFound) as error:
            return f"It could not start: {error.message}"
        except ValidationFailed as error:
            return f"Its trigger data breaks the workflow's inputSchema: {error.message}"

    async def _write(self, plan: Plan, ready: dict[datetime, Acceptable | str], now: datetime) -> _Written | None:
        """Everything that the pass comes to, at once. None: another pass was faster.

        Raises:
            _FactsChanged: the workflow has changed since; nothing was written.
        """
        row = plan.row
        place = place_at(plan.review.cursor, plan.review.upcoming, row.watched_from)
        async with self._database.transaction(row.tenant) as connection:
            if not await rows.move(connection, row, place):
                return None
            wanted = tuple(one for one in ready.values() if not isinstance(one, str))
            if not await self._starts.accept_within(connection, wanted):
                raise _FactsChanged
            await self._write_ledger(connection, plan, ready, now)
            cancelled = await self._cancel(connection, plan)
        return _Written(wanted, cancelled)

    async def _write_ledger(
        self, connection: Transaction, plan: Plan, ready: dict[datetime, Acceptable | str], now: datetime
    ) -> None:
        tenant = plan.row.tenant
        fresh: list[TickRow] = []
        endings: dict[datetime, Outcome] = {}
        for placed in plan.arrangement.placed:
            if placed.candidate.is_stored and placed.verdict is Verdict.WAIT:
                continue
            start = ready.get(placed.candidate.tick.at)
            tick = tick_row(plan, placed, start, now)
            if placed.candidate.is_stored:
                await ledger.rewrite(connection, tenant, tick)
                _measure(placed.candidate, tick, start)
            elif tick.status == TickStatus.SKIPPED:
                endings[tick.tick_at] = Outcome(tick.tick_at, TickStatus.SKIPPED, tick.reason)
            else:
                fresh.append(tick)
                _measure(placed.candidate, tick, start)
        await ledger.record(connection, tenant, fresh)
        for position, stretch in stretches(plan, endings):
            await write_outcomes(connection, plan.row, stretch, follow_cursor=position == 0)

    async def _cancel(self, connection: Transaction, plan: Plan) -> tuple[UUID, ...]:
        """Ask what runs to end, once for each tick that begins to wait for it."""
        begins = [
            one
            for one in plan.arrangement.placed
            if one.verdict is Verdict.WAIT and not one.candidate.is_stored and plan.arrangement.cancel_running
        ]
        if not begins:
            return ()
        event = CancelAsked(f"schedule:{plan.row.id}", "A newer tick of its schedule is due (overlap: cancel_other).")
        named = begins[-1].candidate.tick.at.isoformat()
        await post(connection, [Posting(plan.row.tenant, one, uuid5(one, named), event) for one in plan.running])
        return plan.running


def _measure(candidate: Candidate, tick: TickRow, start: Acceptable | str | None) -> None:
    if tick.drift_ms is not None or tick.status == TickStatus.SKIPPED:
        TICKS.labels(str(tick.status)).inc()
    if tick.drift_ms is not None and candidate.origin is Origin.SCHEDULED:
        traceparent = start.traceparent if isinstance(start, Acceptable) else None
        DRIFT_SECONDS.observe(max(0.0, tick.drift_ms / 1_000), exemplar_among((traceparent,)))


def _of_tick(row: ScheduleRow, candidate: Candidate) -> dict[str, Attribute]:
    """Attributes of the span that a tick's trace begins with."""
    return {
        "maestro.tenant": row.tenant,
        "maestro.workflow.id": str(row.workflow_id),
        "maestro.schedule.id": str(row.id),
        "maestro.schedule.tick_at": candidate.tick.at.isoformat(),
        "maestro.schedule.origin": candidate.origin.value,
    }
