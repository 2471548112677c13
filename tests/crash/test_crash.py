import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from engine.store.migrate import migrate
from tests.crash import workloads
from tests.crash.faults import cut_links, deafen_links, fill_disk, flush_redis, kill_worker, slow_links
from tests.crash.playing import Script, play
from tests.crash.rounds import KINDS, script_of
from tests.crash.servers import Servers, running_servers

pytestmark = [pytest.mark.processes, pytest.mark.server]

KILLS = 20
SEED = 4
"""Three kills and a named point: the longer rounds are played by `./scripts/test --crash`."""


@pytest.fixture(scope="module")
def folder() -> Iterator[Path]:
    found = Path(tempfile.mkdtemp(prefix="maestro-crash-"))
    found.chmod(0o755)
    yield found
    shutil.rmtree(found)


@pytest.fixture(scope="module")
def servers(folder: Path) -> Iterator[Servers]:
    with running_servers(folder, on_small_disk=True) as found:
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


async def test_every_kind_of_work_survives_what_a_seed_brings(migrated: Servers, folder: Path) -> None:
    _, verdict = await play(script_of(SEED), migrated, folder)

    assert verdict.faults == []
    assert (verdict.lost, verdict.doubled) == (0, 0)


async def test_links_that_are_cut_slow_or_deaf_and_a_full_disk_cost_nothing(migrated: Servers, folder: Path) -> None:
    faults = [deafen_links, cut_links, slow_links, *([] if migrated.disk is None else [fill_disk])]
    script = Script(2, KINDS, 1, faults)

    played, verdict = await play(script, migrated, folder)

    assert verdict.faults == []
    assert played.faults == {fault.__name__: 1 for fault in faults}


async def test_losing_redis_loses_nothing(migrated: Servers, folder: Path) -> None:
    script = Script(3, [workloads.patient, workloads.ten_steps], 3, [flush_redis] * 5, pause_s=0.5)

    _, verdict = await play(script, migrated, folder)

    assert verdict.faults == []
    assert set(verdict.statuses) == {"completed"}
