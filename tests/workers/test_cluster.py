"""Executions through a cluster of three masters, found by rings alone."""

from collections.abc import AsyncIterator, Iterator

import pytest

from engine.queue.link import Link, connect
from engine.queue.streams import GROUP, Streams
from tests.queue.cluster import three_masters
from tests.workers.conftest import Reader, StartWorker
from tests.workers.seeding import accept, chain, document, publish

pytestmark = [pytest.mark.server, pytest.mark.processes]
COUNT = 48
NEVER_S = 3_600.0
"""The sweep would find what was not rung for; here only rings may."""


@pytest.fixture(scope="module")
def cluster_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with three_masters(tmp_path_factory.mktemp("cluster") / "nodes") as url:
        yield url


@pytest.fixture
async def link(cluster_url: str) -> AsyncIterator[Link]:
    found = await connect(cluster_url)
    yield found
    await found.close()


async def test_executions_run_through_streams_on_all_masters(
    database_url: str, link: Link, start_worker: StartWorker, reader: Reader
) -> None:
    version = await publish(database_url, document(chain(3)))
    ids = await accept(database_url, version, COUNT)
    streams = {Streams().of(execution_id) for execution_id in ids}
    assert len({link.commands.get_node_from_key(stream).name for stream in streams}) == 3

    async with start_worker(sweep_age_s=NEVER_S) as first, start_worker(sweep_age_s=NEVER_S):
        await first.bell.ring("default", ids)
        await reader.until_status(ids, "completed")

    for execution_id in ids:
        assert {row["lease_epoch"] for row in await reader.checkpoints(execution_id)} == {1}
    for stream in streams:
        assert (await link.commands.xpending(stream, GROUP))["pending"] == 0
