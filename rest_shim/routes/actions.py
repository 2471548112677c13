"""`/api/actions`: what steps may do."""

from rest_shim.call import Call
from rest_shim.models.actions import ActionBody
from rest_shim.models.paging import WHOLE_HEADERS, whole_headers
from rest_shim.table import Answer, Method, Reply, Route


async def find(call: Call) -> Answer:
    """All actions, by name."""
    found = [ActionBody.of(entry) for entry in await call.services.actions.list(call.actor)]
    return Answer(found, headers=whole_headers(found))


ROUTES = (
    Route(
        Method.GET,
        "/api/actions",
        "listActions",
        "The installed actions, by name.",
        find,
        {200: Reply("All of them.", tuple[ActionBody, ...], WHOLE_HEADERS)},
        "actions",
        action="action.read",
    ),
)
