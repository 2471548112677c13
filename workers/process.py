"""The worker process: built from settings, ended by SIGTERM or SIGINT."""

import asyncio
import secrets
import signal
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Final

import httpx
import uvloop

from engine.actions.builtin import load_registry
from engine.actions.connections.secret_box import SecretBox
from engine.actions.outbound.allow import AllowList
from engine.actions.tools import make_tools
from engine.bootstrap import open_triggers
from engine.clock import SystemClock
from engine.errors import Unavailable
from engine.heap import settle_heap
from engine.provenance.ledger_client import LedgerClient
from engine.qos.live import LiveQos
from engine.queue.link import late_link
from engine.services.connections import StoredConnections
from engine.settings import Settings
from engine.store.database import Database
from engine.store.schema_version import check_version
from engine.telemetry.crash_points import arm
from engine.telemetry.loop_lag import watch_loop_lag
from engine.telemetry.serving import serving_metrics
from workers.callbacks import Way
from workers.config import WorkerConfig
from workers.worker import DecisionSink, Surroundings, Worker

LEDGER_TIMEOUT_S: Final = 15.0
DATABASE_TRIES: Final = 60
DATABASE_AGAIN_S: Final = 0.5


def serve_worker(settings: Settings) -> None:
    """Run one worker in this process until it is asked to stop."""
    settle_heap()
    uvloop.run(run_worker(settings))


async def run_worker(settings: Settings) -> None:
    """Run one worker until SIGTERM or SIGINT; a second signal does not let attempts finish.

    Raises:
        ConfigurationError: the settings or the database do not allow it to start.
        Unavailable: a server does not answer.
        ExceptionGroup: one of its loops died.
    """
    arm(settings.crash_points)
    lag = asyncio.get_running_loop().create_task(watch_loop_lag(), name="loop lag")
    with serving_metrics(settings.host, settings.metrics_port), ending(lag):
        await _work(settings)


@contextmanager
def ending(task: asyncio.Task[None]) -> Iterator[None]:
    """Cancel a task at the end of the block."""
    try:
        yield
    finally:
        task.cancel()


async def _work(settings: Settings) -> None:
    async with _surroundings(settings) as surroundings:
        worker = Worker(surroundings, WorkerConfig(announces=surroundings.ledger is not None))
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, worker.stop)
        await worker.run()


@asynccontextmanager
async def _surroundings(settings: Settings) -> AsyncIterator[Surroundings]:
    clock = SystemClock()
    qos = LiveQos(settings.qos_file)
    await _once_it_answers(lambda: check_version(settings.database_url))
    database = Database.connect(settings.database_url, application_name="maestro worker")
    box = SecretBox(settings.encryption_keys, secrets.token_bytes)
    connections = StoredConnections(database, box)
    tools = make_tools(AllowList.parse(settings.outbound_allow), connections, clock)
    ledger = _ledger(settings)
    try:
        await _once_it_answers(database.check_durability)
        async with late_link(settings.redis_url) as link, httpx.AsyncClient(trust_env=False) as client:
            sink = None if settings.decision_log_url is None else DecisionSink(client, settings.decision_log_url)
            registry = load_registry(tools)
            way = Way(tools.http, box)
            async with open_triggers(settings, clock, database, link, registry.catalogue(), qos) as triggers:
                yield Surroundings(
                    database,
                    link,
                    registry,
                    clock,
                    ledger=ledger,
                    decision_sink=sink,
                    way=way,
                    triggers=triggers,
                    qos=qos,
                    retention_days=settings.retention_days,
                )
    finally:
        if ledger is not None:
            await ledger.close()
        await tools.close()
        await database.close()


async def _once_it_answers(ask: Callable[[], Awaitable[None]]) -> None:
    """Ask the database something; a worker that starts while it does, or while it recovers, waits for it a while.

    Raises:
        Unavailable: it does not answer for long.
    """
    for _ in range(DATABASE_TRIES - 1):
        try:
            return await ask()
        except Unavailable:
            await asyncio.sleep(DATABASE_AGAIN_S)
    return await ask()


def _ledger(settings: Settings) -> LedgerClient | None:
    if settings.ledger_url is None:
        return None
    return LedgerClient.connect(settings.ledger_url, settings.ledger_token or "", timeout_s=LEDGER_TIMEOUT_S)
