"""`/api/dead-letters`."""

from engine.errors import Conflict, NotFound, ValidationFailed
from engine.services.dead_letter_values import DeadLetterFilter
from engine.services.requests import ControlRequest
from rest_shim.call import Call
from rest_shim.models.dead_letters import DeadLetterBody, DeadLetterQuery
from rest_shim.models.executions import ControlBody
from rest_shim.models.paging import LIST_HEADERS, list_headers, page_request
from rest_shim.nouns import Noun
from rest_shim.table import Answer, Method, Reply, Route


async def find(call: Call) -> Answer:
    """Dead letters, newest first."""
    query = call.query(DeadLetterQuery)
    page = page_request(query.page, query.limit, query.cursor)
    wanted = DeadLetterFilter(query.status, query.kind, query.execution_id)
    found = await call.services.dead_letters.list(call.actor, wanted, page)
    headers = list_headers(call.path, call.request.query_params, found)
    return Answer([DeadLetterBody.of(letter) for letter in found.items], headers=headers)


async def get(call: Call) -> Answer:
    """One dead letter with its history."""
    return Answer(DeadLetterBody.of(await call.services.dead_letters.get(call.actor, call.id(Noun.DEAD_LETTER))))


async def redrive(call: Call) -> Answer:
    """Give it another chance."""
    request = await call.body(ControlBody, lambda faults: ControlRequest(faults=faults))
    letter = await call.services.dead_letters.redrive(call.actor, call.id(Noun.DEAD_LETTER), request)
    return Answer(DeadLetterBody.of(letter))


ROUTES: tuple[Route, ...] = (
    Route(
        Method.GET,
        "/api/dead-letters",
        "listDeadLetters",
        "Work that was given up, newest first.",
        find,
        {200: Reply("One page.", tuple[DeadLetterBody, ...], LIST_HEADERS)},
        "dead-letters",
        query=DeadLetterQuery,
        action="dead_letter.read",
    ),
    Route(
        Method.GET,
        "/api/dead-letters/{id}",
        "getDeadLetter",
        "One dead letter with its cause, its payload and its whole history.",
        get,
        {200: Reply("The dead letter.", DeadLetterBody)},
        "dead-letters",
        refusals=(NotFound,),
        action="dead_letter.read",
    ),
    Route(
        Method.POST,
        "/api/dead-letters/{id}/redrive",
        "redriveDeadLetter",
        "Put it back: the execution is retried, the message rung for again, the parcel sent again.",
        redrive,
        {200: Reply("The dead letter, redriven.", DeadLetterBody)},
        "dead-letters",
        body=ControlBody,
        body_required=False,
        refusals=(NotFound, ValidationFailed, Conflict),
        action="dead_letter.redrive",
    ),
)
