"""The worker process: built from settings, ended by SIGTERM or SIGINT."""

import asyncio
import gc
import secrets
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

import uvloop

from engine.actions.builtin import load_registry
from engine.actions.connections.secret_box import SecretBox
from engine.actions.outbound.allow import AllowList
from engine.actions.tools import make_tools
from engine.clock import SystemClock
from engine.errors import Unavailable
from engine.queue.link import Link, connect
from engine.services.connections import StoredConnections
from engine.settings import Settings
from engine.store.database import Database
from engine.store.migrate import check_version
from engine.telemetry.crash_points import arm
from workers.config import WorkerConfig
from workers.worker import Surroundings, Worker

CONNECT_TRIES: Final = 30
CONNECT_AGAIN_S: Final = 1.0


def serve_worker(settings: Settings) -> None:
    """Run one worker in this process until it is asked to stop."""
    # What is loaded stays loaded; collecting it again and again would cost more than all that it could free.
    gc.collect()
    gc.freeze()
    uvloop.run(run_worker(settings))


async def run_worker(settings: Settings) -> None:
    """Run one worker until SIGTERM or SIGINT; a second signal does not let attempts finish.

    Raises:
        ConfigurationError: the settings or the database do not allow it to start.
        Unavailable: a server does not answer.
        ExceptionGroup: one of its loops died.
    """
    arm(settings.crash_points)
    async with _surroundings(settings) as surroundings:
        worker = Worker(surroundings, WorkerConfig())
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, worker.stop)
        await worker.run()


@asynccontextmanager
async def _surroundings(settings: Settings) -> AsyncIterator[Surroundings]:
    clock = SystemClock()
    await check_version(settings.database_url)
    database = Database.connect(settings.database_url, application_name="maestro worker")
    connections = StoredConnections(database, SecretBox(settings.encryption_keys, secrets.token_bytes))
    tools = make_tools(AllowList.parse(settings.outbound_allow), connections, clock)
    link = await _connect(settings.redis_url)
    try:
        await database.check_durability()
        yield Surroundings(database, link, load_registry(tools), clock)
    finally:
        await link.close()
        await tools.close()
        await database.close()


async def _connect(url: str) -> Link:
    """The way to Redis; a worker that starts beside it waits for it a while."""
    for _ in range(CONNECT_TRIES - 1):
        try:
            return await connect(url)
        except Unavailable:
            await asyncio.sleep(CONNECT_AGAIN_S)
    return await connect(url)
