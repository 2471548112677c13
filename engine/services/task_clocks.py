"""Deadlines that bite: fires the timers of tasks when they are due, on any worker, each once."""

import logging
from datetime import datetime

from engine.clock import Clock
from engine.errors import MaestroError, Unavailable
from engine.ids import IdFactory
from engine.queue.bell import Bell
from engine.queue.changes import Tell, tasks_of
from engine.services.task_views import task_of, timer_of, timer_row
from engine.services.task_writer import Entry, TaskWriter, WrittenTask
from engine.store import human_tasks as rows
from engine.store.database import Database, Transaction
from engine.store.task_rows import TimerRow
from engine.store.task_trails import DueTask, find_due, set_timers, take_due
from engine.tasks.clocks import TaskTimer, TaskTimerKind
from engine.tasks.escalation import notifications_of
from engine.tasks.firing import fire, timer_after
from engine.tasks.opening import levels_of

_log = logging.getLogger(__name__)

TASKS_AT_ONCE = 200
ENGINE = "engine"


class TaskClocks:
    """Fires timers of tasks. Removing a timer and what follows from it are one transaction: a crash fires it again."""

    kinds = tuple(kind.value for kind in TaskTimerKind)

    def __init__(self, database: Database, bell: Bell, clock: Clock, new_id: IdFactory, tell: Tell) -> None:
        self._tell = tell
        self._database = database
        self._bell = bell
        self._clock = clock
        self._writer = TaskWriter(new_id)

    async def run_once(self) -> int:
        """Fire what is due. Returns of how many tasks.

        Raises:
            Unavailable: the database does not answer; what is left comes again.
        """
        now = self._clock.now()
        async with self._database.loop_transaction() as connection:
            due = await find_due(connection, self.kinds, now, TASKS_AT_ONCE)
        fired = 0
        for task in due:
            try:
                fired += await self._fire(task, now)
            except Unavailable:
                raise
            except MaestroError as error:
                facts = {"action": "task_clocks", "task_id": str(task.task_id), "error": error.code}
                _log.warning("Timers of a task could not be fired; they come again.", extra=facts)
        return fired

    async def _fire(self, due: DueTask, now: datetime) -> bool:
        async with self._database.transaction(due.tenant) as connection:
            written = await self._fired(connection, due, now)
        if written is not None:
            self._tell([tasks_of(due.tenant)])
        if written is not None and written.rings and written.row.execution_id is not None:
            await self._bell.ring(due.tenant, [written.row.execution_id])
        return written is not None

    async def _fired(self, connection: Transaction, due: DueTask, now: datetime) -> WrittenTask | None:
        """None: another worker was faster, or nothing came of it."""
        row = await rows.find(connection, due.tenant, due.task_id, lock=True)
        taken = await take_due(connection, due.tenant, due.task_id, self.kinds, now)
        if row is None or not taken:
            return None
        levels = levels_of(list(row.escalation))
        task, entries, again = task_of(row), list[Entry](), list[TimerRow]()
        for timer in map(timer_of, taken):
            step = fire(task, timer, levels)
            if step is None:
                continue
            task = step.task
            said = () if timer.level is None else notifications_of(task, levels[timer.level])
            entries.append(Entry(step, now, ENGINE, reason=_reason(timer), notifications=said))
            following = timer_after(timer, levels, now) if task.status.is_open else None
            if following is not None:
                again.append(timer_row(following))
        if not entries:
            return None
        written = await self._writer.write(connection, row, entries)
        if task.status.is_open:
            await set_timers(connection, due.tenant, due.task_id, again)
        return written


def _reason(timer: TaskTimer) -> str:
    if timer.level is None:
        return f"The timer {timer.kind.value} came due."
    return f"Level {timer.level + 1} of the escalation came due."
