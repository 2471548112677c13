"""Tasks that people open by themselves."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Final
from uuid import UUID

from engine.actions.json_schemas import compile_schema
from engine.clock import Clock
from engine.definitions.shape import DEFINITION_SCHEMA
from engine.errors import Conflict, Fault, ValidationFailed
from engine.identity.actor import Actor
from engine.ids import IdFactory
from engine.jsonvalue import JsonObject
from engine.policy.gate import Resource
from engine.queue.changes import Tell, tasks_of
from engine.runtime.states import FINAL_EXECUTION, ExecutionStatus
from engine.services.authority import Authority, Change
from engine.services.facts import belonging_facts, belonging_of, execution_missing
from engine.services.keys import check_match, new_key, scope_of
from engine.services.permits import Permit
from engine.services.requests import WRONG_VALUE, missing
from engine.services.task_forms import form_faults
from engine.services.task_values import CreateTaskRequest, HumanTask
from engine.services.task_views import acting, new_task, task_hash, task_missing, view_of
from engine.services.task_writer import TaskWriter
from engine.store import executions
from engine.store import human_tasks as rows
from engine.store.database import Database, Transaction
from engine.store.executions import ExecutionRow
from engine.store.governance import KeyScope, claim_key, find_key
from engine.store.task_events import CREATED
from engine.store.task_rows import NewTask
from engine.store.task_trails import TrailRow, append, find_trails, set_timers
from engine.tasks.opening import Draft, UnusableTaskError, draft_of, open_task
from engine.tasks.states import TaskOperation, TaskStatus
from engine.telemetry.metrics import HUMAN_TASK_OPERATIONS

_CONFIG = compile_schema({"$defs": DEFINITION_SCHEMA["$defs"], "$ref": "#/$defs/humanConfig"})
"""What the config of a human step may be: a task that people open asks for the same."""

CREATE_ROUTE: Final = "human_task.create"
"""Idempotency keys of tasks count within this."""


class TaskCreation:
    """Opens tasks for people."""

    def __init__(self, database: Database, authority: Authority, clock: Clock, new_id: IdFactory, tell: Tell) -> None:
        self._tell = tell
        self._database = database
        self._authority = authority
        self._clock = clock
        self._new_id = new_id
        self._writer = TaskWriter(new_id)

    async def create(self, actor: Actor, request: CreateTaskRequest, idempotency_key: str | None = None) -> HumanTask:
        """Open a task: one candidate only is its owner at once, else its candidates may claim it.

        The same key and request give the same task, as it is by then.

        Raises:
            IdempotencyMismatch: the key was used with another request.
            NotFound: the execution that is named is not in the tenant.
            ValidationFailed: with all faults.
            Conflict: the execution that is named has ended.
        """
        execution = await self._execution(actor, request.execution_id)
        belonging = None if execution is None else belonging_of(execution)
        resource = Resource("human_task", None, {"tenant": actor.tenant, **belonging_facts(belonging)})
        permit = await self._authority.permit(actor, "human_task.create", resource)
        request.check()
        scope = None if idempotency_key is None else scope_of(actor, CREATE_ROUTE, idempotency_key)
        if scope is not None and (earlier := await self._earlier(scope, request)) is not None:
            return earlier
        _check_unfinished(execution)
        draft = _draft(request, actor.subject if execution is None else execution.started_by)
        task_id, now = self._new_id(), self._clock.now()
        name, on_behalf_of = acting(actor, None)
        made = replace(
            new_task(draft, open_task(task_id, draft, now), now, actor.subject, name),
            on_behalf_of=on_behalf_of,
            request_id=actor.request_id,
            execution_id=None if execution is None else execution.id,
            workflow_id=None if execution is None else execution.workflow_id,
        )
        async with self._database.transaction(actor.tenant) as connection:
            if scope is not None:
                key = new_key(self._clock, _body(request), task_id)
                known = await claim_key(connection, scope, key, self._clock.now())
                if known is not None:
                    check_match(known, _body(request))
                    return await _existing(connection, actor.tenant, known.subject_id)
            task = await self._write(connection, permit, task_id, made)
        self._tell([tasks_of(actor.tenant)])
        return task

    async def _earlier(self, scope: KeyScope, request: CreateTaskRequest) -> HumanTask | None:
        """What an earlier call with this key has opened."""
        async with self._database.transaction(scope.tenant) as connection:
            known = await find_key(connection, scope)
            if known is None or known.expires_at <= self._clock.now():
                return None
            check_match(known, _body(request))
            return await _existing(connection, scope.tenant, known.subject_id)

    async def _write(self, connection: Transaction, permit: Permit, task_id: UUID, made: NewTask) -> HumanTask:
        tenant = permit.actor.tenant
        if made.execution_id is not None and not await executions.promise_closing(
            connection, tenant, made.execution_id
        ):
            _check_unfinished(await executions.find(connection, tenant, made.execution_id))
        await rows.add(connection, tenant, task_id, made)
        await append(connection, tenant, task_id, _beginning(made))
        await set_timers(connection, tenant, task_id, made.timers)
        row = await rows.find(connection, tenant, task_id)
        if row is None:
            raise task_missing(task_id)
        change = Change("human_task", str(task_id), None, task_hash(row))
        await self._authority.record(connection, permit, [change], row.execution_id)
        trails = await find_trails(connection, tenant, [task_id])
        await self._writer.tell(connection, CREATED, row, made.at)
        HUMAN_TASK_OPERATIONS.labels(TaskOperation.CREATE.value).inc()
        return view_of(row, trails[task_id])

    async def _execution(self, actor: Actor, execution_id: UUID | None) -> ExecutionRow | None:
        if execution_id is None:
            return None
        async with self._database.transaction(actor.tenant) as connection:
            row = await executions.find(connection, actor.tenant, execution_id)
        if row is None:
            raise execution_missing(execution_id)
        return row


def _check_unfinished(execution: ExecutionRow | None) -> None:
    if execution is not None and ExecutionStatus(execution.status) in FINAL_EXECUTION:
        status = execution.status
        message = f"The execution is {status}; nobody needs a task of it any more."
        raise Conflict(message, code="task.execution_finished", facts={"executionStatus": status})


def _body(request: CreateTaskRequest) -> JsonObject:
    """What an idempotency key stands for."""
    execution_id = None if request.execution_id is None else str(request.execution_id)
    return {"title": request.title, "config": request.config, "executionId": execution_id}


async def _existing(connection: Transaction, tenant: str, task_id: UUID) -> HumanTask:
    row = await rows.find(connection, tenant, task_id)
    if row is None:
        raise task_missing(task_id)
    return view_of(row, (await find_trails(connection, tenant, [task_id]))[task_id])


def _draft(request: CreateTaskRequest, initiator: str) -> Draft:
    if not request.title.strip():
        raise missing("title")
    faults = (*_CONFIG.faults(request.config), *_notification_faults(request.config))
    if faults:
        raise ValidationFailed(faults)
    try:
        draft = draft_of({**request.config, "title": request.title}, "", initiator)
    except UnusableTaskError as error:
        raise ValidationFailed((Fault(WRONG_VALUE, "", str(error), "See the schema of the body."),)) from error
    faults = form_faults(draft.form_config or {})
    if faults:
        raise ValidationFailed(faults)
    return draft


def _notification_faults(config: JsonObject) -> Iterator[Fault]:
    """Actions use the tenant's connections: on them decides who publishes workflows, not who opens a task."""
    levels = config.get("escalation")
    for index, level in enumerate(levels if isinstance(levels, list) else ()):
        if isinstance(level, dict) and "notification" in level:
            place = f"/escalation/{index}/notification"
            message = "A task that a person opens runs no actions of its own."
            yield Fault(
                WRONG_VALUE, place, message, "Leave it out: `notify` writes to assignees who are mail addresses."
            )


def _beginning(made: NewTask) -> tuple[TrailRow, TrailRow]:
    created = TrailRow(
        seq=1,
        at=made.at,
        actor=made.actor,
        on_behalf_of=made.on_behalf_of,
        from_status=None,
        to_status=TaskStatus.CREATED.value,
        action=TaskOperation.CREATE.value,
        reason="",
        request_id=made.request_id,
        details=None,
    )
    activate = TaskOperation.ACTIVATE.value
    return created, replace(created, seq=2, from_status=created.to_status, to_status=made.status, action=activate)
