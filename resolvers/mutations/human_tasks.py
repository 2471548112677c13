"""Mutations of human tasks: one input each, one call of a service, one result."""

from typing import cast

import strawberry

from engine.clock import rfc3339
from engine.definitions.model import Priority
from engine.jsonvalue import Json, JsonObject
from engine.services.task_values import (
    AssignRequest,
    CommentRequest,
    CompleteRequest,
    CreateTaskRequest,
    EscalateRequest,
    ForwardRequest,
    ReasonRequest,
    UpdateTaskRequest,
)
from engine.tasks.escalation import EscalationAction
from resolvers import task_shapes
from resolvers.info import Info, identifier, identifier_or_none
from schema.fields import mutation
from schema.mutations import human_tasks as graph

NOUN = "human task"


@strawberry.type
class HumanTaskMutations:
    """Mutations of human tasks."""

    @mutation("Open a task that no step opens.")
    async def create_human_task(self, info: Info, input: graph.CreateHumanTaskInput) -> graph.CreateHumanTaskResult:
        tasks, request = info.context.services.human_tasks, _create_request(input)
        task = await tasks.create(info.context.actor, request, input.idempotency_key)
        return graph.CreateHumanTaskSuccess(human_task=task_shapes.human_task(task))

    @mutation("Change title, description, priority or deadline of a task.")
    async def update_human_task(self, info: Info, input: graph.UpdateHumanTaskInput) -> graph.UpdateHumanTaskResult:
        key = identifier(NOUN, input.task_id)
        task = await info.context.services.human_tasks.update(info.context.actor, key, _update_request(input))
        return graph.UpdateHumanTaskSuccess(human_task=task_shapes.human_task(task))

    @mutation("Take a pending task; the loser of a race hears who has it.")
    async def claim_human_task(self, info: Info, input: graph.ClaimHumanTaskInput) -> graph.ClaimHumanTaskResult:
        key = identifier(NOUN, input.task_id)
        request = ReasonRequest(reason=input.reason)
        task = await info.context.services.human_tasks.claim(info.context.actor, key, request)
        return graph.ClaimHumanTaskSuccess(human_task=task_shapes.human_task(task))

    @mutation("Give a task back to its candidates.")
    async def release_human_task(self, info: Info, input: graph.ReleaseHumanTaskInput) -> graph.ReleaseHumanTaskResult:
        key = identifier(NOUN, input.task_id)
        request = ReasonRequest(reason=input.reason)
        task = await info.context.services.human_tasks.release(info.context.actor, key, request)
        return graph.ReleaseHumanTaskSuccess(human_task=task_shapes.human_task(task))

    @mutation("Make somebody the owner of a task.")
    async def assign_human_task(self, info: Info, input: graph.AssignHumanTaskInput) -> graph.AssignHumanTaskResult:
        key = identifier(NOUN, input.task_id)
        request = AssignRequest(assignee=input.assignee, reason=input.reason)
        task = await info.context.services.human_tasks.assign(info.context.actor, key, request)
        return graph.AssignHumanTaskSuccess(human_task=task_shapes.human_task(task))

    @mutation("Hand a task to somebody else, as its owner.")
    async def delegate_human_task(
        self, info: Info, input: graph.DelegateHumanTaskInput
    ) -> graph.DelegateHumanTaskResult:
        key = identifier(NOUN, input.task_id)
        request = AssignRequest(assignee=input.assignee, reason=input.reason)
        task = await info.context.services.human_tasks.delegate(info.context.actor, key, request)
        return graph.DelegateHumanTaskSuccess(human_task=task_shapes.human_task(task))

    @mutation("Offer a task to other candidates.")
    async def forward_human_task(self, info: Info, input: graph.ForwardHumanTaskInput) -> graph.ForwardHumanTaskResult:
        key = identifier(NOUN, input.task_id)
        request = ForwardRequest(tuple(input.assignees), tuple(input.candidate_groups), input.reason)
        task = await info.context.services.human_tasks.forward(info.context.actor, key, request)
        return graph.ForwardHumanTaskSuccess(human_task=task_shapes.human_task(task))

    @mutation("Begin to work on a task.")
    async def start_human_task(self, info: Info, input: graph.StartHumanTaskInput) -> graph.StartHumanTaskResult:
        key = identifier(NOUN, input.task_id)
        request = ReasonRequest(reason=input.reason)
        task = await info.context.services.human_tasks.start(info.context.actor, key, request)
        return graph.StartHumanTaskSuccess(human_task=task_shapes.human_task(task))

    @mutation("Hold a task; its clocks go on.")
    async def suspend_human_task(self, info: Info, input: graph.SuspendHumanTaskInput) -> graph.SuspendHumanTaskResult:
        key = identifier(NOUN, input.task_id)
        request = ReasonRequest(reason=input.reason)
        task = await info.context.services.human_tasks.suspend(info.context.actor, key, request)
        return graph.SuspendHumanTaskSuccess(human_task=task_shapes.human_task(task))

    @mutation("Go on with a task where it was suspended.")
    async def resume_human_task(self, info: Info, input: graph.ResumeHumanTaskInput) -> graph.ResumeHumanTaskResult:
        key = identifier(NOUN, input.task_id)
        request = ReasonRequest(reason=input.reason)
        task = await info.context.services.human_tasks.resume(info.context.actor, key, request)
        return graph.ResumeHumanTaskSuccess(human_task=task_shapes.human_task(task))

    @mutation("Hand in the form of a task.")
    async def complete_human_task(
        self, info: Info, input: graph.CompleteHumanTaskInput
    ) -> graph.CompleteHumanTaskResult:
        key = identifier(NOUN, input.task_id)
        request = CompleteRequest(form_data=_json(input.form_data, {}), comment=input.comment)
        task = await info.context.services.human_tasks.complete(info.context.actor, key, request)
        return graph.CompleteHumanTaskSuccess(human_task=task_shapes.human_task(task))

    @mutation("Say that a task cannot be done: its step fails.")
    async def fail_human_task(self, info: Info, input: graph.FailHumanTaskInput) -> graph.FailHumanTaskResult:
        key = identifier(NOUN, input.task_id)
        request = ReasonRequest(reason=input.reason)
        task = await info.context.services.human_tasks.fail(info.context.actor, key, request)
        return graph.FailHumanTaskSuccess(human_task=task_shapes.human_task(task))

    @mutation("Pass a task over, where its step allows that.")
    async def skip_human_task(self, info: Info, input: graph.SkipHumanTaskInput) -> graph.SkipHumanTaskResult:
        key = identifier(NOUN, input.task_id)
        request = ReasonRequest(reason=input.reason)
        task = await info.context.services.human_tasks.skip(info.context.actor, key, request)
        return graph.SkipHumanTaskSuccess(human_task=task_shapes.human_task(task))

    @mutation("End a task without a result: its step fails.")
    async def cancel_human_task(self, info: Info, input: graph.CancelHumanTaskInput) -> graph.CancelHumanTaskResult:
        key = identifier(NOUN, input.task_id)
        request = ReasonRequest(reason=input.reason)
        task = await info.context.services.human_tasks.cancel(info.context.actor, key, request)
        return graph.CancelHumanTaskSuccess(human_task=task_shapes.human_task(task))

    @mutation("Escalate a task now.")
    async def escalate_human_task(
        self, info: Info, input: graph.EscalateHumanTaskInput
    ) -> graph.EscalateHumanTaskResult:
        key = identifier(NOUN, input.task_id)
        request = _escalate_request(input)
        task = await info.context.services.human_tasks.escalate(info.context.actor, key, request)
        return graph.EscalateHumanTaskSuccess(human_task=task_shapes.human_task(task))

    @mutation("Say something about a task.")
    async def comment_human_task(self, info: Info, input: graph.CommentHumanTaskInput) -> graph.CommentHumanTaskResult:
        key = identifier(NOUN, input.task_id)
        request = CommentRequest(text=input.comment)
        task = await info.context.services.human_tasks.comment(info.context.actor, key, request)
        return graph.CommentHumanTaskSuccess(human_task=task_shapes.human_task(task))


def _create_request(given: graph.CreateHumanTaskInput) -> CreateTaskRequest:
    asked: dict[str, object] = {
        "description": given.description,
        "assignees": given.assignees,
        "candidateGroups": given.candidate_groups,
        "formConfig": given.form_config,
        "priority": given.priority,
        "dueDate": None if given.due_date is None else rfc3339(given.due_date),
        "dueInMs": given.due_in_ms,
        "sla": given.sla,
        "escalation": given.escalation,
        "excludeInitiator": given.exclude_initiator,
        "approvals": given.approvals,
        "skippable": given.skippable,
    }
    config = cast("JsonObject", {name: value for name, value in asked.items() if value is not None})
    execution = identifier_or_none("execution", given.execution_id)
    return CreateTaskRequest(title=given.title, config=config, execution_id=execution)


def _update_request(given: graph.UpdateHumanTaskInput) -> UpdateTaskRequest:
    unset = given.due_date is strawberry.UNSET
    return UpdateTaskRequest(
        title=given.title,
        description=given.description,
        priority=None if given.priority is None else Priority[given.priority.upper()],
        due_at=None if unset else given.due_date,
        removes_due_date=not unset and given.due_date is None,
    )


def _escalate_request(given: graph.EscalateHumanTaskInput) -> EscalateRequest:
    action = None if given.action is None else EscalationAction(given.action.value)
    return EscalateRequest(action, tuple(given.assignees), tuple(given.groups), given.reason)


def _json(value: object, otherwise: Json) -> Json:
    return otherwise if value is None else cast("Json", value)
