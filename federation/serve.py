"""The API process: opens what the application needs, serves until asked to stop, and closes it again."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx
import uvicorn

from engine.bootstrap import open_services
from engine.clock import Clock, SystemClock
from engine.identity.jwks import JwksKeys
from engine.identity.tokens import TokenRules, TokenVerifier
from engine.settings import Introspection, Settings
from federation.app import create_app
from federation.config import AppConfig

KEYS_TIMEOUT_S = 5.0
DRAIN_S = 15
"""How long calls that have begun may take to end after the process was asked to stop."""
MAX_SOCKET_MESSAGE = 1 << 20


async def serve_api(settings: Settings) -> None:
    """Serve until SIGINT or SIGTERM; calls that have begun are ended first."""
    clock = SystemClock()
    async with open_services(settings, clock) as services, open_verifier(settings, clock) as verifier:
        app = create_app(services, verifier, app_config(settings))
        server = uvicorn.Server(
            uvicorn.Config(
                app,
                host=settings.host,
                port=settings.port,
                loop="uvloop",
                http="httptools",
                ws="websockets-sansio",
                ws_max_size=MAX_SOCKET_MESSAGE,
                lifespan="off",
                log_config=None,
                access_log=False,
                server_header=False,
                proxy_headers=False,
                timeout_graceful_shutdown=DRAIN_S,
            )
        )
        await server.serve()


@asynccontextmanager
async def open_verifier(settings: Settings, clock: Clock) -> AsyncIterator[TokenVerifier]:
    """Verifier of the tokens that the settings accept; fetches the issuer's keys over a client of its own."""
    rules = TokenRules(settings.jwt_secret, settings.jwt_issuer, settings.jwt_audience)
    if settings.jwks_url is None:
        yield TokenVerifier(rules, clock)
        return
    async with httpx.AsyncClient(timeout=KEYS_TIMEOUT_S, follow_redirects=False, trust_env=False) as client:
        yield TokenVerifier(rules, clock, JwksKeys(settings.jwks_url, client, clock))


def app_config(settings: Settings) -> AppConfig:
    """Settings of the application within those of the process."""
    return AppConfig(
        introspection=settings.graphql_introspection is Introspection.ON,
        cors_origins=settings.cors_origins,
        trusted_proxies=settings.trusted_proxies,
    )
