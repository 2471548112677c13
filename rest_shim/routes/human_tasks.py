"""`/api/human-tasks`: work that people do."""

from collections.abc import Awaitable, Callable
from typing import Any
from uuid import UUID

from engine.errors import Conflict, IdempotencyMismatch, NotFound, ValidationFailed
from engine.services.human_tasks import HumanTasks
from engine.services.task_values import (
    AssignRequest,
    CommentRequest,
    CompleteRequest,
    CreateTaskRequest,
    EscalateRequest,
    ForwardRequest,
    HumanTask,
    ReasonRequest,
    TaskFilter,
    UpdateTaskRequest,
)
from rest_shim.call import Call
from rest_shim.models.human_tasks import (
    AssignBody,
    CommentBody,
    CommentBodyOut,
    CompleteBody,
    CreateHumanTaskBody,
    EscalateBody,
    ForwardBody,
    HumanTaskBody,
    HumanTaskQuery,
    ReasonBody,
    UpdateHumanTaskBody,
)
from rest_shim.models.paging import LIST_HEADERS, WHOLE_HEADERS, list_headers, page_request, whole_headers
from rest_shim.nouns import Noun
from rest_shim.table import Answer, Handler, Method, Reply, Route

Operation = Callable[[HumanTasks, Any, UUID, Any], Awaitable[HumanTask]]


async def create(call: Call) -> Answer:
    """Open a task that no step opens."""
    request = await call.body(CreateHumanTaskBody, lambda faults: CreateTaskRequest(faults=faults))
    task = await call.services.human_tasks.create(call.actor, request, call.idempotency_key())
    return Answer(HumanTaskBody.of(task), 201, {"location": f"/api/human-tasks/{task.id}"})


async def find(call: Call) -> Answer:
    """Tasks, newest first."""
    query = call.query(HumanTaskQuery)
    page = page_request(query.page, query.limit, query.cursor)
    wanted = TaskFilter(
        status=query.status,
        assignee=query.assignee,
        candidate_group=query.candidate_group,
        execution_id=query.execution_id,
        workflow_id=query.workflow_id,
        step_id=query.step_id,
        due_before=query.due_before,
    )
    found = await call.services.human_tasks.list(call.actor, wanted, page, whole=True)
    headers = list_headers(call.path, call.request.query_params, found)
    return Answer([HumanTaskBody.of(task) for task in found.items], headers=headers)


async def get(call: Call) -> Answer:
    """One task with its trail."""
    return Answer(HumanTaskBody.of(await call.services.human_tasks.get(call.actor, call.id(Noun.HUMAN_TASK))))


async def update(call: Call) -> Answer:
    """Change what may be edited."""
    request = await call.body(UpdateHumanTaskBody, lambda faults: UpdateTaskRequest(faults=faults))
    task = await call.services.human_tasks.update(call.actor, call.id(Noun.HUMAN_TASK), request)
    return Answer(HumanTaskBody.of(task))


async def remove(call: Call) -> Answer:
    """Cancel a task."""
    task = await call.services.human_tasks.cancel(call.actor, call.id(Noun.HUMAN_TASK), ReasonRequest())
    return Answer(HumanTaskBody.of(task))


async def comments(call: Call) -> Answer:
    """What was said about a task."""
    found = await call.services.human_tasks.comments(call.actor, call.id(Noun.HUMAN_TASK))
    return Answer([CommentBodyOut.of(comment) for comment in found], headers=whole_headers(found))


async def comment(call: Call) -> Answer:
    """Say something about a task."""
    request = await call.body(CommentBody, lambda faults: CommentRequest(faults=faults))
    task = await call.services.human_tasks.comment(call.actor, call.id(Noun.HUMAN_TASK), request)
    return Answer(HumanTaskBody.of(task), 201)


_TASK = {200: Reply("The task.", HumanTaskBody)}
_REFUSALS = (NotFound, ValidationFailed, Conflict)


def _handler(operation: Operation, body: Any, request: Any) -> Handler:
    """Reads the body, does one operation on the task that the path names, and shapes the task after it."""

    async def handle(call: Call) -> Answer:
        asked = await call.body(body, lambda faults: request(faults=faults))
        task = await operation(call.services.human_tasks, call.actor, call.id(Noun.HUMAN_TASK), asked)
        return Answer(HumanTaskBody.of(task))

    return handle


def _operation(
    verb: str, summary: str, operation: Operation, body: Any = ReasonBody, request: Any = ReasonRequest
) -> Route:
    return Route(
        Method.POST,
        f"/api/human-tasks/{{id}}/{verb}",
        f"{verb}HumanTask",
        summary,
        _handler(operation, body, request),
        _TASK,
        "human-tasks",
        body=body,
        body_required=False,
        refusals=_REFUSALS,
        action=f"human_task.{verb}",
    )


ROUTES = (
    Route(
        Method.GET,
        "/api/human-tasks",
        "listHumanTasks",
        "Tasks, newest first.",
        find,
        {200: Reply("One page.", tuple[HumanTaskBody, ...], LIST_HEADERS)},
        "human-tasks",
        query=HumanTaskQuery,
        action="human_task.read",
    ),
    Route(
        Method.POST,
        "/api/human-tasks",
        "createHumanTask",
        "Open a task that no step opens.",
        create,
        {201: Reply("The task.", HumanTaskBody, {"Location": "Of the task."})},
        "human-tasks",
        body=CreateHumanTaskBody,
        refusals=(*_REFUSALS, IdempotencyMismatch),
        action="human_task.create",
        headers={"Idempotency-Key": "Makes the call repeatable: same key and body, same task, for 24 hours."},
    ),
    Route(
        Method.GET,
        "/api/human-tasks/{id}",
        "getHumanTask",
        "One task with its trail. Reading decides nothing.",
        get,
        _TASK,
        "human-tasks",
        refusals=(NotFound,),
        action="human_task.read",
    ),
    Route(
        Method.PATCH,
        "/api/human-tasks/{id}",
        "updateHumanTask",
        "Change title, description, priority or deadline.",
        update,
        _TASK,
        "human-tasks",
        body=UpdateHumanTaskBody,
        refusals=_REFUSALS,
        action="human_task.update",
    ),
    Route(
        Method.DELETE,
        "/api/human-tasks/{id}",
        "deleteHumanTask",
        "Cancel a task: its step fails.",
        remove,
        _TASK,
        "human-tasks",
        refusals=(NotFound, Conflict),
        action="human_task.cancel",
    ),
    _operation("claim", "Take a pending task; the loser of a race hears who has it.", HumanTasks.claim),
    _operation("release", "Give it back to its candidates.", HumanTasks.release),
    _operation("assign", "Make somebody its owner.", HumanTasks.assign, AssignBody, AssignRequest),
    _operation("delegate", "Hand it to somebody else, as its owner.", HumanTasks.delegate, AssignBody, AssignRequest),
    _operation("forward", "Offer it to other candidates.", HumanTasks.forward, ForwardBody, ForwardRequest),
    _operation("start", "Begin to work on it.", HumanTasks.start),
    _operation("suspend", "Hold it; its clocks go on.", HumanTasks.suspend),
    _operation("resume", "Go on where it was suspended.", HumanTasks.resume),
    _operation("complete", "Hand in the form.", HumanTasks.complete, CompleteBody, CompleteRequest),
    _operation("fail", "Say that it cannot be done: its step fails.", HumanTasks.fail),
    _operation("skip", "Pass it over, where its step allows that.", HumanTasks.skip),
    _operation("cancel", "End it without a result: its step fails.", HumanTasks.cancel),
    _operation("escalate", "Escalate it now.", HumanTasks.escalate, EscalateBody, EscalateRequest),
    Route(
        Method.GET,
        "/api/human-tasks/{id}/comments",
        "listHumanTaskComments",
        "What was said about a task, oldest first.",
        comments,
        {200: Reply("The comments.", tuple[CommentBodyOut, ...], WHOLE_HEADERS)},
        "human-tasks",
        refusals=(NotFound,),
        action="human_task.read",
    ),
    Route(
        Method.POST,
        "/api/human-tasks/{id}/comments",
        "commentHumanTask",
        "Say something about a task.",
        comment,
        {201: Reply("The task.", HumanTaskBody)},
        "human-tasks",
        body=CommentBody,
        refusals=_REFUSALS,
        action="human_task.comment",
    ),
)
