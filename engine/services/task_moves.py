"""How a person moves a task: found, permitted, read, decided on its present state, written as one transaction."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from uuid import UUID

from engine.clock import Clock
from engine.errors import Conflict
from engine.identity.actor import Actor
from engine.ids import IdFactory
from engine.jsonvalue import JsonObject
from engine.policy.gate import Resource
from engine.queue.bell import Bell
from engine.queue.changes import Tell, tasks_of
from engine.runtime.states import FINAL_EXECUTION, ExecutionStatus
from engine.services.authority import Authority, Change
from engine.services.facts import task_resource
from engine.services.permits import Permit
from engine.services.requests import Request
from engine.services.task_values import HumanTask
from engine.services.task_views import acting, task_hash, task_missing, task_of, view_of
from engine.services.task_writer import Entry, TaskWriter, WrittenTask
from engine.store import executions
from engine.store import human_tasks as rows
from engine.store.database import Database, Transaction
from engine.store.human_tasks import TaskRow
from engine.store.task_rows import TimerRow
from engine.store.task_trails import CommentRow, add_comment, find_trails, forget_timers, set_timers
from engine.store.visibility import find_belonging
from engine.tasks.clocks import COMPLETION_TIMERS
from engine.tasks.operations import NotTheirs, Step
from engine.tasks.states import TaskOperation
from engine.tasks.task import Person, Task, person_of


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a decision comes to, beside the step itself.

    Attributes:
        columns: of the row that the state machine knows nothing of.
        form_data: what was handed in.
        completion_timers: those of the completion clock from now on; None: they stay.
        notifications: actions to be run because of it.
    """

    step: Step
    columns: Mapping[str, object] = field(default_factory=lambda: MappingProxyType({}))
    form_data: JsonObject | None = None
    completion_timers: tuple[TimerRow, ...] | None = None
    notifications: tuple[JsonObject, ...] = ()


Decide = Callable[[TaskRow, Task, Person], Outcome]


@dataclass(frozen=True, slots=True)
class Move:
    """One operation on one task; `decide` raises where the state or the person does not allow it."""

    operation: TaskOperation
    decide: Decide
    reason: str = ""
    comment: str = ""


def plainly(decide: Callable[[Task, Person], Step]) -> Decide:
    """A decision that needs nothing but the state machine."""
    return lambda _row, task, person: Outcome(decide(task, person))


class Moves:
    """Moves tasks for people."""

    def __init__(
        self, database: Database, authority: Authority, bell: Bell, clock: Clock, new_id: IdFactory, tell: Tell
    ) -> None:
        self._tell = tell
        self._database = database
        self._authority = authority
        self._bell = bell
        self._clock = clock
        self._new_id = new_id
        self._writer = TaskWriter(new_id)

    async def found(self, actor: Actor, task_id: UUID) -> tuple[TaskRow, Resource]:
        """The task, and what policy gets to know of it.

        Raises:
            NotFound: the tenant has none of this id.
        """
        async with self._database.transaction(actor.tenant) as connection:
            row = await rows.find(connection, actor.tenant, task_id)
            if row is None:
                raise task_missing(task_id)
            belonging = await find_belonging(connection, actor.tenant, row.workflow_id)
        return row, task_resource(row, belonging)

    async def move(self, actor: Actor, task_id: UUID, request: Request, move: Move) -> HumanTask:
        """Do it, compare-and-set: what was decided holds for the state in which it is written.

        Raises:
            NotFound: the tenant has none of this id.
            Denied: policy refuses, or the person is not who may do this (`task.not_candidate`, `task.not_owner`).
            ValidationFailed: the body has faults.
            Conflict: the task's state does not allow it, or its execution has ended.
        """
        _, resource = await self.found(actor, task_id)
        permit = await self._authority.permit(actor, f"human_task.{move.operation.value}", resource)
        request.check()
        try:
            async with self._database.transaction(actor.tenant) as connection:
                written = await self._written(connection, permit, task_id, move)
                trails = await find_trails(connection, actor.tenant, [task_id])
        except NotTheirs as refusal:
            await self._refuse(permit, refusal)
            raise
        self._tell([tasks_of(actor.tenant)])
        if written.rings and written.row.execution_id is not None:
            await self._bell.ring(actor.tenant, [written.row.execution_id])
        return view_of(written.row, trails[task_id])

    async def _written(self, connection: Transaction, permit: Permit, task_id: UUID, move: Move) -> WrittenTask:
        actor = permit.actor
        row = await rows.find(connection, actor.tenant, task_id, lock=True)
        if row is None:
            raise task_missing(task_id)
        await _refuse_finished(connection, row)
        outcome = move.decide(row, task_of(row), person_of(actor))
        name, on_behalf_of = acting(actor, row.owner)
        now = self._clock.now()
        entry = Entry(
            step=outcome.step,
            at=now,
            actor=name,
            on_behalf_of=on_behalf_of,
            reason=move.reason,
            request_id=actor.request_id,
            columns=outcome.columns,
            form_data=outcome.form_data,
            notifications=outcome.notifications,
        )
        written = await self._writer.write(connection, row, [entry])
        if move.comment:
            comment = CommentRow(self._new_id(), actor.subject, move.comment, now)
            await add_comment(connection, row.tenant, row.id, comment)
        if outcome.completion_timers is not None:
            await forget_timers(connection, row.tenant, row.id, COMPLETION_TIMERS)
            await set_timers(connection, row.tenant, row.id, outcome.completion_timers)
        details: JsonObject | None = {"reason": move.reason} if move.reason else None
        change = Change("human_task", str(row.id), task_hash(row), task_hash(written.row), details)
        await self._authority.record(connection, permit, [change], row.execution_id)
        return written

    async def _refuse(self, permit: Permit, refusal: NotTheirs) -> None:
        """Write down a refusal that policy did not make, under the id of the decision before it."""
        refusal.decision_id = permit.decision.id
        refusal.policy_revision = permit.decision.policy_revision
        await self._authority.refuse(permit, refusal.denials)


async def _refuse_finished(connection: Transaction, row: TaskRow) -> None:
    """A task whose execution has ended is obsolete, whether or not its row says so yet."""
    if row.execution_id is None or row.closed_at is not None:
        return
    execution = await executions.find(connection, row.tenant, row.execution_id)
    if execution is not None and ExecutionStatus(execution.status) in FINAL_EXECUTION:
        raise Conflict(
            f"The execution of this task is {execution.status}.",
            code="task.execution_finished",
            facts={"taskStatus": row.status, "executionStatus": execution.status},
        )
