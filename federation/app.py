"""The API application: GraphQL and REST over the same services."""

from prometheus_client import REGISTRY, CollectorRegistry
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware
from starlette.routing import BaseRoute, Route, WebSocketRoute

from engine.identity.tokens import TokenVerifier
from engine.services.services import Services
from federation.config import AppConfig
from federation.documents import Documents
from federation.graphql.sockets import SocketView
from federation.graphql.view import GraphQLView
from federation.middleware.deadline import DeadlineMiddleware
from federation.middleware.faults import FaultsMiddleware, router_refusal
from federation.middleware.headers import SecurityHeadersMiddleware
from federation.middleware.metrics import HttpMetrics, MetricsMiddleware
from federation.middleware.origin import OriginMiddleware
from federation.middleware.tracing import TracingMiddleware
from resolvers.graph import GraphConfig, build_schema
from resolvers.limits import Bounds
from rest_shim.endpoint import resources
from rest_shim.routes.table import ROUTES

EXPOSED = (
    "ETag",
    "Idempotent-Replayed",
    "Link",
    "Location",
    "RateLimit",
    "RateLimit-Policy",
    "Retry-After",
    "X-Request-Id",
    "X-Total-Count",
    "X-Total-Count-Relation",
)
MARGIN_S = 5.0
METHODS = ("DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT")


def create_app(
    services: Services, verifier: TokenVerifier, config: AppConfig, registry: CollectorRegistry = REGISTRY
) -> Starlette:
    """The application. It owns none of its collaborators: whoever opened them closes them."""
    metrics = HttpMetrics(registry)
    app = Starlette(
        routes=_routes(services, verifier, config, metrics),
        middleware=_middleware(config, metrics),
        exception_handlers={HTTPException: router_refusal},
    )
    app.router.redirect_slashes = False  # a redirect would be built from the caller's own Host header
    return app


def _routes(services: Services, verifier: TokenVerifier, config: AppConfig, metrics: HttpMetrics) -> list[BaseRoute]:
    schema = build_schema(graph_config(config))
    documents = Documents(config.version)
    return [
        resources(ROUTES, services, verifier),
        Route("/graphql", GraphQLView(schema, services, verifier, config)),
        WebSocketRoute("/graphql", SocketView(schema, services, verifier, config)),
        Route("/metrics", metrics.page),
        Route("/openapi.json", documents.openapi),
        Route("/docs", documents.docs),
    ]


def graph_config(config: AppConfig) -> GraphConfig:
    """Settings of the graph within those of the application."""
    limits = config.graphql
    bounds = Bounds(
        depth=limits.depth,
        aliases=limits.aliases,
        directives=limits.directives,
        root_fields=limits.root_fields,
        cost=limits.cost,
        references=limits.representations,
    )
    return GraphConfig(
        introspection=config.introspection,
        tokens=limits.tokens,
        bounds=bounds,
        for_routers=bool(config.router_secrets),
        trusted=config.trusted_documents,
        timeout_s=config.graphql_timeout_s,
    )


def _middleware(config: AppConfig, metrics: HttpMetrics) -> list[Middleware]:
    """Outermost first. Faults stand inside of all that completes an answer, so that problems get its headers too."""

    def limit_s(path: str) -> float:
        # /graphql gives up by itself, in GraphQL's own form; this is for what happens before that.
        return config.graphql_timeout_s + MARGIN_S if path == "/graphql" else config.request_timeout_s

    cors = Middleware(
        CORSMiddleware,
        allow_origins=config.cors_origins,
        allow_methods=METHODS,
        allow_headers=["*"],
        expose_headers=EXPOSED,
        max_age=600,
    )
    return [
        Middleware(OriginMiddleware, trusted_proxies=config.trusted_proxies),
        Middleware(TracingMiddleware),
        Middleware(MetricsMiddleware, metrics=metrics),
        Middleware(SecurityHeadersMiddleware),
        *([cors] if config.cors_origins else []),
        Middleware(FaultsMiddleware),
        Middleware(DeadlineMiddleware, limit_s=limit_s),
    ]
