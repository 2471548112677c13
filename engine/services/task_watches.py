"""Watching tasks: each step of the tasks of a person or a group, as it is taken."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from uuid import UUID

from engine.errors import MalformedRequest
from engine.identity.actor import Actor
from engine.policy.gate import Resource
from engine.queue.changes import tasks_of
from engine.services.authority import Authority
from engine.services.executions import Watch
from engine.services.task_values import TaskEvent, TaskWatch
from engine.services.task_views import entry_of, view_of
from engine.services.visibility import shown_to
from engine.store import human_tasks as rows
from engine.store.database import Database, Transaction
from engine.store.human_tasks import Shown, TaskRow, Watched
from engine.store.task_trails import find_trails

LOOKED_BACK = timedelta(seconds=20)
"""Longer than any transaction may last: what commits late has an older instant than what was seen before it."""
TASKS_AT_ONCE = 500

GATHER_S = 0.05
"""Between hearing of steps and looking: those of a busy tenant are seen together."""


@dataclass(slots=True)
class _Seen:
    """How far a watcher has come.

    Attributes:
        since: tasks that changed before it are not looked at.
        steps: newest step of each task that the watcher knows.
        old_until: where the watch goes on after a break: earlier steps of tasks not known yet are old; None: a task
            that comes into view is told from its creation.
    """

    since: datetime
    old_until: datetime | None
    steps: dict[UUID, int] = field(default_factory=dict)


class TaskWatches:
    """Follows tasks. Whoever writes one tells; what is shown is read from the tables: a lost word costs time alone."""

    def __init__(self, database: Database, authority: Authority, watch: Watch) -> None:
        self._database = database
        self._authority = authority
        self._watch = watch

    async def events(self, actor: Actor, watch: TaskWatch, after: str | None) -> AsyncIterator[TaskEvent]:
        """Steps of watched tasks, in order for each task and none twice; does not end by itself.

        With neither person nor group the caller's own tasks are watched and those of their groups. A task that is taken
        away from whom is watched is followed to the end of the watch. `after` goes on behind an event.

        Raises:
            Denied: policy refuses reading tasks.
            MalformedRequest: `after` is no id of an event.
        """
        shown = shown_to(actor, await self._authority.permit(actor, "human_task.read", Resource("human_task", None)))
        with self._watch(tasks_of(actor.tenant)) as watching:
            seen = await self._beginning(actor, watch, after)
            while True:
                async with self._database.transaction(actor.tenant) as connection:
                    found = await self._look(connection, actor, watch, seen, shown)
                for event in found:
                    yield event
                if not found:
                    await watching.changed()
                    await asyncio.sleep(GATHER_S)

    async def _beginning(self, actor: Actor, watch: TaskWatch, after: str | None) -> _Seen:
        async with self._database.transaction(actor.tenant) as connection:
            now = await rows.present(connection)
            if after is None:
                # What stands is known as it is: only what comes later is new.
                watched = Watched(*_whose(actor, watch))
                known = await rows.find_standing(connection, actor.tenant, watched, now - LOOKED_BACK)
                return _Seen(now - LOOKED_BACK, None, dict(known))
            task_id, seq = _event_id(after)
            row = await rows.find(connection, actor.tenant, task_id)
            trails = await find_trails(connection, actor.tenant, [task_id])
        at = next((entry.at for entry in trails[task_id] if entry.seq == seq), None)
        if row is None or at is None:
            raise _unknown_event()
        return _Seen(at - LOOKED_BACK, at, {task_id: seq})

    async def _look(
        self, connection: Transaction, actor: Actor, watch: TaskWatch, seen: _Seen, shown: Shown | None
    ) -> list[TaskEvent]:
        people, groups = _whose(actor, watch)
        watched = Watched(people, groups, tuple(seen.steps))
        now = await rows.present(connection)
        changed = await rows.find_changed(connection, actor.tenant, watched, seen.since, TASKS_AT_ONCE, shown)
        fresh = [row for row in changed if seen.steps.get(row.id, 0) < row.audit_seq]
        events = await self._steps(connection, actor, fresh, seen)
        if len(changed) < TASKS_AT_ONCE:
            seen.since = max(seen.since, now - LOOKED_BACK)
        else:
            seen.since = max(seen.since, changed[-1].updated_at)
        return events

    async def _steps(self, connection: Transaction, actor: Actor, fresh: list[TaskRow], seen: _Seen) -> list[TaskEvent]:
        trails = await find_trails(connection, actor.tenant, [row.id for row in fresh])
        events: list[TaskEvent] = []
        for row in fresh:
            known = seen.steps.get(row.id)
            for entry in trails[row.id]:
                is_new = entry.seq > known if known is not None else _is_new(entry.at, seen.old_until)
                if is_new:
                    events.append(TaskEvent(f"{row.id}:{entry.seq}", entry_of(entry), view_of(row, trails[row.id])))
            seen.steps[row.id] = row.audit_seq
        return sorted(events, key=lambda event: (event.entry.at, event.task.id, event.entry.seq))


def _is_new(at: datetime, old_until: datetime | None) -> bool:
    return old_until is None or at > old_until


def _whose(actor: Actor, watch: TaskWatch) -> tuple[tuple[str, ...], tuple[str, ...]]:
    if watch.assignee is None and watch.candidate_group is None:
        return (actor.subject,), tuple(sorted(actor.groups))
    people = () if watch.assignee is None else (watch.assignee,)
    return people, () if watch.candidate_group is None else (watch.candidate_group,)


def _event_id(text: str) -> tuple[UUID, int]:
    task_id, _, seq = text.rpartition(":")
    try:
        return UUID(task_id), int(seq)
    except ValueError:
        raise _unknown_event() from None


def _unknown_event() -> MalformedRequest:
    return MalformedRequest("`lastEventId` is not the id of an event.", code="BAD_USER_INPUT")
