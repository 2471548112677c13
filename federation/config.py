"""What the API application is told by whoever starts it."""

from dataclasses import dataclass, field
from ipaddress import IPv4Network, IPv6Network

from resolvers.trusted import TrustedDocuments

MIB = 1 << 20


@dataclass(frozen=True, slots=True)
class GraphQLLimits:
    """Bounds of one GraphQL request."""

    depth: int = 10
    aliases: int = 15
    directives: int = 50
    tokens: int = 1_000
    root_fields: int = 20
    cost: int = 5_000
    representations: int = 500
    document_bytes: int = 32 * 1024


@dataclass(frozen=True, slots=True)
class AppConfig:
    """Settings of the API application.

    Attributes:
        introspection: whether the graph describes itself, field suggestions and GraphiQL included.
        cors_origins: origins that browsers may call from; `*` for any.
        trusted_proxies: networks whose `X-Forwarded-For` is believed.
        body_limit: bytes, on routes that say nothing else.
        large_body_limit: bytes, for definitions and `/graphql`.
        request_timeout_s: after which an answer is given up; streams are exempt.
        graphql_timeout_s: the same for `/graphql`.
        patience_s: how long a stream waits for a client that reads nothing before it is closed.
        router_secrets: with any, `_service` and `_entities` are for routers that send one of them.
        trusted_documents: the only documents that clients may send; None: any.
        version: of the product, as the documents say it.
    """

    introspection: bool = True
    cors_origins: tuple[str, ...] = ()
    trusted_proxies: tuple[IPv4Network | IPv6Network, ...] = ()
    body_limit: int = MIB
    large_body_limit: int = 10 * MIB
    request_timeout_s: float = 30.0
    graphql_timeout_s: float = 10.0
    patience_s: float = 30.0
    router_secrets: tuple[str, ...] = ()
    trusted_documents: TrustedDocuments | None = None
    version: str = "0.1.0"
    graphql: GraphQLLimits = field(default_factory=GraphQLLimits)
