"""The same code on a cluster of three masters: its streams lie on all of them."""

from collections.abc import AsyncIterator, Iterator
from uuid import UUID, uuid4

import pytest

from engine.queue.bell import StreamBell
from engine.queue.dispatch import Dispatch
from engine.queue.link import Link, connect
from engine.queue.messages import Ring
from engine.queue.streams import Streams
from tests.queue.cluster import three_masters

pytestmark = [pytest.mark.server, pytest.mark.processes]
STREAMS = Streams()


@pytest.fixture(scope="module")
def cluster_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with three_masters(tmp_path_factory.mktemp("cluster") / "nodes") as url:
        yield url


@pytest.fixture
async def cluster(cluster_url: str) -> AsyncIterator[Link]:
    found = await connect(cluster_url)
    await found.commands.flushall()
    yield found
    await found.close()


async def read_all(dispatch: Dispatch, count: int) -> set[UUID]:
    seen: set[UUID] = set()
    while len(seen) < count:
        received = await dispatch.read(1_000, 200)
        seen |= {message.execution_id for message in received.messages if isinstance(message, Ring)}
        await dispatch.acknowledge(received.messages)
    return seen


async def test_a_cluster_is_recognised(cluster: Link) -> None:
    assert cluster.is_cluster


async def test_rings_reach_a_reader_over_all_masters(cluster: Link) -> None:
    dispatch = Dispatch(cluster, STREAMS, uuid4())
    await dispatch.open()
    ids = {uuid4() for _ in range(200)}
    bell = StreamBell(cluster, STREAMS)

    await bell.ring("acme", list(ids))

    assert await read_all(dispatch, 200) == ids
    assert len({STREAMS.of(execution_id) for execution_id in ids}) == STREAMS.shards
    await dispatch.close()


async def test_what_a_dead_reader_left_is_taken_over_and_trimmed(cluster: Link) -> None:
    dead = Dispatch(cluster, STREAMS, uuid4())
    await dead.open()
    ids = {UUID(int=number) for number in range(64)}
    await StreamBell(cluster, STREAMS).ring("acme", list(ids))
    taken = 0
    while taken < len(ids):
        taken += len((await dead.read(1_000, 200)).messages)
    await dead.close()
    alive = Dispatch(cluster, STREAMS, uuid4(), reclaim_idle_ms=0)
    await alive.open()

    reclaimed = await alive.reclaim(100)
    await alive.acknowledge(reclaimed.messages)

    assert {message.execution_id for message in reclaimed.messages if isinstance(message, Ring)} == ids
    assert await alive.trim() == len(ids) - STREAMS.shards  # the last one delivered stays on each
    await alive.close()


async def test_a_worker_is_told_of_what_it_holds(cluster: Link) -> None:
    worker_id, execution_id = uuid4(), uuid4()
    mine = Dispatch(cluster, STREAMS, worker_id)
    await mine.open()

    StreamBell(cluster, STREAMS).forward(worker_id, "acme", execution_id)
    told: tuple[tuple[str, UUID], ...] = ()
    while not told:
        told = (await mine.read(10, 200)).own

    assert told == (("acme", execution_id),)
    await mine.close()
