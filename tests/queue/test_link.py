"""Processes that start before Redis does."""

from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import pytest

from engine.bootstrap import open_services
from engine.clock import SystemClock
from engine.queue.bell import StreamBell
from engine.queue.link import late_link
from engine.queue.streams import Streams
from engine.settings import load
from scripts.embedded.valkey import EmbeddedValkey, ValkeyConfig


@pytest.fixture
def server(servers_folder: Path) -> Iterator[EmbeddedValkey]:
    """A server that has been stopped: it comes back under the same URL."""
    made = EmbeddedValkey(ValkeyConfig(servers_folder / f"late-{uuid4()}", durable=False))
    made.start()
    made.stop()
    yield made
    made.stop()


@pytest.mark.server
async def test_rings_are_heard_once_the_server_is_there(server: EmbeddedValkey) -> None:
    async with late_link(server.url) as link:
        bell = StreamBell(link, Streams(1))
        await bell.ring("acme", [uuid4()])
        await bell.flushed()
        server.start()

        await bell.ring("acme", [uuid4()])
        await bell.flushed()

        assert await link.commands.xlen("maestro:{s0}:dispatch") == 1
        await bell.close()


@pytest.mark.server
async def test_an_api_process_starts_without_redis_and_readiness_names_it(
    server: EmbeddedValkey, database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("engine.store.database.Database.check_durability", _durable_enough)
    variables = {
        "MAESTRO_DATABASE_URL": database_url,
        "MAESTRO_REDIS_URL": server.url,
        "MAESTRO_DATA_DIR": str(tmp_path),
        "MAESTRO_JWT_SECRET": "s" * 40,
    }

    async with open_services(load(variables), SystemClock()) as services:
        before = {found.name: found.is_ready for found in await services.health.check()}
        server.start()
        after = {found.name: found.is_ready for found in await services.health.check()}

    assert (before["postgresql"], before["redis"]) == (True, False)
    assert after["redis"]


async def _durable_enough(_: object) -> None:
    """Clusters of tests run without fsync, which the product refuses."""
