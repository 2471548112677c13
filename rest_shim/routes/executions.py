"""`/api/executions` and the call that starts one."""

from collections.abc import Awaitable, Callable
from typing import Any
from uuid import UUID

from engine.errors import Conflict, IdempotencyMismatch, NotFound, Overloaded, RateLimited, ValidationFailed
from engine.identity.actor import Actor
from engine.identity.expiry import until
from engine.services.executions import Executions
from engine.services.requests import (
    BulkRequest,
    ControlRequest,
    ExecuteRequest,
    ResolveRequest,
    RetryRequest,
    SignalRequest,
)
from engine.services.values import Execution, ExecutionFilter
from rest_shim.call import Call
from rest_shim.events import event_stream, last_event_id
from rest_shim.models.executions import (
    BulkBody,
    BulkResultBody,
    ControlBody,
    EventBody,
    ExecuteBody,
    ExecutionBody,
    ExecutionQuery,
    LogBody,
    ResolveBody,
    RetryBody,
    SignalBody,
)
from rest_shim.models.paging import LIST_HEADERS, WHOLE_HEADERS, list_headers, page_request, whole_headers
from rest_shim.nouns import Noun
from rest_shim.table import EVENTS, Answer, Method, Reply, Route

Operation = Callable[[Executions, Actor, UUID, Any], Awaitable[Execution]]


async def execute(call: Call) -> Answer:
    """Start an execution."""
    request = await call.body(ExecuteBody, lambda faults: ExecuteRequest(faults=faults))
    workflow_id = call.id(Noun.WORKFLOW)
    accepted = await call.services.executions.execute(call.actor, workflow_id, request, call.idempotency_key())
    headers = {"location": f"/api/executions/{accepted.execution.id}"}
    if accepted.replayed:
        headers["idempotent-replayed"] = "true"
    return Answer(ExecutionBody.of(accepted.execution, fresh=not accepted.replayed), 201, headers)


async def find(call: Call) -> Answer:
    """Executions, newest first."""
    query = call.query(ExecutionQuery)
    page = page_request(query.page, query.limit, query.cursor)
    wanted = ExecutionFilter(query.workflow_id, query.status, query.version)
    found = await call.services.executions.list(call.actor, wanted, page, whole=True)
    headers = list_headers(call.path, call.request.query_params, found)
    return Answer([ExecutionBody.of(execution) for execution in found.items], headers=headers)


async def get(call: Call) -> Answer:
    """One execution with its steps and context."""
    return Answer(ExecutionBody.of(await call.services.executions.get(call.actor, call.id(Noun.EXECUTION))))


async def signal(call: Call) -> Answer:
    """Send a signal to an unfinished execution."""
    request = await call.body(SignalBody, lambda faults: SignalRequest(faults=faults))
    execution_id = call.id(Noun.EXECUTION)
    execution = await call.services.executions.signal(call.actor, execution_id, call.text("name"), request)
    return Answer(ExecutionBody.of(execution))


async def resolve(call: Call) -> Answer:
    """Decide an in-doubt step."""
    request = await call.body(ResolveBody, lambda faults: ResolveRequest(faults=faults))
    execution_id = call.id(Noun.EXECUTION)
    execution = await call.services.executions.resolve(call.actor, execution_id, call.text("stepId"), request)
    return Answer(ExecutionBody.of(execution))


async def bulk(call: Call) -> Answer:
    """One operation on all executions that match a filter."""
    request = await call.body(BulkBody, lambda faults: BulkRequest(faults=faults))
    return Answer(BulkResultBody.of(await call.services.executions.bulk(call.actor, request)))


async def logs(call: Call) -> Answer:
    """The log of an execution, oldest first."""
    entries = await call.services.executions.logs(call.actor, call.id(Noun.EXECUTION))
    return Answer([LogBody.of(entry) for entry in entries], headers=whole_headers(entries))


async def events(call: Call) -> Answer:
    """Transitions of an execution, as they are recorded."""
    execution = await call.services.executions.get(call.actor, call.id(Noun.EXECUTION))
    after = last_event_id(call.request.headers.get("last-event-id"))
    found = call.services.executions.events(call.actor, execution.id, after)
    return Answer(events=event_stream(until(found, call.ends_at)))


_EXECUTION = {200: Reply("The execution.", ExecutionBody)}
_CONTROL_REFUSALS = (NotFound, ValidationFailed, Conflict)


def _control(
    operation: str, summary: str, method: Operation, body: Any = ControlBody, request: Any = ControlRequest
) -> Route:
    """Route of an operation on the execution that the path names; it answers the execution after it."""

    async def handle(call: Call) -> Answer:
        asked = await call.body(body, lambda faults: request(faults=faults))
        execution = await method(call.services.executions, call.actor, call.id(Noun.EXECUTION), asked)
        return Answer(ExecutionBody.of(execution))

    return Route(
        Method.POST,
        f"/api/executions/{{id}}/{operation}",
        f"{operation}Execution",
        summary,
        handle,
        _EXECUTION,
        "executions",
        body=body,
        body_required=False,
        refusals=_CONTROL_REFUSALS,
        action=f"execution.{operation}",
    )


ROUTES = (
    Route(
        Method.POST,
        "/api/workflows/{id}/execute",
        "executeWorkflow",
        "Start an execution; it is durable before it is answered.",
        execute,
        {
            201: Reply(
                "The execution.",
                ExecutionBody,
                {"Location": "Of the execution.", "Idempotent-Replayed": "`true` where an earlier call started it."},
            )
        },
        "executions",
        body=ExecuteBody,
        body_required=False,
        refusals=(NotFound, ValidationFailed, IdempotencyMismatch, Conflict, RateLimited, Overloaded),
        headers={"Idempotency-Key": "Makes the call repeatable: same key and body, same execution, for 24 hours."},
        action="workflow.execute",
    ),
    Route(
        Method.GET,
        "/api/executions",
        "listExecutions",
        "Executions, newest first.",
        find,
        {200: Reply("One page.", tuple[ExecutionBody, ...], LIST_HEADERS)},
        "executions",
        query=ExecutionQuery,
        action="execution.read",
    ),
    Route(
        Method.POST,
        "/api/executions/bulk",
        "bulkExecutions",
        "One operation on all executions that match a filter.",
        bulk,
        {200: Reply("What was done, and what was refused.", BulkResultBody)},
        "executions",
        body=BulkBody,
        refusals=(ValidationFailed,),
        action="execution.bulk",
    ),
    Route(
        Method.GET,
        "/api/executions/{id}",
        "getExecution",
        "One execution with its steps and context.",
        get,
        _EXECUTION,
        "executions",
        refusals=(NotFound,),
        action="execution.read",
    ),
    _control("cancel", "Ask for the end of an unfinished execution.", Executions.cancel),
    _control("pause", "Hold a queued or running execution.", Executions.pause),
    _control("resume", "Let a paused execution go on.", Executions.resume),
    _control("retry", "Run failed work of a finished execution again.", Executions.retry, RetryBody, RetryRequest),
    Route(
        Method.POST,
        "/api/executions/{id}/signals/{name:remainder}",
        "signalExecution",
        "Send a signal; one that comes early is kept.",
        signal,
        _EXECUTION,
        "executions",
        body=SignalBody,
        body_required=False,
        refusals=_CONTROL_REFUSALS,
        action="execution.signal",
    ),
    Route(
        Method.POST,
        "/api/executions/{id}/steps/{stepId:remainder}/resolve",
        "resolveStep",
        "Decide a step whose outcome a crash left unknown.",
        resolve,
        _EXECUTION,
        "executions",
        body=ResolveBody,
        refusals=_CONTROL_REFUSALS,
        action="execution.resolve",
    ),
    Route(
        Method.GET,
        "/api/executions/{id}/logs",
        "getExecutionLogs",
        "The log of an execution, oldest first.",
        logs,
        {200: Reply("The log.", tuple[LogBody, ...], WHOLE_HEADERS)},
        "executions",
        refusals=(NotFound,),
        action="execution.read",
    ),
    Route(
        Method.GET,
        "/api/executions/{id}/events",
        "streamExecutionEvents",
        "Transitions as server-sent events; each event's data is an `EventBody`.",
        events,
        {200: Reply("The stream; it ends with the execution.", EventBody, media=EVENTS)},
        "executions",
        refusals=(NotFound,),
        headers={"Last-Event-ID": "Go on after this event."},
        action="execution.read",
    ),
)
