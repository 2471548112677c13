"""The ledger's ASGI app. `README.md` beside this file has the bodies."""

import base64
import hmac
from collections.abc import Awaitable, Callable, Sequence
from time import perf_counter

import orjson
from opentelemetry import trace
from prometheus_client.exposition import choose_encoder
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from ledger.bootstrap import Ledger
from ledger.errors import HistoryLost, KeyMissing, LedgerError, Malformed, TooLarge, Unauthenticated, Unavailable
from ledger.jsontext import Json, JsonObject, parse
from ledger.middleware import TelemetryMiddleware
from ledger.problems import on_bug, on_http_error, on_ledger_error
from ledger.publication import key_document
from ledger.registration import evidence_leaf, execution_leaves, version_leaves
from ledger.rotation import instant
from ledger.telemetry import Metrics, exemplar
from ledger.values import Leaf, Purpose, Registered

BODY_LIMIT_BYTES = 16 * 1024 * 1024
_FAR = 1 << 62
_TRACER = trace.get_tracer("maestro.ledger")


def create_app(ledger: Ledger) -> Starlette:
    """App over a ledger that is open; closing it is the caller's."""
    metrics, routes = Metrics(), _routes()
    templates: dict[object, str] = {route.endpoint: route.path_format for route in routes}
    app = Starlette(
        routes=routes,
        middleware=[Middleware(TelemetryMiddleware, metrics=metrics, templates=templates)],
        exception_handlers={LedgerError: on_ledger_error, HTTPException: on_http_error, Exception: on_bug},
    )
    app.state.ledger = ledger
    app.state.metrics = metrics
    return app


def _routes() -> list[Route]:
    return [
        Route("/register/versions", register_versions, methods=["POST"]),
        Route("/register/executions", register_executions, methods=["POST"]),
        Route("/evidence/register", register_evidence, methods=["POST"]),
        Route("/entries/{index:int}", get_entry),
        Route("/proof/inclusion", get_inclusion),
        Route("/proof/consistency", get_consistency),
        Route("/checkpoint", get_checkpoint),
        Route("/keys", get_keys),
        Route("/livez", get_livez),
        Route("/readyz", get_readyz),
        Route("/metrics", get_metrics),
    ]


async def register_versions(request: Request) -> Response:
    """POST /register/versions."""
    registered = await _register(request, version_leaves)
    return _json({"entries": [_registered(each) for each in registered]}, 201)


async def register_executions(request: Request) -> Response:
    """POST /register/executions."""
    ledger = _ledger(request)

    async def leaves(body: Json) -> list[Leaf]:
        return execution_leaves(body, (await ledger.log.keyring()).signers(Purpose.EVIDENCE, ledger.now()))

    registered = await _register(request, leaves)
    return _json({"entries": [_registered(each) for each in registered]}, 201)


async def register_evidence(request: Request) -> Response:
    """POST /evidence/register, for older clients."""
    [registered] = await _register(request, lambda body: [evidence_leaf(body)])
    return _json({"evidenceId": registered.leaf_hash.hex(), **_registered(registered)}, 201)


async def _register(
    request: Request, read: Callable[[Json], Sequence[Leaf] | Awaitable[Sequence[Leaf]]]
) -> list[Registered]:
    ledger, metrics = _ledger(request), _metrics(request)
    expected = f"Bearer {ledger.settings.token}".encode()
    if not hmac.compare_digest(request.headers.get("authorization", "").encode(), expected):
        raise Unauthenticated("This call needs the service token of the ledger.")
    started = perf_counter()
    try:
        body = parse(await _body(request))
    except ValueError as exc:
        raise Malformed(f"The body is not JSON: {exc}.") from exc
    read_leaves = read(body)
    leaves = await read_leaves if isinstance(read_leaves, Awaitable) else read_leaves
    with _TRACER.start_as_current_span("append entries", attributes={"maestro.ledger.entries": len(leaves)}) as span:
        registered = await ledger.batcher.append(leaves)
        span.set_attribute("maestro.ledger.first_index", registered[0].index)
    metrics.append_seconds.observe(perf_counter() - started, exemplar())
    for leaf, each in zip(leaves, registered, strict=True):
        metrics.newest.set_to_current_time()
        metrics.registered.labels(leaf.kind.value, "duplicate" if each.duplicate else "new").inc()
    return registered


async def _body(request: Request) -> bytes:
    content = bytearray()
    async for chunk in request.stream():
        content += chunk
        if len(content) > BODY_LIMIT_BYTES:
            raise TooLarge(f"The body is larger than the {BODY_LIMIT_BYTES} bytes that this route takes.")
    return bytes(content)


async def get_entry(request: Request) -> Response:
    """GET /entries/{index}."""
    index: int = request.path_params["index"]
    entry = await _ledger(request).log.entry(min(index, _FAR))
    body: JsonObject = {
        "index": entry.index,
        "kind": entry.kind.value,
        "leafHash": entry.leaf_hash.hex(),
        "data": base64.b64encode(entry.data).decode(),
        "envelope": None if entry.envelope is None else entry.envelope.decode(),
        "registeredAt": instant(entry.registered_at),
    }
    return _json(body)


async def get_inclusion(request: Request) -> Response:
    """GET /proof/inclusion?index=|leafHash=&size=."""
    query = _query(request, {"index", "leafHash", "size"})
    if ("index" in query) == ("leafHash" in query):
        raise Malformed("Name the entry by 'index' or by 'leafHash'.")
    wanted = _number(query["index"], "index") if "index" in query else _hash(query["leafHash"])
    size = _number(query["size"], "size") if "size" in query else None
    proof = await _ledger(request).log.inclusion(wanted, size)
    return _json(
        {
            "index": proof.index,
            "size": proof.size,
            "leafHash": proof.leaf_hash.hex(),
            "rootHash": proof.root.hex(),
            "hashes": [base64.b64encode(each).decode() for each in proof.hashes],
            "proof": proof.text,
        }
    )


async def get_consistency(request: Request) -> Response:
    """GET /proof/consistency?first=&second=."""
    query = _query(request, {"first", "second"})
    if "first" not in query:
        raise Malformed("'first', the smaller tree size, is missing.")
    first = _number(query["first"], "first")
    second = _number(query["second"], "second") if "second" in query else None
    reached, hashes = await _ledger(request).log.consistency(first, second)
    return _json({"first": first, "second": reached, "hashes": [base64.b64encode(each).decode() for each in hashes]})


async def get_checkpoint(request: Request) -> Response:
    """GET /checkpoint: the newest signed note, as text."""
    signed = await _ledger(request).log.latest()
    return PlainTextResponse(signed.note, headers={"Cache-Control": "no-store"})


async def get_keys(request: Request) -> Response:
    """GET /keys: every public key, and the log's verifier keys."""
    ledger = _ledger(request)
    return _json(key_document(await ledger.log.keyring(), ledger.origin))


async def get_livez(_request: Request) -> Response:
    """GET /livez: the process answers."""
    return _json({"status": "ok"})


async def get_readyz(request: Request) -> Response:
    """GET /readyz: registrations would be accepted; each dependency by name."""
    checks: JsonObject = {"database": "ok", "history": "ok", "keys": "ok"}
    ledger = _ledger(request)
    try:
        await ledger.log.check_history()
        ring = await ledger.log.keyring()
        for purpose in Purpose:
            ring.signers(purpose, ledger.now())
    except HistoryLost as exc:
        checks["history"] = exc.message
    except KeyMissing as exc:
        checks["keys"] = exc.message
    except Unavailable as exc:
        checks["database"] = exc.message
    ready = all(value == "ok" for value in checks.values())
    return _json({"status": "ok" if ready else "unavailable", "checks": checks}, 200 if ready else 503)


async def get_metrics(request: Request) -> Response:
    """GET /metrics: Prometheus's text format; OpenMetrics, which has exemplars, to who asks for it."""
    encode, media = choose_encoder(request.headers.get("accept", ""))
    return Response(encode(_metrics(request).registry), headers={"content-type": media, "vary": "accept"})


def _registered(each: Registered) -> JsonObject:
    return {
        "index": each.index,
        "leafHash": each.leaf_hash.hex(),
        "duplicate": each.duplicate,
        "proof": each.proof,
        "envelope": None if each.envelope is None else each.envelope.decode(),
    }


def _query(request: Request, allowed: set[str]) -> dict[str, str]:
    unknown = sorted(set(request.query_params) - allowed)
    if unknown:
        raise Malformed(f"Unknown query parameter: {', '.join(unknown)}.")
    return dict(request.query_params)


def _number(text: str, name: str) -> int:
    if not (text.isascii() and text.isdigit()):
        raise Malformed(f"{name!r} is not a decimal number.")
    return min(int(text[:20]), _FAR)


def _hash(text: str) -> bytes:
    try:
        return bytes.fromhex(text)
    except ValueError as exc:
        raise Malformed("'leafHash' is not hex.") from exc


def _json(body: JsonObject, status: int = 200) -> Response:
    return Response(orjson.dumps(body), status, media_type="application/json")


def _ledger(request: Request) -> Ledger:
    ledger: Ledger = request.app.state.ledger
    return ledger


def _metrics(request: Request) -> Metrics:
    metrics: Metrics = request.app.state.metrics
    return metrics
