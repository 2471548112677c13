"""A second subgraph, small and real: whose workflows they are. It shows how others add to the composer's graph.

It accepts the same tokens as the composer, tells nobody anything of another tenant, and keeps what it is told.
"""

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.types import Receive, Scope, Send
from starlette.websockets import WebSocket
from strawberry.asgi import GraphQL

from engine.errors import MaestroError
from engine.identity.tokens import TokenVerifier, bearer_token
from federation.graphql.routers import RouterSecrets
from federation.sample.schema import SampleContext, build_schema
from federation.sample.storage import Teams

ACTOR = "maestro.actor"


class SampleView(GraphQL[SampleContext, None]):
    """GraphQL of the sample; nobody is answered without a token."""

    def __init__(self, teams: Teams, verifier: TokenVerifier, routers: RouterSecrets) -> None:
        super().__init__(build_schema(), graphql_ide=None, subscription_protocols=[])
        self._teams = teams
        self._verifier = verifier
        self._routers = routers

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request, once it is known who calls."""
        request = Request(scope)
        try:
            self._routers.is_router(request.headers)
            identity = await self._verifier.verify(bearer_token(request.headers.get("authorization")))
        except MaestroError as error:
            body = {"errors": [{"message": error.message, "extensions": {"code": error.code}}]}
            await JSONResponse(body, 401, {"www-authenticate": "Bearer"})(scope, receive, send)
            return
        scope[ACTOR] = identity.actor
        await super().__call__(scope, receive, send)

    async def get_context(self, request: Request | WebSocket, response: Response | WebSocket) -> SampleContext:  # noqa: ARG002 - Strawberry's arguments
        """Context of a caller who is known."""
        return SampleContext(request.scope[ACTOR], self._teams)


def create_sample(teams: Teams, verifier: TokenVerifier, router_secrets: tuple[str, ...] = ()) -> Starlette:
    """The application of the sample."""
    view = SampleView(teams, verifier, RouterSecrets(router_secrets))
    return Starlette(routes=[Route("/graphql", view)])
