"""From the route table to an ASGI application: one resource per path, which answers its methods."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import orjson
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import BaseRoute, Match
from starlette.routing import Route as Mounted
from starlette.types import Receive, Scope, Send

from engine.errors import NotFound
from engine.identity.actor import Actor
from engine.identity.tokens import Identity, TokenVerifier, bearer_token, of_call
from engine.services.services import Services
from rest_shim.bounds import bounded
from rest_shim.call import Call, read_query
from rest_shim.negotiation import check_acceptable
from rest_shim.origin import origin_of
from rest_shim.problems import MEDIA_TYPE, MethodNotAllowed, problem_of
from rest_shim.shapes import write
from rest_shim.table import Answer, Method, Route

NOBODY = Identity(Actor(tenant="", subject="anonymous"), None)


def resources(routes: Sequence[Route], services: Services, verifier: TokenVerifier) -> BaseRoute:
    """The Starlette route of a table; paths without parameters come before those with."""
    paths: dict[str, dict[Method, Route]] = {}
    for route in routes:
        if route.method in paths.setdefault(route.path, {}):
            raise ValueError(f"{route.method} {route.path} is declared twice")
        paths[route.path][route.method] = route
    ordered = sorted(paths, key=lambda path: [part.startswith("{") for part in path.split("/")])
    return ByNoun([Mounted(path, Resource(paths[path], services, verifier)) for path in ordered])


class ByNoun(BaseRoute):
    """Routes in their order, of which only those are tried whose noun (`/api/executions`) the path begins with."""

    def __init__(self, routes: Sequence[Mounted]) -> None:
        self._nouns: dict[str, list[Mounted]] = {}
        for route in routes:
            self._nouns.setdefault("/".join(route.path.split("/")[:3]), []).append(route)

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        """Whether a route fits, and what it found in the path."""
        for noun, routes in self._nouns.items():
            if scope["path"].startswith(noun):
                for route in routes:
                    match, found = route.matches(scope)
                    if match is not Match.NONE:
                        return match, found
        return Match.NONE, {}

    async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer with the route that fitted."""
        await scope["endpoint"](scope, receive, send)


async def authenticate(request: Request, verifier: TokenVerifier) -> Identity:
    """Who calls, by the bearer token; the actor knows which call it makes.

    Raises:
        Unauthenticated: no token, or one that is not valid.
    """
    identity = await verifier.verify(bearer_token(request.headers.get("authorization")))
    origin = origin_of(request.scope)
    actor = of_call(identity.actor, request_id=origin.request_id, source=origin.source, traceparent=origin.traceparent)
    return Identity(actor, identity.seconds_left)


class Resource:
    """Everything at one path: its methods, HEAD where there is GET, OPTIONS, and 405 for the rest."""

    def __init__(self, routes: Mapping[Method, Route], services: Services, verifier: TokenVerifier) -> None:
        self._routes = routes
        self._services = services
        self._verifier = verifier
        extra = ["HEAD"] if Method.GET in routes else []
        self._allow = ", ".join(sorted([*routes, *extra, "OPTIONS"]))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        method = "GET" if scope["method"] == "HEAD" else scope["method"]
        if method == "OPTIONS":
            response: Response = Response(status_code=204, headers={"allow": self._allow})
        elif method not in self._routes:
            raise MethodNotAllowed(self._allow)
        else:
            route = self._routes[Method(method)]
            if route.admit is not None:
                await route.admit(self._services, origin_of(scope).source)
            response = await self._answer(route, Request(scope, bounded(scope, receive, route.body_limit)))
        await response(scope, receive, send)

    async def _answer(self, route: Route, request: Request) -> Response:
        request.scope["maestro.route"] = route.template
        identity = NOBODY
        if not route.public:
            identity = await authenticate(request, self._verifier)
            _check_path(request)
        check_acceptable(route, request.headers.get("accept"))
        if route.query is None and request.scope["query_string"]:
            read_query(_NoParameters, request.url.query)
        async with self._services.journal.call():
            answer = await route.handler(Call(self._services, identity, route.path, route.body_required, request))
        return respond(route, answer)


def _check_path(request: Request) -> None:
    """Nothing that is stored has a name with the NUL character: the database keeps no such text.

    Raises:
        NotFound: the path names something so.
    """
    if any("\0" in str(part) for part in request.path_params.values()):
        raise NotFound("path", request.url.path[:200])


@dataclass(frozen=True, slots=True)
class _NoParameters:
    """Query of a route that takes none."""


def respond(route: Route, answer: Answer) -> Response:
    """HTTP response of a handler's answer."""
    reply = route.replies[answer.status]
    headers = dict(answer.headers)
    stream = answer.events or answer.stream
    if stream is not None:
        return StreamingResponse(stream, answer.status, headers, media_type=answer.media or reply.media)
    if reply.shape is None:
        return Response(status_code=answer.status, headers=headers)
    return Response(orjson.dumps(write(answer.value)), answer.status, headers, media_type=reply.media)


def problem_response(error: Exception, request_id: str) -> Response:
    """The problem+json answer to an error."""
    problem = problem_of(error)
    body = orjson.dumps(problem.body(request_id), default=str)
    return Response(body, problem.status, dict(problem.headers), media_type=MEDIA_TYPE)
