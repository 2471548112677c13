"""A ledger killed at random while workers finish executions: nothing is lost, nothing is there twice.

Three kills by default; `./scripts/test --ledger 100` for the long form.
"""

import asyncio
import os
import random
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from uuid import UUID

import asyncpg
import httpx
import pytest

from engine.actions.registry import ActionRegistry, inline_actions
from engine.clock import SystemClock
from engine.provenance.ledger_client import LedgerClient
from engine.queue.link import Link, connect
from engine.store.database import Database
from tests.federation.edge import Edge, open_edge, workflow
from tests.ledger.figures import note
from tests.ledger.processes import LedgerProcess
from tests.ledger.test_killed import check
from tests.provenance.conftest import running
from workers.config import WorkerConfig
from workers.worker import Surroundings, Worker

ROUNDS = int(os.environ.get("LEDGER_KILL_ROUNDS", "3"))
SEED = int(os.environ.get("LEDGER_KILL_SEED", "20261123"))
PER_ROUND = 20
UNFINISHED = """select 1 from outbox where topic like 'ledger.%'
union all select 1 from executions where status <> 'completed'"""

pytestmark = pytest.mark.processes


@asynccontextmanager
async def workers(database_url: str, link: Link, ledger_url: str) -> AsyncIterator[list[Worker]]:
    """Two workers, each with a relay of its own."""
    client = LedgerClient.connect(ledger_url, "service-token", timeout_s=5)
    database = Database.connect(database_url, application_name="tests")
    surroundings = Surroundings(database, link, ActionRegistry(inline_actions()), SystemClock(), ledger=client)
    config = WorkerConfig(sweep_s=0.1)
    async with running(Worker(surroundings, config)) as one, running(Worker(surroundings, config)) as two:
        yield [one, two]
    await client.close()
    await database.close()


async def start(edge: Edge, worker: Worker, workflow_id: str) -> UUID:
    answer = await edge.rest("POST", f"/api/workflows/{workflow_id}/execute", {})
    assert answer.status_code == 201, answer.text
    execution_id = UUID(answer.json()["id"])
    await worker.bell.ring("acme", [execution_id])
    return execution_id


async def test_killed_at_random_while_executions_end(
    database_url: str, superuser_url: str, redis_url: str, tmp_path: Path
) -> None:
    began = time.monotonic()
    draw = random.Random(SEED)  # noqa: S311 - a seeded choice of moments
    process = LedgerProcess(database_url, tmp_path)
    process.start()
    link = await connect(redis_url)
    started: list[UUID] = []
    try:
        with httpx.Client() as probe:
            await asyncio.to_thread(process.wait_ready, probe)
            async with open_edge(database_url) as edge, workers(database_url, link, process.url) as both:
                workflow_id = (await edge.published(workflow("killed")))["id"]
                for number in range(ROUNDS):
                    path = f"/api/workflows/{workflow_id}"
                    await edge.rest("PUT", path, workflow("killed", description=f"edit {number}"))
                    await edge.rest("POST", f"{path}/publish", {"bump": "major"})
                    started += [await start(edge, draw.choice(both), workflow_id) for _ in range(PER_ROUND)]
                    await asyncio.sleep(draw.random() / 5)  # somewhere inside of a registration
                    process.kill()
                    process.start()
                    await asyncio.to_thread(process.wait_ready, probe)
                await until_sealed(superuser_url, started)
    finally:
        process.kill()
        await link.close()
    entries, checkpoints = await check(superuser_url, {})
    seconds = round(time.monotonic() - began)
    note("two workers with relays", kills=ROUNDS, entries=entries, checkpoints=checkpoints, seconds=seconds)


async def until_sealed(superuser_url: str, started: list[UUID]) -> None:
    tables = await asyncpg.connect(superuser_url)
    async with asyncio.timeout(180):
        while await tables.fetchval(UNFINISHED) is not None:  # noqa: ASYNC110 - a table tells nobody
            await asyncio.sleep(0.1)
    sealed = await tables.fetch("select execution_id, log_index, leaf_hash from execution_evidence")
    logged = {
        row["idx"]: row["leaf_hash"].hex() for row in await tables.fetch("select idx, leaf_hash from ledger.entries")
    }
    assert {row["execution_id"] for row in sealed} == set(started)
    assert all(logged[row["log_index"]] == row["leaf_hash"] for row in sealed)
    versions = await tables.fetch("select version, status, log_index from version_provenance order by log_index")
    assert [row["version"] for row in versions] == [f"{number}.0.0" for number in range(1, ROUNDS + 2)]
    kinds = await tables.fetch("select kind, count(*) from ledger.entries group by kind")
    assert dict(map(tuple, kinds)) == {"version": ROUNDS + 1, "execution": len(started)}
    await tables.close()
