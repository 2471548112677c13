"""Reconciling: the schedules of a tenant become those of its published, active workflows, whatever they were before."""

from dataclasses import dataclass, field
from uuid import UUID

from engine.clock import Clock
from engine.services.schedule_rules import content_of, content_of_row, place_after, rule_of, schedule_id_of
from engine.services.tick_ledger import CHANGED, REMOVED, give_up
from engine.store import schedules as rows
from engine.store.database import Transaction
from engine.store.schedules import ScheduleContent, ScheduleRef, ScheduleRow, WantedRow
from engine.triggers.metrics import RECONCILED


@dataclass(slots=True)
class SyncReport:
    """What reconciling did, or would do."""

    created: list[ScheduleRow] = field(default_factory=list)
    updated: list[ScheduleRow] = field(default_factory=list)
    removed: list[ScheduleRow] = field(default_factory=list)
    unchanged: list[ScheduleRow] = field(default_factory=list)


class ScheduleSync:
    """Makes schedules equal to triggers. Any number may run at once: within a tenant they take turns."""

    def __init__(self, clock: Clock, drift_window_s: int) -> None:
        self._clock = clock
        self._drift_window_s = drift_window_s

    async def apply(
        self, connection: Transaction, tenant: str, workflow_id: UUID | None = None, *, dry_run: bool = False
    ) -> SyncReport:
        """Reconcile a tenant, or one workflow of it, in the caller's transaction. Doing it again changes nothing.

        A schedule whose times change goes on from the present; what had come due before and was not dealt with is
        recorded as missed. One that is removed leaves its ledger behind.
        """
        if not dry_run:
            await rows.take_turn(connection, tenant)
        wanted = await rows.find_wanted(connection, tenant, workflow_id)
        present = await rows.find_many(connection, tenant, workflow_id, lock=not dry_run)
        left = {(row.workflow_id, row.trigger_id): row for row in present}
        report = SyncReport()
        for one in wanted:
            row = left.pop((one.workflow_id, one.trigger_id), None)
            if row is None:
                report.created.append(await self._create(connection, tenant, one, dry_run=dry_run))
            elif content_of_row(row) == content_of(one) and self._is_placed(row):
                report.unchanged.append(row)
            else:
                report.updated.append(await self._change(connection, row, content_of(one), dry_run=dry_run))
        for row in left.values():
            report.removed.append(row)
            if not dry_run:
                await give_up(connection, row, self._clock.now(), REMOVED)
                await rows.remove(connection, row)
        if not dry_run:
            _count(report)
        return report

    def _is_placed(self, row: ScheduleRow) -> bool:
        """Whether it waits for the right instant: newer zone data may have moved that."""
        place = place_after(rule_of(row, self._drift_window_s), row.cursor_at, row.watched_from)
        return place.next_due_at == row.next_due_at

    async def _create(self, connection: Transaction, tenant: str, wanted: WantedRow, *, dry_run: bool) -> ScheduleRow:
        now = self._clock.now()
        content = content_of(wanted)
        ref = ScheduleRef(tenant, schedule_id_of(tenant, wanted.workflow_id, wanted.trigger_id))
        bare = rows.new_row(ref, wanted.workflow_id, wanted.trigger_id, content, now)
        place = place_after(rule_of(bare, self._drift_window_s), now, now)
        if not dry_run:
            await rows.add(connection, ref, wanted.workflow_id, wanted.trigger_id, content, place)
        return rows.placed(bare, place)

    async def _change(
        self, connection: Transaction, row: ScheduleRow, content: ScheduleContent, *, dry_run: bool
    ) -> ScheduleRow:
        now = self._clock.now()
        has_other_times = (row.cron, row.timezone) != (content.cron, content.timezone)
        cursor = now if has_other_times else row.cursor_at
        watched_from = now if has_other_times else row.watched_from
        after = rows.with_content(row, content)
        place = place_after(rule_of(after, self._drift_window_s), cursor, watched_from)
        if not dry_run:
            if has_other_times:
                await give_up(connection, row, now, CHANGED)
            await rows.change(connection, row, content, place)
        return rows.placed(after, place)


def _count(report: SyncReport) -> None:
    for outcome, changed in (("created", report.created), ("updated", report.updated), ("removed", report.removed)):
        if changed:
            RECONCILED.labels(outcome).inc(len(changed))
