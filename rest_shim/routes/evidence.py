"""`/api/executions/{id}/evidence`: the bundle that strangers can check."""

from engine.errors import Conflict, NotFound
from rest_shim.call import Call
from rest_shim.nouns import Noun
from rest_shim.table import Answer, Method, Reply, Route

GZIP = "application/gzip"


async def export(call: Call) -> Answer:
    """The bundle, streamed."""
    found = await call.services.evidence.export(call.actor, call.id(Noun.EXECUTION))
    headers = {"content-disposition": f'attachment; filename="{found.file_name}"', "cache-control": "private, no-store"}
    return Answer(stream=found.chunks, headers=headers)


ROUTES = (
    Route(
        Method.GET,
        "/api/executions/{id}/evidence",
        "exportEvidence",
        "Evidence of a finished execution as a tar.gz, the same bytes every time; `./scripts/verify-bundle` checks it. "
        "409 `evidence.pending` with `Retry-After` until it is there.",
        export,
        {
            200: Reply(
                "The bundle.",
                {"type": "string", "format": "binary"},
                {"Content-Disposition": "`evidence-<executionId>.tar.gz`"},
                media=GZIP,
            )
        },
        "executions",
        refusals=(NotFound, Conflict),
        action="evidence.export",
    ),
)
