"""Two hundred calls at once over real HTTP: two processes share them, and a killed one costs none of them."""

import asyncio
import random
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from uuid import UUID

import asyncpg
import psutil
import pytest

from engine.actions.outbound.traffic import DEFAULT_CONCURRENCY
from engine.jsonvalue import JsonObject
from engine.store.migrate import migrate
from tests.crash.fleet import Fleet
from tests.crash.invariants import check
from tests.crash.receiver import Receiver
from tests.crash.servers import Servers, running_servers
from tests.crash.workloads import effect
from tests.workers.conftest import PATIENCE_S, Reader
from tests.workers.seeding import accept, document, publish, step

pytestmark = [pytest.mark.processes, pytest.mark.server]

WIDE = 200
PATIENT = {"lend_patience_s": 30.0}
"""A borrower on a busy machine is waited for, where a holder of the product would soon make everything by itself."""
AT_ONCE = 2 * DEFAULT_CONCURRENCY
PART = 60
"""More of the calls than this are made by each of the two."""


def fan_out(url: str) -> JsonObject:
    names = [f"b{n}" for n in range(WIDE)]
    return document(
        [step("start", names), *(effect(name, url, ("join",)) for name in names), step("join") | {"join": "all"}]
    )


@dataclass(slots=True)
class Scene:
    receiver: Receiver
    fleet: Fleet
    reader: Reader
    servers: Servers

    async def started(self) -> UUID:
        """An execution that two living workers may share."""
        version = await publish(self.servers.database_url, fan_out(self.receiver.url()))
        self.fleet.fill()
        await self.reader.until("select 1 where (select count(*) from workers where lease_until > now()) = 2")
        [execution_id] = await accept(self.servers.database_url, version)
        return execution_id

    async def until_shared(self) -> None:
        """Return when both make calls, all that they may at once, and what is lent was taken; no call has ended yet."""
        async with asyncio.timeout(PATIENCE_S):
            while len(self.receiver.log) < AT_ONCE:  # noqa: ASYNC110 - a log tells nobody
                await asyncio.sleep(0.02)
        await self.reader.until(
            "select 1 from lent_attempts having count(*) > $1 and bool_and(taken_by is not null)", PART
        )

    def callers(self) -> dict[int, int]:
        """The process of each port that calls come from now."""
        return {
            connection.laddr.port: worker.pid
            for worker in self.fleet.workers
            for connection in psutil.Process(worker.pid).net_connections("tcp")
            if len(connection.raddr) and connection.raddr.port == self.receiver.port
        }


@pytest.fixture
async def scene(servers_folder: Path, tmp_path: Path) -> AsyncIterator[Scene]:
    async with _scene(servers_folder / f"wide-{tmp_path.name}", tmp_path) as found:
        yield found


@asynccontextmanager
async def _scene(folder: Path, tmp_path: Path) -> AsyncIterator[Scene]:
    receiver = Receiver(random.Random(1))  # noqa: S311 - how long answers take does not matter here
    receiver.opened.clear()
    await receiver.start()
    with running_servers(folder) as servers:
        await migrate(servers.database_url)
        environment = {
            "MAESTRO_DATABASE_URL": servers.database_url,
            "MAESTRO_REDIS_URL": servers.redis_url,
            "MAESTRO_OUTBOUND_ALLOW": f"127.0.0.1:{receiver.port}",
        }
        fleet = Fleet(environment, tmp_path / "workers.log", 2, limits=PATIENT)
        reader = Reader(await asyncpg.connect(servers.superuser_url))
        try:
            yield Scene(receiver, fleet, reader, servers)
        finally:
            fleet.kill_all()
            await reader.connection.close()
            await receiver.stop()


async def test_two_workers_share_two_hundred_slow_calls(scene: Scene) -> None:
    execution_id = await scene.started()
    await scene.until_shared()
    callers = scene.callers()
    scene.receiver.opened.set()
    await scene.reader.until_status([execution_id], "completed")

    callers |= scene.callers()  # a connection may have been opened anew meanwhile
    shares = Counter(callers.get(request.caller) for request in scene.receiver.log)
    assert all(shares[worker.pid] > PART for worker in scene.fleet.workers)
    assert Counter(scene.receiver.requests().values()) == {1: WIDE}
    verdict = await check(scene.reader.connection, [execution_id], scene.receiver)
    assert verdict.faults == []


async def test_a_borrower_or_holder_that_is_killed_costs_nothing(scene: Scene) -> None:
    execution_id = await scene.started()
    await scene.until_shared()

    scene.fleet.kill_one(random.Random(execution_id.int))  # noqa: S311 - one of two, whichever
    scene.receiver.opened.set()
    await scene.reader.until_status([execution_id], "completed")

    assert len(scene.receiver.applied) == WIDE
    verdict = await check(scene.reader.connection, [execution_id], scene.receiver)
    assert (verdict.faults, verdict.statuses) == ([], {"completed": 1})
