"""Writes what became of a task: its row, its trail, its timers, the news for its execution and for the world.

All of it in the caller's transaction, in which the task's row is locked.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from types import MappingProxyType
from uuid import uuid5

from engine.clock import rfc3339
from engine.errors import Conflict
from engine.ids import IdFactory
from engine.jsonvalue import Json, JsonObject
from engine.runtime.events import TaskClosed
from engine.runtime.states import StepKey
from engine.runtime.transitions import Failure
from engine.services.task_news import failure_of, output_of
from engine.services.task_views import columns_of, task_of
from engine.store import human_tasks as rows
from engine.store.database import Transaction
from engine.store.human_tasks import TaskRow
from engine.store.inbox import Posting, post
from engine.store.outbox import NOTIFICATION
from engine.store.outgoing import Outgoing, send
from engine.store.task_events import ESCALATED, SLA_BREACHED, SLA_WARNING
from engine.store.task_trails import TrailRow, append, forget_timers
from engine.tasks.clocks import START_TIMERS, Clock
from engine.tasks.operations import Step
from engine.tasks.states import TaskOperation, TaskStatus
from engine.tasks.task import Task
from engine.telemetry.metrics import HUMAN_TASK_ESCALATIONS, HUMAN_TASK_OPERATIONS, HUMAN_TASK_SLA_BREACHES

_TOPICS: Mapping[TaskOperation, str] = {TaskOperation.WARN: SLA_WARNING, TaskOperation.ESCALATE: ESCALATED}
_NEWS = frozenset({TaskStatus.COMPLETED, TaskStatus.FAILED, TaskStatus.CANCELLED, TaskStatus.SKIPPED})


@dataclass(frozen=True, slots=True)
class Entry:
    """One step of a task, with who took it.

    Attributes:
        columns: of the row that the state machine knows nothing of.
        form_data: what was handed in.
        notifications: actions to be run because of it.
    """

    step: Step
    at: datetime
    actor: str
    on_behalf_of: str | None = None
    reason: str = ""
    request_id: str = ""
    columns: Mapping[str, object] = field(default_factory=lambda: MappingProxyType({}))
    form_data: JsonObject | None = None
    notifications: Sequence[JsonObject] = ()


@dataclass(frozen=True, slots=True)
class WrittenTask:
    """A task after its change; `rings`: its execution has mail."""

    row: TaskRow
    rings: bool


class TaskWriter:
    """The one way to change a task."""

    def __init__(self, new_id: IdFactory) -> None:
        self._new_id = new_id

    async def write(self, connection: Transaction, row: TaskRow, entries: Sequence[Entry]) -> WrittenTask:
        """Write the steps, which follow one another from `row` on.

        Raises:
            Conflict: the task is not as `row` has it any more; nothing was written.
        """
        before, last = task_of(row), entries[-1]
        after = last.step.task
        values: dict[str, object] = columns_of(before, after)
        for entry in entries:
            values |= entry.columns
        if not after.status.is_open:
            values["closed_at"] = last.at
        changed = await rows.change(connection, row, values, len(entries))
        if changed is None:
            raise Conflict("The task has just changed; look at it again.", code="task.changed")
        trail = [_trail(entry, row.audit_seq + place) for place, entry in enumerate(entries, 1)]
        await append(connection, row.tenant, row.id, trail)
        if not after.status.is_open:
            await forget_timers(connection, row.tenant, row.id)
        elif any(entry.step.operation is TaskOperation.START for entry in entries):
            await forget_timers(connection, row.tenant, row.id, START_TIMERS)
        await self._announce(connection, before, changed, entries)
        for place, entry in enumerate(entries, 1):
            await self._notify(connection, changed, entry, row.audit_seq + place)
        return WrittenTask(changed, await self._tell_execution(connection, changed, last))

    async def _tell_execution(self, connection: Transaction, row: TaskRow, last: Entry) -> bool:
        status = last.step.after
        if status not in _NEWS or row.execution_id is None or row.step_path is None:
            return False
        news = TaskClosed(
            key=StepKey(row.step_path, row.iteration),
            generation=row.generation,
            task_id=row.id,
            outcome=status.value,
            output=_output(last) if status is TaskStatus.COMPLETED else None,
            failure=_failure(row, last) if status in {TaskStatus.FAILED, TaskStatus.CANCELLED} else None,
        )
        await post(connection, [Posting(row.tenant, row.execution_id, self._new_id(), news)])
        return True

    async def _announce(self, connection: Transaction, before: Task, row: TaskRow, entries: Sequence[Entry]) -> None:
        breached = before.sla_breached
        for entry in entries:
            step = entry.step
            HUMAN_TASK_OPERATIONS.labels(step.operation.value).inc()
            details = step.details or {}
            topic = _TOPICS.get(step.operation)
            if step.operation is TaskOperation.BREACH or (step.task.sla_breached and not breached):
                topic, breached = SLA_BREACHED, True
                clock = _clock_of(step)
                details = {**details, "clock": clock}
                HUMAN_TASK_SLA_BREACHES.labels(clock).inc()
            if step.operation is TaskOperation.ESCALATE:
                HUMAN_TASK_ESCALATIONS.inc()
            if topic is not None:
                await self.tell(connection, topic, row, entry.at, details)
        if before.status.is_open and not TaskStatus(row.status).is_open:
            last = entries[-1]
            by: JsonObject = {"by": last.on_behalf_of or last.actor}
            await self.tell(connection, f"human_task.{row.status}", row, last.at, by)

    async def _notify(self, connection: Transaction, row: TaskRow, entry: Entry, seq: int) -> None:
        """Leave what a step wants said in the outbox: once for each step, which its number in the trail stands for."""
        event = event_body(ESCALATED, row, entry.at, entry.step.details or {})
        subject = str(row.id if row.execution_id is None else row.execution_id)
        for number, one in enumerate(entry.notifications):
            payload: JsonObject = {**one, "event": event}
            parcel_id = uuid5(row.id, f"notification:{seq}:{number}")
            await send(connection, Outgoing(row.tenant, parcel_id, NOTIFICATION, subject, payload))

    async def tell(
        self, connection: Transaction, topic: str, row: TaskRow, at: datetime, details: JsonObject | None = None
    ) -> None:
        """Leave an event of a task in the outbox."""
        payload = event_body(topic, row, at, details or {})
        await send(connection, Outgoing(row.tenant, self._new_id(), topic, str(row.id), payload))


def _clock_of(step: Step) -> str:
    """Which clock a breach is of: the timer says so; else it was noticed as its goal was reached too late."""
    said = (step.details or {}).get("clock")
    if isinstance(said, str):
        return said
    return (Clock.START if step.operation is TaskOperation.START else Clock.COMPLETION).value


def event_body(topic: str, row: TaskRow, at: datetime, details: JsonObject) -> JsonObject:
    """What the world hears of a task: facts, no form data."""
    assignees: list[Json] = [*row.assignees]
    groups: list[Json] = [*row.candidate_groups]
    return {
        "type": topic,
        "at": rfc3339(at),
        "taskId": str(row.id),
        "executionId": None if row.execution_id is None else str(row.execution_id),
        "workflowId": None if row.workflow_id is None else str(row.workflow_id),
        "stepId": None if row.step_path is None else row.step_path.rsplit("/", 1)[-1],
        "title": row.title,
        "status": row.status,
        "owner": row.owner,
        "assignees": assignees,
        "candidateGroups": groups,
        "priority": row.priority,
        "escalationLevel": row.escalation_level,
        "startBy": None if row.start_by is None else rfc3339(row.start_by),
        "dueDate": None if row.due_at is None else rfc3339(row.due_at),
        "details": details,
    }


def _trail(entry: Entry, seq: int) -> TrailRow:
    step = entry.step
    return TrailRow(
        seq=seq,
        at=entry.at,
        actor=entry.actor,
        on_behalf_of=entry.on_behalf_of,
        from_status=step.before.value,
        to_status=step.after.value,
        action=step.operation.value,
        reason=entry.reason,
        request_id=entry.request_id,
        details=step.details,
    )


def _output(last: Entry) -> JsonObject:
    return output_of(last.step.task, last.form_data or {}, last.on_behalf_of or last.actor, last.at)


def _failure(row: TaskRow, last: Entry) -> Failure:
    return failure_of(last.step.task, row.title, last.actor, last.reason)
