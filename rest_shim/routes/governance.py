"""`/api/audit` and `/api/policy/preview`: who did what, and who may do what."""

from collections.abc import AsyncIterator

import orjson

from engine.errors import MalformedRequest, NotFound
from engine.services.audit import AuditEntryView
from rest_shim.call import Call
from rest_shim.models.governance import AuditEntryBody, AuditQuery, PreviewBody, PreviewQuery
from rest_shim.models.paging import LIST_HEADERS, list_headers, page_request
from rest_shim.shapes import write
from rest_shim.table import Answer, Method, Reply, Route

JSON_LINES = "application/jsonl"


async def find(call: Call) -> Answer:
    """The audit log: a page, newest first, or all of it as JSON Lines, oldest first."""
    query = call.query(AuditQuery)
    if _wants_lines(call.request.headers.get("accept", "")):
        if query.page is not None or query.cursor is not None:
            raise MalformedRequest("An export has no pages.", code="request.bad_parameter")
        entries = await call.services.audit.export(call.actor, query.filter())
        headers = {"content-disposition": 'attachment; filename="audit.jsonl"'}
        return Answer(stream=_lines(entries), media=JSON_LINES, headers=headers)
    page = page_request(query.page, query.limit, query.cursor)
    found = await call.services.audit.list(call.actor, query.filter(), page)
    headers = list_headers(call.path, call.request.query_params, found)
    return Answer([AuditEntryBody.of(entry) for entry in found.items], headers=headers)


async def preview(call: Call) -> Answer:
    """What policy would decide."""
    query = call.query(PreviewQuery)
    return Answer(PreviewBody.of(await call.services.policies.preview(call.actor, query.action, query.resource)))


def _wants_lines(accept: str) -> bool:
    return any(part.partition(";")[0].strip().lower() == JSON_LINES for part in accept.split(","))


async def _lines(entries: AsyncIterator[AuditEntryView]) -> AsyncIterator[bytes]:
    async for entry in entries:
        yield orjson.dumps(write(AuditEntryBody.of(entry))) + b"\n"


ROUTES = (
    Route(
        Method.GET,
        "/api/audit",
        "listAuditEntries",
        "The audit log, newest first; as JSON Lines the whole of it, oldest first.",
        find,
        {
            200: Reply(
                "One page, or the export.", tuple[AuditEntryBody, ...], LIST_HEADERS, also={JSON_LINES: AuditEntryBody}
            )
        },
        "governance",
        query=AuditQuery,
        headers={"Accept": "`application/jsonl` exports all that the filter names, an `AuditEntryBody` a line."},
        action="audit.read",
    ),
    Route(
        Method.GET,
        "/api/policy/preview",
        "previewPolicy",
        "What policy would decide for an action of the caller's, and why.",
        preview,
        {200: Reply("The decision that would be made.", PreviewBody)},
        "governance",
        query=PreviewQuery,
        refusals=(NotFound,),
        action="policy.preview",
    ),
)
