"""`/api/callbacks`: where events of executions and tasks are sent, signed."""

from engine.errors import Conflict, NotFound, Unavailable, ValidationFailed
from engine.services.callbacks import CreateCallbackRequest, RotateCallbackRequest
from rest_shim.call import Call
from rest_shim.models.callbacks import CallbackBody, CreateCallbackBody, RotateCallbackBody, ShownCallbackBody
from rest_shim.models.paging import LIST_HEADERS, PageQuery, list_headers, page_request
from rest_shim.nouns import Noun
from rest_shim.table import Answer, Method, Reply, Route


async def find(call: Call) -> Answer:
    """Callbacks, newest first."""
    query = call.query(PageQuery)
    page = page_request(query.page, query.limit, query.cursor)
    found = await call.services.callbacks.list(call.actor, page)
    headers = list_headers(call.path, call.request.query_params, found)
    return Answer([CallbackBody.of(view) for view in found.items], headers=headers)


async def create(call: Call) -> Answer:
    """Send events to an address."""
    request = await call.body(CreateCallbackBody, lambda faults: CreateCallbackRequest(faults=faults))
    return Answer(ShownCallbackBody.of(await call.services.callbacks.create(call.actor, request)), 201)


async def rotate(call: Call) -> Answer:
    """A new secret; both sign for a while."""
    request = await call.body(RotateCallbackBody, lambda faults: RotateCallbackRequest(faults=faults))
    shown = await call.services.callbacks.rotate(call.actor, call.id(Noun.CALLBACK), request)
    return Answer(ShownCallbackBody.of(shown), 201)


async def delete(call: Call) -> Answer:
    """Send nothing more there."""
    await call.services.callbacks.delete(call.actor, call.id(Noun.CALLBACK))
    return Answer(status=204)


_SHOWN = Reply("The callback with its secret, shown this once.", ShownCallbackBody)

ROUTES = (
    Route(
        Method.GET,
        "/api/callbacks",
        "listCallbacks",
        "Callbacks, newest first, disabled ones too.",
        find,
        {200: Reply("One page.", tuple[CallbackBody, ...], LIST_HEADERS)},
        "callbacks",
        query=PageQuery,
        action="callback.read",
    ),
    Route(
        Method.POST,
        "/api/callbacks",
        "createCallback",
        "Send events to an address, signed by Standard Webhooks, at least once each.",
        create,
        {201: _SHOWN},
        "callbacks",
        body=CreateCallbackBody,
        refusals=(ValidationFailed, NotFound, Conflict, Unavailable),
        action="callback.create",
    ),
    Route(
        Method.POST,
        "/api/callbacks/{id}/rotate",
        "rotateCallbackSecret",
        "A new secret; for the overlap events are signed with the old ones too.",
        rotate,
        {201: _SHOWN},
        "callbacks",
        body=RotateCallbackBody,
        body_required=False,
        refusals=(NotFound, ValidationFailed, Conflict, Unavailable),
        action="callback.rotate",
    ),
    Route(
        Method.DELETE,
        "/api/callbacks/{id}",
        "deleteCallback",
        "Send nothing more there, what waits included.",
        delete,
        {204: Reply("It is gone.")},
        "callbacks",
        refusals=(NotFound,),
        action="callback.delete",
    ),
)
