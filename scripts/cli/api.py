"""The command `maestro api`."""

import asyncio
import errno
import signal
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from importlib.metadata import version
from typing import Final

import click
import httpx
import uvicorn
import uvloop

from engine.bootstrap import open_services
from engine.clock import Clock, SystemClock
from engine.errors import ConfigurationError
from engine.heap import settle_heap
from engine.identity.jwks import JwksKeys
from engine.identity.tokens import TokenRules, TokenVerifier
from engine.services.zeroes import show_zeroes
from engine.settings import Introspection, Settings, load_tracing, process_environment
from engine.store.schema_version import check_version
from engine.telemetry.exporting import recording
from engine.telemetry.logging import configure_logging
from federation.app import create_app
from federation.config import AppConfig
from resolvers.trusted import TrustedDocuments
from scripts.cli.environment import command_settings

_DRAIN_S: Final = 10
_BACKLOG: Final = 2048
_LONGEST_MESSAGE: Final = 10 << 20
_JWKS_TIMEOUT_S: Final = 5.0


@click.command()
def api() -> None:
    """Serve GraphQL and REST until SIGTERM: takes no new connection then, and finishes the calls under way."""
    settings = command_settings()
    configure_logging("api")
    show_zeroes()
    with recording(load_tracing(process_environment()), "api"), _listening(settings.host, settings.port) as listener:
        uvloop.run(_serve(settings, listener))


@contextmanager
def _listening(host: str, port: int) -> Iterator[socket.socket]:
    """A bound socket, before anything else is opened: a port in use is found first.

    Raises:
        ConfigurationError: the address cannot be listened on.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host, port))
    except OSError as error:
        listener.close()
        reason = "is in use by another program" if error.errno == errno.EADDRINUSE else f"cannot be used ({error})"
        raise ConfigurationError(f"Port {port} of {host} {reason}. Set MAESTRO_PORT or MAESTRO_HOST.") from error
    with listener:
        yield listener


async def _serve(settings: Settings, listener: socket.socket) -> None:
    await check_version(settings.database_url)
    clock = SystemClock()
    async with open_verifier(settings, clock) as verifier, open_services(settings, clock) as services:
        config = uvicorn.Config(
            create_app(services, verifier, app_config(settings)),
            log_config=None,
            access_log=False,
            server_header=False,
            proxy_headers=False,  # the application decides by MAESTRO_TRUSTED_PROXIES whom it believes
            lifespan="off",
            ws_max_size=_LONGEST_MESSAGE,
            backlog=_BACKLOG,
            timeout_graceful_shutdown=_DRAIN_S,
        )
        server = _Server(config)
        settle_heap()
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, server.leave)
        await server.serve(sockets=[listener])


@asynccontextmanager
async def open_verifier(settings: Settings, clock: Clock) -> AsyncIterator[TokenVerifier]:
    """What checks the tokens of a process."""
    rules = TokenRules(settings.jwt_secret, settings.jwt_issuer, settings.jwt_audience, settings.jwt_leeway_seconds)
    if settings.jwks_url is None:
        yield TokenVerifier(rules, clock)
        return
    async with httpx.AsyncClient(timeout=_JWKS_TIMEOUT_S) as client:
        yield TokenVerifier(rules, clock, JwksKeys(settings.jwks_url, client, clock))


def app_config(settings: Settings) -> AppConfig:
    """What the application is told of the settings.

    Raises:
        ConfigurationError: the list of trusted documents cannot be used.
    """
    trusted = settings.graphql_trusted_documents
    return AppConfig(
        introspection=settings.graphql_introspection is Introspection.ON,
        cors_origins=settings.cors_origins,
        trusted_proxies=settings.trusted_proxies,
        router_secrets=settings.router_secrets,
        trusted_documents=None if trusted is None else TrustedDocuments.load(trusted),
        version=version("maestro-composer-backend"),
    )


class _Server(uvicorn.Server):
    """A server that leaves the signals to us: uvicorn would raise them again before the services are closed."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Capture none."""
        yield

    def leave(self) -> None:
        """Stop: calls under way are finished; asked twice, they are not."""
        self.force_exit = self.should_exit
        self.should_exit = True
