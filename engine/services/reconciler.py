"""The reconciler of workers: repairs what no publish or archive has put right, and looks after the ledger of ticks."""

import logging
from datetime import datetime, timedelta
from itertools import takewhile
from typing import Final

from engine.errors import MaestroError
from engine.services.schedule_rules import rule_of
from engine.services.schedule_sync import ScheduleSync
from engine.store import schedules as rows
from engine.store import ticks as ledger
from engine.store.database import Database, Transaction
from engine.store.schedules import ScheduleRow
from engine.triggers.metrics import GAPS
from engine.triggers.ticks import ROWS_OF_A_RUN, upcoming_ticks

_log = logging.getLogger(__name__)

LOOKED_BACK: Final = timedelta(minutes=15)
"""How far back the ledger is compared with the rule."""
LOOKED_AT: Final = 50
"""Schedules that one look compares, another part of them each time."""


class Reconciler:
    """Any number may run at once."""

    def __init__(self, database: Database, sync: ScheduleSync, drift_window_s: int) -> None:
        self._database = database
        self._sync = sync
        self._drift_window_s = drift_window_s

    async def run_once(self) -> int:
        """Make the schedules of all tenants those of their workflows. Returns how many were changed.

        Raises:
            Unavailable: the database does not answer.
        """
        async with self._database.loop_transaction() as connection:
            tenants = await rows.find_unlike(connection)
        changed = 0
        for tenant in tenants:
            try:
                async with self._database.transaction(tenant) as connection:
                    report = await self._sync.apply(connection, tenant)
            except MaestroError as error:
                facts = {"action": "schedule.reconcile", "tenant": tenant, "error": error.code}
                _log.warning("Schedules could not be reconciled; the next round tries again.", extra=facts)
                continue
            changed += len(report.created) + len(report.updated) + len(report.removed)
        return changed

    async def find_gaps(self, now: datetime) -> int:
        """Due ticks of the last minutes that have no row in the ledger; more than none is an alert.

        Raises:
            Unavailable: the database does not answer.
        """
        async with self._database.loop_transaction() as connection:
            sample = await rows.find_sample(connection, LOOKED_AT)
            missing = 0
            for row in sample:
                missing += await self._missing(connection, row, now)
        GAPS.set(missing)
        if missing:
            _log.error("Due ticks have no row in the ledger.", extra={"action": "schedule.gap", "count": missing})
        return missing

    async def fold_runs(self) -> int:
        """Make long runs of ticks that ended alike, one a pass, one row each. Returns how many rows that saved.

        A pass that writes many at once does so itself; a schedule whose every tick is skipped writes one at a time.

        Raises:
            Unavailable: the database does not answer.
        """
        async with self._database.loop_transaction() as connection:
            sample = await rows.find_sample(connection, LOOKED_AT)
            long = [one for one in sample if await ledger.find_runs(connection, one.tenant, one.id, ROWS_OF_A_RUN)]
        saved = 0
        for one in long:
            async with self._database.transaction(one.tenant) as connection:
                if not await rows.lock(connection, one.tenant, one.id):
                    continue
                for run in await ledger.find_runs(connection, one.tenant, one.id, ROWS_OF_A_RUN):
                    saved += await ledger.fold(connection, one.tenant, one.id, run) - 1
        return saved

    async def _missing(self, connection: Transaction, row: ScheduleRow, now: datetime) -> int:
        start = max(row.watched_from, now - LOOKED_BACK)
        until = row.cursor_at
        for one in await ledger.find_between(connection, row.tenant, row.id, start, start):
            # A row that stands for many may reach into the stretch: what it covers is not counted.
            start = max(start, one.until_tick_at or start)
        if until <= start:
            return 0
        rule = rule_of(row, self._drift_window_s)
        expected = sum(1 for _ in takewhile(lambda tick: tick.at <= until, upcoming_ticks(rule, start)))
        return max(0, expected - await ledger.count_known(connection, row.tenant, row.id, start, until))
