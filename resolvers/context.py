"""Context of one GraphQL request."""

import asyncio
from dataclasses import dataclass, field

from engine.identity.actor import Actor
from engine.identity.tokens import Identity
from engine.services.services import Services
from resolvers.reads import ServiceReads
from schema.context import Reads


@dataclass(slots=True)
class RequestContext:
    """What resolvers work with.

    Attributes:
        ends_at: when the caller's token expires, on the event loop's clock; None: never.
        reference: of the request, in masked errors.
        connection_params: payload of a socket's `connection_init`, set by Strawberry.
        handshake: `Authorization` header of a socket's handshake.
        traceparent: of a socket's handshake, which its operations go on from; None: from the current span, or nobody's.
        is_router: whether a router has proved itself.
        cost: of the operation, once it is validated.
        operation_type: query, mutation or subscription, once it is validated.
        operation_name: what its document calls it, once it is validated; None: nothing.
        root_field: the one field of the schema that it asks for, or `several`; once it is validated.
        last_event_id: `Last-Event-ID` of a stream that goes on; the argument of a subscription counts before it.
        event_id: of the event that a subscription gave last, set by its resolver.
    """

    services: Services
    actor: Actor
    reference: str
    ends_at: float | None = None
    cached: bool = True
    connection_params: dict[str, object] | None = None
    handshake: str | None = None
    traceparent: str | None = None
    is_router: bool = False
    cost: int | None = None
    operation_type: str = "unknown"
    operation_name: str | None = None
    root_field: str = "unknown"
    last_event_id: str | None = None
    event_id: str | None = None
    reads: Reads = field(init=False)

    def __post_init__(self) -> None:
        self.reads = ServiceReads(self.services, self.actor, cached=self.cached)

    def speak_for(self, identity: Identity) -> None:
        """Go on for this actor: a socket learns who calls only after it is open."""
        self.actor = identity.actor
        left = identity.seconds_left
        self.ends_at = None if left is None else asyncio.get_running_loop().time() + left
        self.reads = ServiceReads(self.services, self.actor, cached=self.cached)
