"""A rolling upgrade: the release before, and this one, work side by side on a database that this one has migrated."""

import io
import os
import random
import subprocess
import sys
import tarfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import asyncpg
import pytest

from engine.store.migrate import migrate
from tests.crash import workloads
from tests.crash.invariants import check
from tests.crash.receiver import Receiver
from tests.crash.servers import Servers, running_servers
from tests.unpacking import unpack
from tests.workers.conftest import Reader
from tests.workers.seeding import accept, publish

pytestmark = [pytest.mark.processes, pytest.mark.server]

ROOT: Final = Path(__file__).parents[2]
BEFORE: Final = "39c77dde60ebc9bddacc17682441a561ec607c27"
"""The release before this one. Its first migration to the newest of ours must be an expansion that it can live with."""
ALIVE: Final = "select 1 where (select count(*) from workers where lease_until > now()) = $1"
_MIGRATE: Final = """
import asyncio
from engine.settings import load_migration, process_environment
from engine.store.migrate import migrate
urls = load_migration(process_environment())
asyncio.run(migrate(urls.owner, application_login=urls.application_login))
"""
_WORK: Final = """
from engine.settings import load, process_environment
from engine.telemetry.logging import configure_logging
from workers.process import serve_worker
configure_logging("maestro worker")
serve_worker(load(process_environment()))
"""


@pytest.fixture(scope="module")
def release_before(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Its tree, out of the history."""
    packed = subprocess.run(["git", "archive", BEFORE], cwd=ROOT, capture_output=True, check=False)
    if packed.returncode != 0:
        pytest.skip(f"the history of this clone does not reach back to {BEFORE[:7]}, the release before")
    folder = tmp_path_factory.mktemp("before")
    with tarfile.open(fileobj=io.BytesIO(packed.stdout)) as archive:
        unpack(archive, folder)
    return folder


@dataclass(slots=True)
class Scene:
    servers: Servers
    receiver: Receiver
    reader: Reader
    environment: dict[str, str]
    started: list[subprocess.Popen[bytes]]

    def migrate_with(self, tree: Path) -> None:
        subprocess.run([sys.executable, "-c", _MIGRATE], cwd=tree, env=self.environment, check=True)

    async def start_worker_of(self, tree: Path) -> subprocess.Popen[bytes]:
        worker = _worker_of(tree, self.environment)
        self.started.append(worker)
        await self.reader.until(ALIVE, len(self.started))
        return worker


def _worker_of(tree: Path, environment: dict[str, str]) -> subprocess.Popen[bytes]:
    return subprocess.Popen([sys.executable, "-c", _WORK], cwd=tree, env=environment)


@pytest.fixture
async def scene(servers_folder: Path) -> AsyncIterator[Scene]:
    async with _scene(servers_folder / "upgrade") as found:
        yield found


@asynccontextmanager
async def _scene(folder: Path) -> AsyncIterator[Scene]:
    receiver = Receiver(random.Random(1))  # noqa: S311 - a test must be repeatable
    await receiver.start()
    with running_servers(folder) as servers:
        environment = os.environ | {
            "MAESTRO_DATABASE_URL": servers.database_url,
            "MAESTRO_REDIS_URL": servers.redis_url,
            "MAESTRO_OUTBOUND_ALLOW": f"127.0.0.1:{receiver.port}",
        }
        reader = Reader(await asyncpg.connect(servers.superuser_url))
        found = Scene(servers, receiver, reader, environment, [])
        try:
            yield found
        finally:
            for worker in found.started:
                worker.kill()
                worker.wait()
            await reader.connection.close()
            await receiver.stop()


async def test_workers_of_two_releases_finish_what_both_began(scene: Scene, release_before: Path) -> None:
    scene.migrate_with(release_before)
    old = await scene.start_worker_of(release_before)
    await migrate(scene.servers.database_url)
    url = scene.servers.database_url
    versions = [
        await publish(url, kind(scene.receiver.url()))
        for kind in (workloads.ten_steps, workloads.patient, workloads.wide)
    ]

    first = [each for version in versions for each in await accept(url, version, 5)]
    await scene.reader.until_status(first, "completed")  # by the old one alone, on the new database

    second = [each for version in versions for each in await accept(url, version, 10)]
    await scene.reader.until("select 1 from step_checkpoints where execution_id = any($1) limit 1", second)
    await scene.start_worker_of(ROOT)
    third = [each for version in versions for each in await accept(url, version, 10)]
    await scene.reader.until("select 1 from step_checkpoints where execution_id = any($1) limit 1", third)
    old.kill()
    await scene.reader.until_status(second + third, "completed")

    verdict = await check(scene.reader.connection, first + second + third, scene.receiver)
    assert (verdict.faults, verdict.lost, verdict.doubled) == ([], 0, 0)
    assert verdict.statuses == {"completed": 75}
