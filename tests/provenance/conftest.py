"""A whole installation in one process: both doors, a worker, a ledger, and the relay between them."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import UUID

import asyncpg
import httpx
import pytest
import pytest_asyncio

from engine.actions.registry import ActionRegistry, inline_actions
from engine.clock import SystemClock
from engine.jsonvalue import JsonObject
from engine.provenance.ledger_client import LedgerClient
from engine.queue.link import connect
from engine.queue.streams import Streams
from engine.services.identifiers import uuid7_factory
from engine.store.database import LOOP_ROLE, Database
from engine.store.hot import HotConnection
from ledger.app import create_app
from ledger.bootstrap import Ledger, open_ledger
from ledger.settings import LedgerSettings
from tests.federation.edge import Edge, open_edge
from workers.config import WorkerConfig
from workers.ledger_relay import LedgerRelay
from workers.worker import Surroundings, Worker

TOKEN = "service-token"


class Line(httpx.AsyncBaseTransport):
    """The way to the ledger's application, which can be cut: before a call arrives, or before its answer does.

    `meanwhile` is done once, while the next call is on its way.
    """

    def __init__(self, app: Any) -> None:
        self._inner = httpx.ASGITransport(app)
        self.is_down = False
        self.loses_answers = 0
        self.calls: list[str] = []
        self.meanwhile: Callable[[], Awaitable[object]] | None = None

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        self.calls.append(request.url.path)
        meanwhile, self.meanwhile = self.meanwhile, None
        if meanwhile is not None:
            await meanwhile()
        if self.is_down:
            raise httpx.ConnectError("refused")
        response = await self._inner.handle_async_request(request)
        if self.loses_answers and request.method == "POST":
            self.loses_answers -= 1
            raise httpx.ReadError("reset")
        return response


class Calm:
    """A worker of which nothing waits to be written, or the opposite.

    Attributes:
        asked: somebody waits for it, or has.
        come: it is there.
    """

    def __init__(self) -> None:
        self.asked = asyncio.Event()
        self.come = asyncio.Event()

    async def wait(self) -> None:
        self.asked.set()
        await self.come.wait()


@dataclass
class House:
    """All of it, and what tests ask of it."""

    edge: Edge
    ledger: Ledger
    line: Line
    relay: LedgerRelay
    calm: Calm
    worker: Worker
    trust: Path
    tables: asyncpg.Connection

    async def run(self, definition: JsonObject | None = None, trigger: JsonObject | None = None) -> str:
        """Execute a definition to its end."""
        created = await self.edge.published(definition)
        return await self.execute(created["id"], trigger)

    async def execute(self, workflow_id: str, trigger: JsonObject | None = None) -> str:
        answer = await self.edge.rest("POST", f"/api/workflows/{workflow_id}/execute", {"triggerData": trigger or {}})
        assert answer.status_code == 201, answer.text
        execution_id: str = answer.json()["id"]
        await self.ended(execution_id)
        return execution_id

    async def ended(self, execution_id: str) -> str:
        await self.worker.bell.ring("acme", [UUID(execution_id)])
        async with asyncio.timeout(60):
            while True:
                status: str = await self.tables.fetchval(
                    "select status from executions where id = $1", UUID(execution_id)
                )
                if status in {"completed", "failed", "cancelled"}:
                    return status
                await asyncio.sleep(0.01)

    async def task_of(self, execution_id: str) -> str:
        """The human task that the execution comes to."""
        question = "select id from human_tasks where execution_id = $1"
        async with asyncio.timeout(60):
            while (found := await self.tables.fetchval(question, UUID(execution_id))) is None:  # noqa: ASYNC110 - a table tells nobody
                await asyncio.sleep(0.01)
        return str(found)

    async def until_seq(self, execution_id: str, seq: int) -> None:
        """Until the execution has ended again, behind this checkpoint."""
        question = "select 1 from executions where id = $1 and last_seq > $2 and status in ('completed', 'failed')"
        async with asyncio.timeout(60):
            while await self.tables.fetchval(question, UUID(execution_id), seq) is None:  # noqa: ASYNC110 - a table tells nobody
                await asyncio.sleep(0.01)

    async def sealed(self, definition: JsonObject | None = None, trigger: JsonObject | None = None) -> str:
        """Execute a definition, and have the ledger know of it."""
        execution_id = await self.run(definition, trigger)
        await self.relay.run_once()
        return execution_id

    async def bundle(self, execution_id: str, **claims: Any) -> httpx.Response:
        return await self.edge.rest("GET", f"/api/executions/{execution_id}/evidence", claims=claims)

    async def due(self) -> None:
        """Let the time pass that parcels were postponed by."""
        await self.tables.execute("update outbox set available_at = now()")

    async def until_arrived(self, topic: str) -> None:
        async with asyncio.timeout(60):
            while await self.waiting(topic):  # noqa: ASYNC110 - a table tells nobody
                await asyncio.sleep(0.01)

    async def waiting(self, topic: str) -> int:
        found: int = await self.tables.fetchval("select count(*) from outbox where topic = $1", topic)
        return found


def settings_of(database_url: str, folder: Path) -> LedgerSettings:
    return LedgerSettings.from_environment(
        {
            "MAESTRO_DATABASE_URL": database_url,
            "MAESTRO_DATA_DIR": str(folder),
            "MAESTRO_LEDGER_TOKEN": TOKEN,
            "MAESTRO_LEDGER_ORIGIN": "log.test",
        }
    )


@asynccontextmanager
async def running(worker: Worker) -> AsyncIterator[Worker]:
    task = asyncio.get_running_loop().create_task(worker.run())
    try:
        yield worker
    finally:
        worker.stop()
        await task


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def house(
    database_url: str, superuser_url: str, redis_url: str, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[House]:
    folder = tmp_path_factory.mktemp("ledger")
    clock = SystemClock()
    async with open_ledger(settings_of(database_url, folder), clock.now) as ledger:
        line = Line(create_app(ledger))
        client = LedgerClient(httpx.AsyncClient(transport=line, base_url="http://ledger"), TOKEN)
        database = Database.connect(database_url, application_name="tests")
        link = await connect(redis_url)
        await link.commands.flushall()
        surroundings = Surroundings(database, link, ActionRegistry(inline_actions()), clock, Streams())
        connection = HotConnection(database, LOOP_ROLE)
        calm = Calm()
        relay = LedgerRelay(connection, client, "1.2.3", uuid7_factory(clock), calm.wait)
        tables = await asyncpg.connect(superuser_url)
        async with (
            open_edge(database_url, ledger=client) as edge,
            running(Worker(surroundings, WorkerConfig())) as worker,
        ):
            yield House(edge, ledger, line, relay, calm, worker, folder / "trust", tables)
        await tables.close()
        await connection.close()
        await client.close()
        await link.close()
        await database.close()
