"""`/api/connections`: named ways to the outside, whose secrets go in and never come out."""

from engine.errors import Conflict, NotFound, Unavailable, ValidationFailed
from rest_shim.call import Call
from rest_shim.models.connections import CONNECTION_SCHEMA, ConnectionBody
from rest_shim.models.paging import LIST_HEADERS, PageQuery, list_headers, page_request
from rest_shim.table import Answer, Document, Method, Reply, Route

_BODY = Document(
    CONNECTION_SCHEMA,
    "`{name, kind, settings, secrets}`; what a kind takes is checked by its own schema.",
    {
        "name": "orders-api",
        "kind": "http",
        "settings": {"baseUrl": "https://orders.example.com"},
        "secrets": {"token": "not-a-real-one"},
    },
)


async def find(call: Call) -> Answer:
    """Connections, by name."""
    query = call.query(PageQuery)
    page = page_request(query.page, query.limit, query.cursor)
    found = await call.services.connections.list(call.actor, page)
    headers = list_headers(call.path, call.request.query_params, found)
    return Answer([ConnectionBody.of(view) for view in found.items], headers=headers)


async def create(call: Call) -> Answer:
    """Store a new connection."""
    view = await call.services.connections.create(call.actor, await call.document())
    return Answer(ConnectionBody.of(view), 201, {"location": f"/api/connections/{view.name}"})


async def get(call: Call) -> Answer:
    """One connection."""
    return Answer(ConnectionBody.of(await call.services.connections.get(call.actor, call.text("name"))))


async def replace(call: Call) -> Answer:
    """Change a connection."""
    view = await call.services.connections.replace(call.actor, call.text("name"), await call.document())
    return Answer(ConnectionBody.of(view))


async def delete(call: Call) -> Answer:
    """Delete a connection."""
    await call.services.connections.delete(call.actor, call.text("name"))
    return Answer(status=204)


_CONNECTION = Reply("The connection.", ConnectionBody)

ROUTES = (
    Route(
        Method.GET,
        "/api/connections",
        "listConnections",
        "Connections, by name.",
        find,
        {200: Reply("One page.", tuple[ConnectionBody, ...], LIST_HEADERS)},
        "connections",
        query=PageQuery,
        action="connection.read",
    ),
    Route(
        Method.POST,
        "/api/connections",
        "createConnection",
        "Store a new connection.",
        create,
        {201: Reply("The connection.", ConnectionBody, {"Location": "Of the connection."})},
        "connections",
        body=_BODY,
        refusals=(ValidationFailed, Conflict, Unavailable),
        action="connection.write",
    ),
    Route(
        Method.GET,
        "/api/connections/{name}",
        "getConnection",
        "One connection.",
        get,
        {200: _CONNECTION},
        "connections",
        refusals=(NotFound,),
        action="connection.read",
    ),
    Route(
        Method.PUT,
        "/api/connections/{name}",
        "replaceConnection",
        "Change a connection: settings as a whole, secrets one by one.",
        replace,
        {200: _CONNECTION},
        "connections",
        body=_BODY,
        refusals=(NotFound, ValidationFailed, Unavailable),
        action="connection.write",
    ),
    Route(
        Method.DELETE,
        "/api/connections/{name}",
        "deleteConnection",
        "Delete a connection; steps that name it fail from now on.",
        delete,
        {204: Reply("It is gone.")},
        "connections",
        refusals=(NotFound,),
        action="connection.delete",
    ),
)
