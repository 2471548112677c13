"""Context of one GraphQL request."""

from dataclasses import dataclass, field

from engine.identity.actor import Actor
from engine.services.services import Services
from resolvers.reads import ServiceReads
from schema.context import Reads


@dataclass(slots=True)
class RequestContext:
    """What resolvers work with.

    Attributes:
        expires_at: seconds since the epoch after which the caller's token is no longer valid; None: never.
        reference: of the request, in masked errors.
        connection_params: payload of a socket's `connection_init`, set by Strawberry.
        handshake: `Authorization` header of a socket's handshake.
    """

    services: Services
    actor: Actor
    reference: str
    expires_at: float | None = None
    cached: bool = True
    connection_params: dict[str, object] | None = None
    handshake: str | None = None
    reads: Reads = field(init=False)

    def __post_init__(self) -> None:
        self.reads = ServiceReads(self.services, self.actor, cached=self.cached)

    def speak_for(self, actor: Actor, expires_at: float | None) -> None:
        """Go on for this actor: a socket learns who calls only after it is open."""
        self.actor = actor
        self.expires_at = expires_at
        self.__post_init__()
