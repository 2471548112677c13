import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from engine.store.migrate import migrate
from tests.crash import workloads
from tests.crash.playing import Script, flush_redis, kill_worker, play
from tests.crash.rounds import script_of
from tests.crash.servers import Servers, running_servers

pytestmark = [pytest.mark.processes, pytest.mark.server]

KILLS = 20


@pytest.fixture(scope="module")
def folder() -> Iterator[Path]:
    found = Path(tempfile.mkdtemp(prefix="maestro-crash-"))
    found.chmod(0o755)
    yield found
    shutil.rmtree(found)


@pytest.fixture(scope="module")
def servers(folder: Path) -> Iterator[Servers]:
    with running_servers(folder) as found:
        yield found


@pytest.fixture(scope="module")
async def migrated(servers: Servers) -> Servers:
    await migrate(servers.database_url)
    return servers


async def test_a_hundred_executions_of_ten_steps_survive_twenty_kills(migrated: Servers, folder: Path) -> None:
    faults = [kill_worker] * KILLS
    script = Script(1, [workloads.ten_steps], 100 // KILLS, faults, pause_s=0.5, with_others=False)

    played, verdict = await play(script, migrated, folder)

    assert verdict.faults == []
    assert verdict.statuses == {"completed": 100}
    assert played.faults == {"kill_worker": KILLS}


@pytest.mark.parametrize("seed", [11, 12])
async def test_every_kind_of_work_survives_what_a_seed_brings(migrated: Servers, folder: Path, seed: int) -> None:
    _, verdict = await play(script_of(seed), migrated, folder)

    assert verdict.faults == []
    assert (verdict.lost, verdict.doubled) == (0, 0)


async def test_losing_redis_loses_nothing(migrated: Servers, folder: Path) -> None:
    script = Script(3, [workloads.patient, workloads.ten_steps], 3, [flush_redis] * 5, pause_s=0.5)

    _, verdict = await play(script, migrated, folder)

    assert verdict.faults == []
    assert set(verdict.statuses) == {"completed"}
