"""Use cases of schedules: look at them and their ticks, reconcile, pause, resume, backfill."""

from collections.abc import Awaitable, Callable, Iterable
from collections.abc import Set as AbstractSet
from datetime import datetime
from uuid import UUID

from engine.clock import Clock, rfc3339
from engine.errors import Conflict, Fault, NotFound, ValidationFailed
from engine.identity.actor import Actor
from engine.jsonvalue import JsonObject
from engine.policy.gate import Resource
from engine.services.authority import Authority, Change
from engine.services.backfills import Wish, ask
from engine.services.digests import state_hash
from engine.services.facts import schedule_resource
from engine.services.firing import Firing
from engine.services.pages import Listing
from engine.services.permits import Permit
from engine.services.requests import WRONG_VALUE, missing
from engine.services.schedule_rules import place_after, rule_of
from engine.services.schedule_sync import ScheduleSync, SyncReport
from engine.services.schedule_values import (
    Backfilled,
    BackfillRequest,
    HoldRequest,
    Reconciled,
    ReconcileRequest,
    Schedule,
    ScheduleTick,
    schedule_of,
    tick_of,
)
from engine.services.values import PageRequest, Slice
from engine.services.visibility import hidden_by
from engine.store import schedules as rows
from engine.store import ticks as ledger
from engine.store.database import Database, Transaction
from engine.store.schedules import ScheduleRef, ScheduleRow
from engine.store.visibility import Hidden, find_belonging, hidden_among

READ = "schedule.read"
LOOKS = 10
"""How often a change is tried anew when the schedule moves under it."""
Move = Callable[[Transaction, ScheduleRow], Awaitable[bool]]


class Schedules:
    """What callers do with schedules. Every method acts within the actor's tenant.

    All raise `NotFound` for what is not in the tenant, `Denied` where policy refuses, and `Unavailable`.
    """

    def __init__(
        self,
        database: Database,
        authority: Authority,
        firing: Firing,
        sync: ScheduleSync,
        clock: Clock,
        drift_window_s: int,
    ) -> None:
        self._database = database
        self._authority = authority
        self._firing = firing
        self._sync = sync
        self._clock = clock
        self._drift_window_s = drift_window_s

    async def list(self, actor: Actor, workflow_id: UUID | None, page: PageRequest) -> Slice[Schedule]:
        """Schedules of the tenant, or of one workflow, each with its next ten ticks.

        Raises:
            MalformedRequest: a limit, page or cursor that does not fit.
        """
        hidden = hidden_by(await self._authority.permit(actor, READ, Resource("schedule", None)))
        listing = Listing("schedules", workflow_id)
        window = listing.window(page)
        async with self._database.transaction(actor.tenant) as connection:
            items, found = await rows.find_window(connection, actor.tenant, workflow_id, window, hidden)
            total = await rows.count_all(connection, actor.tenant, workflow_id, hidden) if page.count else None
        return listing.slice([self._shown(row) for row in items], [row.id for row in items], found, total)

    async def get(self, actor: Actor, schedule_id: UUID) -> Schedule:
        """One schedule with its next ten ticks."""
        row, resource = await self._known(actor, schedule_id)
        await self._authority.permit(actor, READ, resource)
        return self._shown(row)

    async def ticks(self, actor: Actor, schedule_id: UUID, page: PageRequest) -> Slice[ScheduleTick]:
        """The ledger of a schedule, newest tick first.

        Raises:
            MalformedRequest: a limit, page or cursor that does not fit.
        """
        _, resource = await self._known(actor, schedule_id)
        await self._authority.permit(actor, READ, resource)
        listing = Listing("schedule_ticks", schedule_id, datetime.fromisoformat)
        async with self._database.transaction(actor.tenant) as connection:
            items, found = await ledger.find_window(connection, actor.tenant, schedule_id, listing.window(page))
            total = await ledger.count_all(connection, actor.tenant, schedule_id) if page.count else None
        return listing.slice([tick_of(one) for one in items], [one.tick_at for one in items], found, total)

    async def reconcile(self, actor: Actor, request: ReconcileRequest) -> Reconciled:
        """Recover missed ticks, then make the schedules those of the published, active workflows.

        Idempotent, and safe with many at once; `dry_run` only says what would be done. Schedules that the actor may not
        see are reconciled with the others, and not named.
        """
        permit = await self._authority.permit(actor, "schedule.reconcile", Resource("schedule", None))
        hidden = hidden_by(await self._authority.permit(actor, READ, Resource("schedule", None)))
        request.check()
        recovered = await self._firing.recover(actor.tenant, self._clock.now(), dry_run=request.dry_run)
        async with self._database.transaction(actor.tenant) as connection:
            report = await self._sync.apply(connection, actor.tenant, dry_run=request.dry_run)
            changes = [] if request.dry_run else [*_changes(report)]
            await self._authority.record(connection, permit, changes)
            unseen = await _unseen(connection, actor.tenant, report, hidden)
        return Reconciled(
            created=self._bare(report.created, unseen),
            updated=self._bare(report.updated, unseen),
            removed=self._bare(report.removed, unseen),
            unchanged=self._bare(report.unchanged, unseen),
            recovered=tuple(one for one in recovered if one.schedule_id not in unseen),
        )

    async def pause(self, actor: Actor, schedule_id: UUID, request: HoldRequest) -> Schedule:
        """Hold a schedule: its ticks come due, and are dealt with as missed ones when it goes on.

        Raises:
            Conflict: it is paused already (`schedule.already_paused`).
        """
        permit = await self._permitted(actor, schedule_id, "schedule.pause")
        request.check()

        async def hold(connection: Transaction, row: ScheduleRow) -> bool:
            if row.is_paused:
                raise Conflict("The schedule is paused already.", code="schedule.already_paused")
            return await rows.hold(connection, row, self._clock.now())

        return self._shown(await self._changed(permit, schedule_id, hold, {"reason": request.reason}))

    async def resume(self, actor: Actor, schedule_id: UUID, request: HoldRequest) -> Schedule:
        """Let a schedule go on; what was due meanwhile is caught up, or recorded as missed, by its own rule.

        Raises:
            Conflict: it is not paused (`schedule.not_paused`).
        """
        permit = await self._permitted(actor, schedule_id, "schedule.resume")
        request.check()

        async def release(connection: Transaction, row: ScheduleRow) -> bool:
            if not row.is_paused:
                raise Conflict("The schedule is not paused.", code="schedule.not_paused")
            return await rows.release(connection, row, self._clock.now())

        await self._changed(permit, schedule_id, release, {"reason": request.reason})
        now = self._clock.now()
        await self._firing.pass_over(ScheduleRef(actor.tenant, schedule_id), now, now)
        return self._shown(await self._found(actor, schedule_id))

    async def backfill(self, actor: Actor, schedule_id: UUID, request: BackfillRequest) -> Backfilled:
        """Start the ticks of a range that have no execution, one after another or as `overlap` says.

        Raises:
            ValidationFailed: the range runs backwards, reaches into the future, or has more than 10,000 ticks.
        """
        permit = await self._permitted(actor, schedule_id, "schedule.backfill")
        request.check()
        wish = self._wish(actor, request)
        counts = (0, 0)

        async def write(connection: Transaction, row: ScheduleRow) -> bool:
            nonlocal counts
            rule = rule_of(row, self._drift_window_s)
            if not await rows.move(connection, row, place_after(rule, row.cursor_at, row.watched_from)):
                return False
            counts = await ask(connection, row, rule, wish)
            return True

        details: JsonObject = {"from": rfc3339(wish.start), "to": rfc3339(wish.end)}
        await self._changed(permit, schedule_id, write, details)
        # What had come due is dealt with first; the ticks that were asked for begin in the same pass.
        now = self._clock.now()
        await self._firing.pass_over(ScheduleRef(actor.tenant, schedule_id), now, now)
        return Backfilled(self._shown(await self._found(actor, schedule_id)), *counts)

    def _wish(self, actor: Actor, request: BackfillRequest) -> Wish:
        if request.start is None or request.end is None:
            raise missing("from" if request.start is None else "to")
        if request.end < request.start:
            raise _wrong("/to", "The range ends before it begins.", "Give an end at or after the start.")
        if request.end > self._clock.now():
            raise _wrong("/to", "The range reaches into the future.", "A backfill is of the past.")
        return Wish(request.start, request.end, request.overlap, actor.subject)

    async def _permitted(self, actor: Actor, schedule_id: UUID, action: str) -> Permit:
        _, resource = await self._known(actor, schedule_id)
        return await self._authority.permit(actor, action, resource)

    async def _changed(self, permit: Permit, schedule_id: UUID, move: Move, details: JsonObject) -> ScheduleRow:
        """Do one change to the schedule as it stands, again where a tick came between."""
        actor = permit.actor
        for _ in range(LOOKS):
            async with self._database.transaction(actor.tenant) as connection:
                before = await rows.find(connection, actor.tenant, schedule_id)
                if before is None:
                    raise NotFound("schedule", str(schedule_id))
                if not await move(connection, before):
                    continue
                after = await rows.find(connection, actor.tenant, schedule_id)
                if after is None:
                    raise NotFound("schedule", str(schedule_id))
                change = Change("schedule", str(schedule_id), _hash(before), _hash(after), details)
                await self._authority.record(connection, permit, [change])
            return after
        raise Conflict("The schedule moves all the time.", code="schedule.contended")

    async def _found(self, actor: Actor, schedule_id: UUID) -> ScheduleRow:
        row, _ = await self._known(actor, schedule_id)
        return row

    async def _known(self, actor: Actor, schedule_id: UUID) -> tuple[ScheduleRow, Resource]:
        """A schedule, and what policy gets to know of it."""
        async with self._database.transaction(actor.tenant) as connection:
            row = await rows.find(connection, actor.tenant, schedule_id)
            if row is None:
                raise NotFound("schedule", str(schedule_id))
            belonging = await find_belonging(connection, actor.tenant, row.workflow_id)
        return row, schedule_resource(row, belonging)

    def _shown(self, row: ScheduleRow) -> Schedule:
        return schedule_of(row, self._drift_window_s, self._clock.now())

    def _bare(self, found: Iterable[ScheduleRow], unseen: AbstractSet[UUID]) -> tuple[Schedule, ...]:
        return tuple(schedule_of(row, self._drift_window_s) for row in found if row.id not in unseen)


def _wrong(path: str, message: str, hint: str) -> ValidationFailed:
    return ValidationFailed((Fault(WRONG_VALUE, path, message, hint),))


def _hash(row: ScheduleRow) -> str:
    return state_hash(
        {
            "version": row.version,
            "cron": row.cron,
            "timezone": row.timezone,
            "status": row.status,
            "cursorAt": rfc3339(row.cursor_at),
            "revision": row.revision,
        }
    )


async def _unseen(connection: Transaction, tenant: str, report: SyncReport, hidden: Hidden | None) -> frozenset[UUID]:
    """Schedules of a report whose workflows are hidden."""
    if hidden is None:
        return frozenset()
    found = [*report.created, *report.updated, *report.removed, *report.unchanged]
    workflows = await hidden_among(connection, tenant, [row.workflow_id for row in found], hidden)
    return frozenset(row.id for row in found if row.workflow_id in workflows)


def _changes(report: SyncReport) -> list[Change]:
    """Audit rows of what reconciling changed."""
    written = [(row, _hash(row)) for row in (*report.created, *report.updated)]
    changes = [Change("schedule", str(row.id), None, after) for row, after in written]
    return [*changes, *(Change("schedule", str(row.id), _hash(row), None) for row in report.removed)]
