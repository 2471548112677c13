"""Whole workers within the test's own process, on real servers."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from uuid import UUID, uuid4

import asyncpg
import pytest

from engine.actions.interface import AnyAction
from engine.actions.registry import ActionRegistry, inline_actions
from engine.clock import SystemClock
from engine.queue.link import Link, connect
from engine.queue.streams import Streams
from engine.store.database import APP_ROLE, Database
from engine.store.hot import HotConnection
from workers.config import WorkerConfig
from workers.worker import Surroundings, Worker

FINAL = ("completed", "failed", "cancelled")
PATIENCE_S = 60.0
"""How long a busy machine may take over what a quiet one does at once."""
CALM = {"drain_s": 2.0, "lease_s": 60.0, "trusted_s": 50.0}
"""Of workers that nothing befalls: a machine that stands still for seconds costs none of them its lease."""


class Reader:
    """Reads what the tables say, as the superuser."""

    def __init__(self, connection: asyncpg.Connection) -> None:
        self.connection = connection

    async def statuses(self, ids: list[UUID]) -> list[str]:
        rows = await self.connection.fetch("select id, status from executions where id = any($1)", ids)
        found = {row["id"]: row["status"] for row in rows}
        return [found[execution_id] for execution_id in ids]

    async def until_status(self, ids: list[UUID], *wanted: str, within_s: float = PATIENCE_S) -> None:
        """Return when all executions are in one of these states; the statuses seen are in the failure."""
        async with asyncio.timeout(within_s):
            while True:
                seen = await self.statuses(ids)
                if all(status in wanted for status in seen):
                    return
                await asyncio.sleep(0.01)

    async def until(self, question: str, *arguments: object, within_s: float = PATIENCE_S) -> None:
        """Return when the question has an answer."""
        async with asyncio.timeout(within_s):
            while await self.connection.fetchval(question, *arguments) is None:  # noqa: ASYNC110 - a table tells nobody
                await asyncio.sleep(0.01)

    async def until_free(self, execution_id: UUID) -> None:
        """Return when the execution has run and nobody holds it."""
        await self.until(
            "select 1 from executions where id = $1 and last_seq > 0 and lease_owner is null", execution_id
        )

    async def mail(self, execution_id: UUID) -> list[str]:
        rows = await self.connection.fetch(
            "select kind from execution_inbox where execution_id = $1 order by created_at", execution_id
        )
        return [row["kind"] for row in rows]

    async def checkpoints(self, execution_id: UUID) -> list[asyncpg.Record]:
        return list(
            await self.connection.fetch(
                "select * from step_checkpoints where execution_id = $1 order by seq", execution_id
            )
        )


@pytest.fixture
def reader(superuser: asyncpg.Connection) -> Reader:
    return Reader(superuser)


@pytest.fixture
async def app_connection(database: Database) -> AsyncIterator[HotConnection]:
    """A connection such as a worker's writer has."""
    connection = HotConnection(database, APP_ROLE)
    yield connection
    await connection.close()


@pytest.fixture
async def link(redis_url: str) -> AsyncIterator[Link]:
    found = await connect(redis_url)
    await found.commands.flushall()
    yield found
    await found.close()


NewWorker = Callable[..., Worker]
StartWorker = Callable[..., AbstractAsyncContextManager[Worker]]


@pytest.fixture
async def new_worker(database_url: str, link: Link) -> AsyncIterator[NewWorker]:
    """Makes workers that have some actions besides the inline ones."""
    opened: list[Database] = []

    def make(*actions: AnyAction, **config: float) -> Worker:
        database = Database.connect(database_url, application_name=f"test-{uuid4()}")
        opened.append(database)
        registry = ActionRegistry((*inline_actions(), *actions))
        surroundings = Surroundings(database, link, registry, SystemClock(), Streams())
        return Worker(surroundings, WorkerConfig(**{**CALM, **config}))  # type: ignore[arg-type]

    yield make
    for database in opened:
        await database.close()


@pytest.fixture
def start_worker(new_worker: NewWorker) -> StartWorker:
    """Runs workers for as long as the block lasts; leaving it stops them as SIGTERM does."""

    @asynccontextmanager
    async def start(*actions: AnyAction, **config: float) -> AsyncIterator[Worker]:
        worker = new_worker(*actions, **config)
        task = asyncio.get_running_loop().create_task(worker.run())
        try:
            yield worker
        finally:
            worker.stop()
            await task

    return start
