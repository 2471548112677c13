"""`/graphql` over WebSocket: graphql-transport-ws."""

import asyncio
from contextlib import suppress
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send
from starlette.websockets import WebSocket
from strawberry.asgi import GraphQL
from strawberry.exceptions import ConnectionRejectionError
from strawberry.subscriptions import GRAPHQL_TRANSPORT_WS_PROTOCOL
from strawberry.types.unset import UnsetType

from engine.errors import MaestroError
from engine.identity.actor import Actor
from engine.identity.tokens import Identity, TokenVerifier, bearer_token, of_call
from engine.services.services import Services
from federation.config import AppConfig
from federation.graphql.messages import SocketMessages
from federation.graphql.patience import Patience
from federation.graphql.routers import RouterSecrets
from resolvers.context import RequestContext
from resolvers.graph import ComposerSchema
from rest_shim.origin import origin_of


class SocketView(GraphQL[RequestContext, None]):
    """Subscriptions (and other operations) over a socket.

    The token comes with the handshake or in `connection_init {authorization}`, there also without `Bearer`; without a
    valid one nothing is run.

    Attributes:
        document_limit: bytes of one document.
    """

    websocket_adapter_class = SocketMessages

    def __init__(self, schema: ComposerSchema, services: Services, verifier: TokenVerifier, config: AppConfig) -> None:
        super().__init__(
            schema,
            graphql_ide=None,
            subscription_protocols=[GRAPHQL_TRANSPORT_WS_PROTOCOL],
            allowed_origins=config.cors_origins,
        )
        self._services = services
        self._verifier = verifier
        self._routers = RouterSecrets(config.router_secrets)
        self._patience_s = config.patience_s
        self.document_limit = config.graphql.document_bytes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one socket, until it is closed or its client has taken nothing for too long."""
        patience = Patience(send, self._patience_s)
        serving = asyncio.ensure_future(super().__call__(scope, receive, patience.send))
        losing = asyncio.ensure_future(patience.lost.wait())
        try:
            await asyncio.wait({serving, losing}, return_when=asyncio.FIRST_COMPLETED)
            if serving.done():
                serving.result()
        finally:
            losing.cancel()
            serving.cancel()
            with suppress(asyncio.CancelledError):
                await serving

    async def get_context(self, request: Request | WebSocket, response: Response | WebSocket) -> RequestContext:  # noqa: ARG002 - Strawberry's arguments
        """Context of a socket that nobody speaks for yet."""
        origin = origin_of(request.scope)
        nobody = Actor(tenant="", subject="anonymous", source=origin.source, traceparent=origin.traceparent)
        return RequestContext(
            self._services,
            nobody,
            origin.request_id,
            cached=False,
            handshake=request.headers.get("authorization"),
            traceparent=request.headers.get("traceparent"),
            is_router=self._routers.matches(request.headers),
        )

    async def on_ws_connect(self, context: RequestContext) -> UnsetType:
        """Learn who calls, once `connection_init` has come.

        Raises:
            ConnectionRejectionError: no valid token; the socket is closed.
        """
        try:
            identity = await self._verifier.verify(bearer_token(_authorization(context)))
        except MaestroError as error:
            raise ConnectionRejectionError from error
        caller = context.actor
        actor = of_call(
            identity.actor, request_id=context.reference, source=caller.source, traceparent=caller.traceparent
        )
        context.speak_for(Identity(actor, identity.seconds_left))
        return UnsetType()


def _authorization(context: RequestContext) -> str | None:
    params: dict[str, Any] = context.connection_params or {}
    given = next((value for name, value in params.items() if name.lower() == "authorization"), None)
    if not isinstance(given, str):
        return context.handshake
    # A payload is no header: clients put the token there with its scheme or alone.
    return given if " " in given.strip() else f"Bearer {given}"
