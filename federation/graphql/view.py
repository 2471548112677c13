"""`/graphql` over HTTP: queries, mutations, and subscriptions as server-sent events."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import replace
from typing import Any

import orjson
from graphql import GraphQLFormattedError
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response, StreamingResponse
from starlette.types import Receive, Scope, Send
from strawberry.schema.exceptions import CannotGetOperationTypeError, InvalidOperationTypeError
from strawberry.types import ExecutionResult
from strawberry.types.execution import PreExecutionError
from strawberry.types.graphql import OperationType

from engine.errors import MaestroError, MalformedRequest, Unavailable, ValidationFailed
from engine.identity.tokens import TokenVerifier
from engine.services.services import Services
from engine.telemetry import tracing
from federation.config import AppConfig
from federation.explorer.page import ExplorerPage
from federation.graphql.negotiation import Form, accepts_page, form_of
from federation.graphql.patience import ClientTooSlowError, Patience
from federation.graphql.persisted import PersistedQueries, QueryNotFound
from federation.graphql.requests import GraphQLRequest, read_request
from federation.graphql.routers import RouterSecrets
from resolvers.context import RequestContext
from resolvers.errors import presented
from resolvers.graph import ComposerSchema
from resolvers.operations import ERRORS, OK, TIMEOUT, Operation, count, describe
from rest_shim.bounds import bounded
from rest_shim.endpoint import authenticate
from rest_shim.events import KEEP_ALIVE_S
from rest_shim.origin import origin_of
from rest_shim.problems import MethodNotAllowed, NotAcceptable, fault_body, problem_of

QUERY_ONLY = {OperationType.QUERY}
ORDINARY = {OperationType.QUERY, OperationType.MUTATION}
ALLOW = "GET, OPTIONS, POST"


class GraphQLView:
    """ASGI application of `/graphql` for HTTP connections."""

    def __init__(self, schema: ComposerSchema, services: Services, verifier: TokenVerifier, config: AppConfig) -> None:
        self._schema = schema
        self._services = services
        self._verifier = verifier
        self._config = config
        self._persisted = PersistedQueries(config.trusted_documents)
        self._routers = RouterSecrets(config.router_secrets)
        self._page = ExplorerPage() if config.introspection else None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request; its errors have GraphQL's own form."""
        scope["maestro.route"] = "/graphql"
        request = Request(scope)
        form = Form.JSON
        if self._page is not None and _is_for_people(request):
            await self._page.response()(scope, receive, send)
            return
        try:
            form = form_of(request.headers.get("accept"))
            request = Request(scope, bounded(scope, receive, self._config.large_body_limit))
            response = await self._answer(request, form)
        except MaestroError as error:
            response = refusal(error, form)
        if not isinstance(response, StreamingResponse):
            await response(scope, receive, send)
            return
        with suppress(ClientTooSlowError, ClientDisconnect):  # what is left unfinished the server closes
            await response(scope, receive, Patience(send, self._config.patience_s).send)

    async def _answer(self, request: Request, form: Form) -> Response:
        if request.method == "OPTIONS":
            return Response(status_code=204, headers={"allow": ALLOW})
        if request.method not in {"GET", "POST"}:
            raise MethodNotAllowed(ALLOW)
        is_router = self._routers.is_router(request.headers)
        identity = await authenticate(request, self._verifier)
        asked = await read_request(request, self._config.graphql.document_bytes)
        asked = self._with_text(asked, identity.actor.tenant, is_router=is_router)
        reference = origin_of(request.scope).request_id
        streams = form is Form.EVENTS
        context = RequestContext(
            self._services,
            identity.actor,
            reference,
            cached=not streams,
            is_router=is_router,
            last_event_id=request.headers.get("last-event-id"),
        )
        context.speak_for(identity)
        try:
            if streams:
                return await self._stream(asked, context)
            return await self._execute(asked, context, form, request.method)
        except CannotGetOperationTypeError as error:
            raise MalformedRequest(error.as_http_error_reason(), code="GRAPHQL_OPERATION_UNKNOWN") from error
        except InvalidOperationTypeError as error:
            raise _refused_operation(error, request.method) from error

    def _with_text(self, asked: GraphQLRequest, tenant: str, *, is_router: bool) -> GraphQLRequest:
        text = self._persisted.text_of(asked.query, asked.extensions, tenant)
        if not is_router:
            self._persisted.check(text)
        return replace(asked, query=text)

    async def _execute(self, asked: GraphQLRequest, context: RequestContext, form: Form, method: str) -> Response:
        began = time.perf_counter()
        with tracing.child("query") as span:
            result = await self._executed(asked, context, method, began)
            body = _body(result, context.reference)
            outcome = ERRORS if "errors" in body else OK
            operation = _operation(asked, context)
            describe(span, operation, outcome)
            count(operation, outcome, began, tracing.exemplar())
        if "data" in body:
            self._persisted.remember(asked.query, asked.extensions, context.actor.tenant)
        if asked.extensions.get("cost") is True and context.cost is not None:
            cost = {"requested": context.cost, "maximum": self._config.graphql.cost}
            body["extensions"] = {**body.get("extensions", {}), "cost": cost}
        status = 400 if form is Form.GRAPHQL and "data" not in body else 200
        return _response(body, status, form)

    async def _executed(
        self, asked: GraphQLRequest, context: RequestContext, method: str, began: float
    ) -> ExecutionResult | PreExecutionError:
        try:
            async with asyncio.timeout(self._config.graphql_timeout_s):
                return await self._schema.execute(
                    asked.query,
                    variable_values=asked.variables,
                    operation_name=asked.operation_name,
                    context_value=context,
                    allowed_operation_types=QUERY_ONLY if method == "GET" else ORDINARY,
                )
        except TimeoutError as error:
            count(_operation(asked, context), TIMEOUT, began, tracing.exemplar())
            raise Unavailable(
                "request", "The answer took too long and was given up.", code="request.timeout"
            ) from error

    async def _stream(self, asked: GraphQLRequest, context: RequestContext) -> Response:
        results = await self._schema.stream(
            asked.query,
            variable_values=asked.variables,
            operation_name=asked.operation_name,
            context_value=context,
        )
        return StreamingResponse(_events(results, context), media_type=Form.EVENTS)


def _operation(asked: GraphQLRequest, context: RequestContext) -> Operation:
    """The operation as it was validated; what cannot be validated has no type."""
    return Operation(
        asked.query, asked.operation_name or context.operation_name, context.operation_type, context.root_field
    )


def refusal(error: MaestroError, form: Form) -> Response:
    """Answer to a request that was not executed."""
    problem = problem_of(error)
    extensions: dict[str, Any] = {"code": problem.code}
    if isinstance(error, ValidationFailed):
        extensions["faults"] = [fault_body(fault) for fault in error.faults]
    body = {"errors": [{"message": problem.detail, "extensions": extensions}]}
    shape = Form.JSON if form is Form.EVENTS else form
    status = 400 if problem.status == 422 else problem.status
    if isinstance(error, QueryNotFound) and shape is Form.JSON:
        status = 200  # a well-formed request; clients of the protocol send it again with its text
    return _response(body, status, shape, dict(problem.headers))


def _refused_operation(error: InvalidOperationTypeError, method: str) -> MaestroError:
    if error.operation_type is OperationType.SUBSCRIPTION:
        return NotAcceptable("Subscriptions are answered as text/event-stream, or over a WebSocket.")
    return MethodNotAllowed("POST") if method == "GET" else MalformedRequest(str(error))


def _body(result: ExecutionResult | PreExecutionError, reference: str) -> dict[str, Any]:
    """Response of a result; one that failed before its execution began has no `data`.

    Errors are presented here once more: those of the parser pass none of the schema's extensions.
    """
    found = result.errors or ()
    errors: list[GraphQLFormattedError] = [presented(error, reference).formatted for error in found]
    began = result.data is not None or any(error.path for error in result.errors or ())
    body: dict[str, Any] = {"data": result.data} if began else {}
    if errors:
        body["errors"] = errors
    if result.extensions:
        body["extensions"] = result.extensions
    return body


def _response(body: dict[str, Any], status: int, form: Form, headers: dict[str, str] | None = None) -> Response:
    return Response(orjson.dumps(body), status, headers, media_type=f"{form}; charset=utf-8")


def _is_for_people(request: Request) -> bool:
    """Whether a browser opens the address, and not some client that asks by GET."""
    return request.method == "GET" and not request.url.query and accepts_page(request.headers.get("accept"))


async def _events(results: Any, context: RequestContext) -> AsyncIterator[bytes]:
    """Frames of a stream (graphql-sse, distinct connections), with comments where nothing happens for 15 s.

    The next event is asked for when the last one was taken, so that a slow client slows down what is read for it, and
    the id beside an event is its own.
    """
    waiting = asyncio.ensure_future(anext(results))
    try:
        while True:
            done, _ = await asyncio.wait({waiting}, timeout=KEEP_ALIVE_S)
            if not done:
                yield b":\n\n"
                continue
            try:
                result = waiting.result()
            except StopAsyncIteration:
                break
            position = b"" if context.event_id is None else b"id: %s\n" % context.event_id.encode()
            yield b"%sevent: next\ndata: %s\n\n" % (position, orjson.dumps(_body(result, context.reference)))
            waiting = asyncio.ensure_future(anext(results))
        yield b"event: complete\ndata: \n\n"
    finally:
        waiting.cancel()
