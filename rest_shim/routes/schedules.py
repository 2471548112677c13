"""`/api/schedules` and `/api/events`: what starts executions without a person."""

from dataclasses import replace

from engine.errors import Conflict, IdempotencyMismatch, NotFound, ValidationFailed
from engine.services.events import EmitRequest
from engine.services.schedule_values import BackfillRequest, HoldRequest, ReconcileRequest
from rest_shim.call import Call
from rest_shim.models.paging import LIST_HEADERS, PageQuery, list_headers, page_request
from rest_shim.models.schedules import (
    BackfillBody,
    BackfilledBody,
    EmittedBody,
    EventBodyIn,
    HoldBody,
    ReconcileBody,
    ReconciledBody,
    ReconcileQuery,
    ScheduleBody,
    ScheduleQuery,
    TickBody,
)
from rest_shim.nouns import Noun
from rest_shim.table import Answer, Method, Reply, Route


async def find(call: Call) -> Answer:
    """Schedules of the tenant."""
    query = call.query(ScheduleQuery)
    page = page_request(query.page, query.limit, query.cursor)
    found = await call.services.schedules.list(call.actor, query.workflow_id, page)
    headers = list_headers(call.path, call.request.query_params, found)
    return Answer([ScheduleBody.of(schedule) for schedule in found.items], headers=headers)


async def get(call: Call) -> Answer:
    """One schedule."""
    return Answer(ScheduleBody.of(await call.services.schedules.get(call.actor, call.id(Noun.SCHEDULE))))


async def ticks(call: Call) -> Answer:
    """The ledger of a schedule."""
    query = call.query(PageQuery)
    schedule_id = call.id(Noun.SCHEDULE)
    page = page_request(query.page, query.limit, query.cursor)
    found = await call.services.schedules.ticks(call.actor, schedule_id, page)
    headers = list_headers(f"/api/schedules/{schedule_id}/ticks", call.request.query_params, found)
    return Answer([TickBody.of(tick) for tick in found.items], headers=headers)


async def reconcile(call: Call) -> Answer:
    """Make schedules equal to triggers."""
    asked = call.query(ReconcileQuery)
    request = await call.body(ReconcileBody, lambda faults: ReconcileRequest(faults=faults))
    request = replace(request, dry_run=request.dry_run or asked.dry_run)
    return Answer(ReconciledBody.of(await call.services.schedules.reconcile(call.actor, request)))


async def pause(call: Call) -> Answer:
    """Hold a schedule."""
    request = await call.body(HoldBody, lambda faults: HoldRequest(faults=faults))
    return Answer(ScheduleBody.of(await call.services.schedules.pause(call.actor, call.id(Noun.SCHEDULE), request)))


async def resume(call: Call) -> Answer:
    """Let a schedule go on."""
    request = await call.body(HoldBody, lambda faults: HoldRequest(faults=faults))
    return Answer(ScheduleBody.of(await call.services.schedules.resume(call.actor, call.id(Noun.SCHEDULE), request)))


async def backfill(call: Call) -> Answer:
    """Start ticks of the past."""
    request = await call.body(BackfillBody, lambda faults: BackfillRequest(faults=faults))
    result = await call.services.schedules.backfill(call.actor, call.id(Noun.SCHEDULE), request)
    return Answer(BackfilledBody.of(result))


async def emit(call: Call) -> Answer:
    """Take an event in."""
    request = await call.body(EventBodyIn, lambda faults: EmitRequest(faults=faults))
    return Answer(EmittedBody.of(await call.services.events.emit(call.actor, request)), 202)


ROUTES = (
    Route(
        Method.GET,
        "/api/schedules",
        "listSchedules",
        "Schedules of published, active workflows, each with its next ten ticks.",
        find,
        {200: Reply("One page.", tuple[ScheduleBody, ...], LIST_HEADERS)},
        "schedules",
        query=ScheduleQuery,
        action="schedule.read",
    ),
    Route(
        Method.GET,
        "/api/schedules/{id}",
        "getSchedule",
        "One schedule with its next ten ticks.",
        get,
        {200: Reply("The schedule.", ScheduleBody)},
        "schedules",
        refusals=(NotFound,),
        action="schedule.read",
    ),
    Route(
        Method.GET,
        "/api/schedules/{id}/ticks",
        "listScheduleTicks",
        "The ledger of a schedule, newest tick first: one row for every due tick, with its reason.",
        ticks,
        {200: Reply("One page.", tuple[TickBody, ...], LIST_HEADERS)},
        "schedules",
        query=PageQuery,
        refusals=(NotFound,),
        action="schedule.read",
    ),
    Route(
        Method.POST,
        "/api/schedules/reconcile",
        "reconcileSchedules",
        "Make schedules equal to the triggers of published, active workflows, and recover missed ticks. Idempotent.",
        reconcile,
        {200: Reply("What was done, or would be.", ReconciledBody)},
        "schedules",
        query=ReconcileQuery,
        body=ReconcileBody,
        body_required=False,
        refusals=(ValidationFailed,),
        action="schedule.reconcile",
    ),
    Route(
        Method.POST,
        "/api/schedules/{id}/pause",
        "pauseSchedule",
        "Hold a schedule; what comes due meanwhile is dealt with as missed when it goes on.",
        pause,
        {200: Reply("The schedule.", ScheduleBody)},
        "schedules",
        body=HoldBody,
        body_required=False,
        refusals=(NotFound, Conflict, ValidationFailed),
        action="schedule.pause",
    ),
    Route(
        Method.POST,
        "/api/schedules/{id}/resume",
        "resumeSchedule",
        "Let a schedule go on; what came due meanwhile is caught up by its own rule, or recorded as missed.",
        resume,
        {200: Reply("The schedule.", ScheduleBody)},
        "schedules",
        body=HoldBody,
        body_required=False,
        refusals=(NotFound, Conflict, ValidationFailed),
        action="schedule.resume",
    ),
    Route(
        Method.POST,
        "/api/schedules/{id}/backfill",
        "backfillSchedule",
        "Start the ticks of a range, both ends included; a tick that was started is never repeated.",
        backfill,
        {200: Reply("What was asked for.", BackfilledBody)},
        "schedules",
        body=BackfillBody,
        refusals=(NotFound, Conflict, ValidationFailed),
        action="schedule.backfill",
    ),
    Route(
        Method.POST,
        "/api/events",
        "emitEvent",
        "Start every published, active workflow that listens, and wake the steps that wait for it.",
        emit,
        {202: Reply("Taken in; delivered within moments.", EmittedBody)},
        "events",
        body=EventBodyIn,
        refusals=(ValidationFailed, IdempotencyMismatch),
        action="event.emit",
    ),
)
