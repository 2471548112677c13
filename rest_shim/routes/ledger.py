"""`/api/ledger`: a read-only mirror of the ledger's public side."""

from collections.abc import AsyncIterator

from engine.errors import NotFound, Unavailable
from rest_shim.call import Call
from rest_shim.models.ledger import CONSISTENCY, ENTRY, INCLUSION, KEYS, ConsistencyQuery, InclusionQuery
from rest_shim.table import Answer, Method, Reply, Route

TEXT = "text/plain; charset=utf-8"


async def checkpoint(call: Call) -> Answer:
    """The newest signed checkpoint, as the ledger gives it."""
    return Answer(stream=_text(await call.services.ledger.checkpoint()), headers={"cache-control": "no-cache"})


async def keys(call: Call) -> Answer:
    """All public keys."""
    return Answer(await call.services.ledger.keys())


async def entry(call: Call) -> Answer:
    """An entry of the caller's tenant."""
    text = call.text("index")
    if not (text.isascii() and text.isdigit() and len(text) < 16):
        raise NotFound("ledger entry", text)
    return Answer(await call.services.ledger.entry(call.actor, int(text)))


async def inclusion(call: Call) -> Answer:
    """That the log holds an entry."""
    return Answer(await call.services.ledger.proof("inclusion", call.query(InclusionQuery).parameters()))


async def consistency(call: Call) -> Answer:
    """That one size of the log extends another."""
    return Answer(await call.services.ledger.proof("consistency", call.query(ConsistencyQuery).parameters()))


async def _text(content: str) -> AsyncIterator[bytes]:
    yield content.encode()


ROUTES = (
    Route(
        Method.GET,
        "/api/ledger/checkpoint",
        "getLedgerCheckpoint",
        "The newest checkpoint: a signed note (c2sp.org/tlog-checkpoint).",
        checkpoint,
        {200: Reply("The note.", {"type": "string"}, media=TEXT)},
        "ledger",
        refusals=(Unavailable,),
    ),
    Route(
        Method.GET,
        "/api/ledger/keys",
        "getLedgerKeys",
        "All public keys, past ones too, with their validity, and the log's verifier keys.",
        keys,
        {200: Reply("The keys.", KEYS)},
        "ledger",
        refusals=(Unavailable,),
        public=True,
    ),
    Route(
        Method.GET,
        "/api/ledger/entries/{index}",
        "getLedgerEntry",
        "One entry about something of the caller's tenant, or about the ledger's own keys.",
        entry,
        {200: Reply("The entry.", ENTRY)},
        "ledger",
        refusals=(NotFound,),
    ),
    Route(
        Method.GET,
        "/api/ledger/proof/inclusion",
        "getLedgerInclusionProof",
        "Proof that the log of a size holds an entry.",
        inclusion,
        {200: Reply("The proof.", INCLUSION)},
        "ledger",
        query=InclusionQuery,
        refusals=(NotFound,),
    ),
    Route(
        Method.GET,
        "/api/ledger/proof/consistency",
        "getLedgerConsistencyProof",
        "Proof that the log of one size extends the log of another.",
        consistency,
        {200: Reply("The proof.", CONSISTENCY)},
        "ledger",
        query=ConsistencyQuery,
        refusals=(NotFound,),
    ),
)
