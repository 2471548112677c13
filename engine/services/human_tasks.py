"""Use cases of human tasks: what people see of them, and what they do with them."""

from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from uuid import UUID

from engine.clock import Clock
from engine.errors import Fault, ValidationFailed
from engine.identity.actor import Actor
from engine.policy.gate import Resource
from engine.services.authority import Authority
from engine.services.pages import Listing
from engine.services.requests import MISSING_MEMBER, WRONG_VALUE
from engine.services.task_creation import TaskCreation
from engine.services.task_forms import checked_form
from engine.services.task_moves import Move, Moves, Outcome, plainly
from engine.services.task_values import (
    AssignRequest,
    Comment,
    CommentRequest,
    CompleteRequest,
    CreateTaskRequest,
    EscalateRequest,
    ForwardRequest,
    HumanTask,
    ReasonRequest,
    TaskEvent,
    TaskFilter,
    TaskWatch,
    TrailEntry,
    UpdateTaskRequest,
)
from engine.services.task_views import comment_of, entry_of, timer_row, view_of
from engine.services.task_watches import TaskWatches
from engine.services.values import PageRequest, Slice
from engine.services.visibility import shown_to
from engine.store import human_tasks as rows
from engine.store.database import Database
from engine.store.human_tasks import Shown, TaskConditions, TaskRow
from engine.store.task_trails import find_comments, find_trails
from engine.tasks import operations
from engine.tasks.clocks import Clock as TaskClock
from engine.tasks.clocks import Deadlines, clock_timers
from engine.tasks.escalation import EscalationAction, Level, escalate, notifications_of
from engine.tasks.opening import levels_of, sla_of
from engine.tasks.states import TaskOperation
from engine.tasks.task import Person, Task

READ = "human_task.read"
OF_AN_EXECUTION = 200
"""Newest tasks of an execution that are looked at with it."""


class HumanTasks:
    """What callers do with human tasks. Every method acts within the actor's tenant.

    All raise `NotFound` for what is not in the tenant, `Denied` where policy or the task itself refuses the person,
    `ValidationFailed` for a body with faults, `Conflict` where the task's state does not allow it, and `Unavailable`.
    No read decides anything.
    """

    def __init__(
        self,
        *,
        database: Database,
        authority: Authority,
        moves: Moves,
        creation: TaskCreation,
        watches: TaskWatches,
        clock: Clock,
    ) -> None:
        self._database = database
        self._authority = authority
        self._moves = moves
        self._creation = creation
        self._watches = watches
        self._clock = clock

    async def create(self, actor: Actor, request: CreateTaskRequest, idempotency_key: str | None = None) -> HumanTask:
        """Open a task that no step has opened. See `TaskCreation.create`."""
        return await self._creation.create(actor, request, idempotency_key)

    async def get(self, actor: Actor, task_id: UUID) -> HumanTask:
        """One task with its trail."""
        row, resource = await self._moves.found(actor, task_id)
        await self._authority.permit(actor, READ, resource)
        async with self._database.transaction(actor.tenant) as connection:
            trails = await find_trails(connection, actor.tenant, [task_id])
        return view_of(row, trails[task_id])

    async def get_many(self, actor: Actor, task_ids: Sequence[UUID]) -> dict[UUID, HumanTask]:
        """Those of the ids that the actor may see, without trails, in one query."""
        shown = await self._permit_reading(actor)
        async with self._database.transaction(actor.tenant) as connection:
            found = await rows.find_many(connection, actor.tenant, task_ids, shown)
        return {row.id: view_of(row) for row in found}

    async def list(
        self, actor: Actor, wanted: TaskFilter, page: PageRequest, *, whole: bool = False
    ) -> Slice[HumanTask]:
        """Tasks, newest first; `whole`: with their trails.

        Raises:
            MalformedRequest: a limit, page or cursor that does not fit.
        """
        shown = await self._permit_reading(actor)
        listing = Listing("human tasks", wanted)
        window = listing.window(page)
        conditions = replace(_conditions(wanted), shown=shown)
        async with self._database.transaction(actor.tenant) as connection:
            listed, found = await rows.find_window(connection, actor.tenant, conditions, window)
            total = await rows.count_all(connection, actor.tenant, conditions) if page.count else None
            trails = await find_trails(connection, actor.tenant, [row.id for row in listed]) if whole else {}
        items = [view_of(row, trails.get(row.id)) for row in listed]
        return listing.slice(items, [row.id for row in listed], found, total)

    async def of_executions(self, actor: Actor, execution_ids: Sequence[UUID]) -> dict[UUID, tuple[HumanTask, ...]]:
        """Tasks of several executions that the actor may see, newest first, in one query; at most 200 of each."""
        shown = await self._permit_reading(actor)
        async with self._database.transaction(actor.tenant) as connection:
            found = await rows.find_of_executions(connection, actor.tenant, execution_ids, OF_AN_EXECUTION, shown)
        return {execution_id: tuple(view_of(row) for row in tasks) for execution_id, tasks in found.items()}

    async def trails_of(self, actor: Actor, task_ids: Sequence[UUID]) -> dict[UUID, tuple[TrailEntry, ...]]:
        """Trails of several tasks; nothing for those that the actor may not see."""
        shown = await self._permit_reading(actor)
        async with self._database.transaction(actor.tenant) as connection:
            seen = await rows.find_shown(connection, actor.tenant, task_ids, shown)
            found = await find_trails(connection, actor.tenant, seen)
        return {task_id: tuple(entry_of(entry) for entry in trail) for task_id, trail in found.items()}

    async def comments_of(self, actor: Actor, task_ids: Sequence[UUID]) -> dict[UUID, tuple[Comment, ...]]:
        """Comments of several tasks, oldest first; nothing for those that the actor may not see."""
        shown = await self._permit_reading(actor)
        async with self._database.transaction(actor.tenant) as connection:
            seen = await rows.find_shown(connection, actor.tenant, task_ids, shown)
            found = await find_comments(connection, actor.tenant, seen)
        return {task_id: tuple(comment_of(row) for row in comments) for task_id, comments in found.items()}

    async def comments(self, actor: Actor, task_id: UUID) -> tuple[Comment, ...]:
        """Comments of one task, oldest first."""
        await self.get(actor, task_id)
        return (await self.comments_of(actor, [task_id])).get(task_id, ())

    async def claim(self, actor: Actor, task_id: UUID, request: ReasonRequest) -> HumanTask:
        """Take a pending task. Of many at once one gets it; the others hear who has it (`task.already_claimed`)."""
        return await self._plain(actor, task_id, request, TaskOperation.CLAIM)

    async def release(self, actor: Actor, task_id: UUID, request: ReasonRequest) -> HumanTask:
        """Give it back to its candidates."""
        return await self._plain(actor, task_id, request, TaskOperation.RELEASE)

    async def start(self, actor: Actor, task_id: UUID, request: ReasonRequest) -> HumanTask:
        """Begin to work on it."""
        now = self._clock.now()
        decide = plainly(lambda task, person: operations.start(task, person, now))
        return await self._moves.move(actor, task_id, request, Move(TaskOperation.START, decide, request.reason))

    async def suspend(self, actor: Actor, task_id: UUID, request: ReasonRequest) -> HumanTask:
        """Hold it; its clocks go on."""
        return await self._plain(actor, task_id, request, TaskOperation.SUSPEND)

    async def resume(self, actor: Actor, task_id: UUID, request: ReasonRequest) -> HumanTask:
        """Go on where it was suspended."""
        return await self._plain(actor, task_id, request, TaskOperation.RESUME)

    async def fail(self, actor: Actor, task_id: UUID, request: ReasonRequest) -> HumanTask:
        """Say that it cannot be done: its step fails."""
        return await self._plain(actor, task_id, request, TaskOperation.FAIL)

    async def skip(self, actor: Actor, task_id: UUID, request: ReasonRequest) -> HumanTask:
        """Pass it over: its step completes with `{skipped: true}`."""
        return await self._plain(actor, task_id, request, TaskOperation.SKIP)

    async def cancel(self, actor: Actor, task_id: UUID, request: ReasonRequest) -> HumanTask:
        """End it without a result: its step fails."""
        return await self._plain(actor, task_id, request, TaskOperation.CANCEL)

    async def assign(self, actor: Actor, task_id: UUID, request: AssignRequest) -> HumanTask:
        """Make somebody its owner, as an administrator."""
        return await self._hand_over(actor, task_id, request, TaskOperation.ASSIGN)

    async def delegate(self, actor: Actor, task_id: UUID, request: AssignRequest) -> HumanTask:
        """Make somebody else its owner, as its owner."""
        return await self._hand_over(actor, task_id, request, TaskOperation.DELEGATE)

    async def forward(self, actor: Actor, task_id: UUID, request: ForwardRequest) -> HumanTask:
        """Offer it to other candidates."""

        def decide(task: Task, person: Person) -> operations.Step:
            step = operations.forward(task, person, request.assignees, request.candidate_groups)
            if not request.assignees and not request.candidate_groups:
                message = "Nobody is named to forward the task to."
                raise ValidationFailed((Fault(MISSING_MEMBER, "", message, "Name assignees or candidateGroups."),))
            return step

        move = Move(TaskOperation.FORWARD, plainly(decide), request.reason)
        return await self._moves.move(actor, task_id, request, move)

    async def complete(self, actor: Actor, task_id: UUID, request: CompleteRequest) -> HumanTask:
        """Hand in the form, which must satisfy `formConfig`; its execution goes on with it."""
        now = self._clock.now()

        def decide(row: TaskRow, task: Task, person: Person) -> Outcome:
            operations.check(task, TaskOperation.COMPLETE, person)
            form_data = checked_form(row.form_config, request.form_data)
            step = operations.complete(task, person, form_data, now)
            if step.after.is_open:
                return Outcome(step)
            columns = {"form_data": form_data, "submitted_by": actor.subject, "submitted_at": now}
            return Outcome(step, columns, form_data)

        move = Move(TaskOperation.COMPLETE, decide, request.comment, request.comment)
        return await self._moves.move(actor, task_id, request, move)

    async def escalate(self, actor: Actor, task_id: UUID, request: EscalateRequest) -> HumanTask:
        """Do what the next level of the task's escalation says, or what the request names."""

        def decide(row: TaskRow, task: Task, person: Person) -> Outcome:
            level = _level(row, request)
            step = escalate(task, level, person)
            return Outcome(step, notifications=notifications_of(step.task, level))

        return await self._moves.move(actor, task_id, request, Move(TaskOperation.ESCALATE, decide, request.reason))

    async def update(self, actor: Actor, task_id: UUID, request: UpdateTaskRequest) -> HumanTask:
        """Change title, description, priority or deadline; a new deadline starts its clock anew."""

        def decide(row: TaskRow, task: Task, person: Person) -> Outcome:
            return _edited(row, task, person, request)

        return await self._moves.move(actor, task_id, request, Move(TaskOperation.UPDATE, decide))

    async def comment(self, actor: Actor, task_id: UUID, request: CommentRequest) -> HumanTask:
        """Say something about it."""
        decide = plainly(operations.comment)
        return await self._moves.move(
            actor, task_id, request, Move(TaskOperation.COMMENT, decide, comment=request.text)
        )

    def events(self, actor: Actor, watch: TaskWatch, after: str | None = None) -> AsyncIterator[TaskEvent]:
        """Steps of the tasks of a person or a group, as they are taken. See `TaskWatches.events`."""
        return self._watches.events(actor, watch, after)

    async def _plain(self, actor: Actor, task_id: UUID, request: ReasonRequest, operation: TaskOperation) -> HumanTask:
        move = Move(operation, plainly(_PLAIN[operation]), request.reason)
        return await self._moves.move(actor, task_id, request, move)

    async def _hand_over(
        self, actor: Actor, task_id: UUID, request: AssignRequest, operation: TaskOperation
    ) -> HumanTask:
        def decide(task: Task, person: Person) -> operations.Step:
            operations.check(task, operation, person)
            if not request.assignee.strip():
                raise ValidationFailed((Fault(WRONG_VALUE, "/assignee", "Nobody is named.", "Name a person."),))
            return operations.assign(task, person, request.assignee, operation)

        return await self._moves.move(actor, task_id, request, Move(operation, plainly(decide), request.reason))

    async def _permit_reading(self, actor: Actor) -> Shown | None:
        """Permission to read many; which tasks of hidden workflows are shown all the same."""
        return shown_to(actor, await self._authority.permit(actor, READ, Resource("human_task", None)))


_PLAIN = {
    TaskOperation.CLAIM: operations.claim,
    TaskOperation.RELEASE: operations.release,
    TaskOperation.SUSPEND: operations.suspend,
    TaskOperation.RESUME: operations.resume,
    TaskOperation.FAIL: operations.fail,
    TaskOperation.SKIP: operations.skip,
    TaskOperation.CANCEL: operations.cancel,
}
"""Operations that need nothing but who asks."""


def _conditions(wanted: TaskFilter) -> TaskConditions:
    return TaskConditions(
        status=None if wanted.status is None else wanted.status.value,
        assignee=wanted.assignee,
        candidate_group=wanted.candidate_group,
        execution_id=wanted.execution_id,
        workflow_id=wanted.workflow_id,
        step_id=wanted.step_id,
        due_before=wanted.due_before,
    )


def _level(row: TaskRow, request: EscalateRequest) -> Level:
    """What a person's escalation does: what is asked for, else the task's next level, else its priority is raised."""
    if request.action is not None:
        return Level(0, request.action, request.assignees, request.groups)
    if request.assignees or request.groups:
        return Level(0, EscalationAction.ADD_CANDIDATES, request.assignees, request.groups)
    levels = levels_of(list(row.escalation))
    if row.escalation_level < len(levels):
        return levels[row.escalation_level]
    return Level(0, EscalationAction.RAISE_PRIORITY)


def _edited(row: TaskRow, task: Task, person: Person, request: UpdateTaskRequest) -> Outcome:
    due_at = None if request.removes_due_date else request.due_at or task.due_at
    asked = {
        "title": request.title is not None,
        "description": request.description is not None,
        "priority": request.priority is not None,
        "dueDate": due_at != task.due_at,
    }
    edited = [name for name, is_asked in asked.items() if is_asked]
    priority = None if request.priority is None else int(request.priority)
    step = operations.update(task, person, edited, priority, due_at)
    columns: dict[str, object] = {}
    if request.title is not None:
        columns["title"] = request.title
    if request.description is not None:
        columns["description"] = request.description
    if due_at == task.due_at:
        return Outcome(step, columns)
    timers = clock_timers(row.activated_at or row.created_at, sla_of(row.sla), Deadlines(None, due_at))
    return Outcome(
        step,
        columns,
        completion_timers=tuple(timer_row(timer) for timer in timers if timer.kind.clock is TaskClock.COMPLETION),
    )
