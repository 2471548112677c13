"""Runs one ledger process until it is told to stop."""

import asyncio
import signal
from collections.abc import Iterator
from contextlib import contextmanager

import uvicorn
from starlette.applications import Starlette
from starlette.routing import Route

from ledger.app import create_app, get_metrics
from ledger.bootstrap import open_ledger
from ledger.settings import LedgerSettings
from ledger.telemetry import watch_loop_lag

_DRAIN_S = 10


class _Server(uvicorn.Server):
    """A server that leaves signals to `serve_ledger`, which has more than one of them and a pool to close."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Capture none."""
        yield


async def serve_ledger(settings: LedgerSettings) -> None:
    """Serve until SIGINT or SIGTERM; calls under way are finished first.

    Raises:
        ConfigurationError: the settings do not fit, or the database is of a newer version.
        Unavailable: the database does not answer at start.
        OSError: the port is taken.
    """
    async with open_ledger(settings) as ledger:
        app = create_app(ledger)
        servers = [_server(app, settings.host, settings.port)]
        if settings.metrics_port not in (None, settings.port):
            metrics = Starlette(routes=[Route("/metrics", get_metrics)])
            metrics.state.metrics = app.state.metrics
            servers.append(_server(metrics, settings.host, settings.metrics_port or 0))
        with _stop_on_signals(servers):
            async with asyncio.TaskGroup() as group:
                lag = group.create_task(watch_loop_lag())
                serving = [group.create_task(server.serve()) for server in servers]
                await asyncio.wait(serving, return_when=asyncio.FIRST_COMPLETED)
                for server in servers:
                    server.should_exit = True
                await asyncio.wait(serving)
                lag.cancel()


@contextmanager
def _stop_on_signals(servers: list[_Server]) -> Iterator[None]:
    loop = asyncio.get_running_loop()

    def stop() -> None:
        for server in servers:
            server.should_exit = True

    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop)
    try:
        yield
    finally:
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.remove_signal_handler(number)


def _server(app: Starlette, host: str, port: int) -> _Server:
    config = uvicorn.Config(
        app,
        host=host,
        port=port,
        log_level="warning",
        access_log=False,
        server_header=False,
        lifespan="off",
        timeout_graceful_shutdown=_DRAIN_S,
    )
    return _Server(config)
