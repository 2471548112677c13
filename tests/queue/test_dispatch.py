from uuid import UUID, uuid4

import pytest

from engine.queue.bell import StreamBell
from engine.queue.dispatch import MAX_DELIVERIES, Dispatch, Received
from engine.queue.link import Link
from engine.queue.messages import Ring, UnreadableMessage
from engine.queue.streams import DEAD, GROUP, Streams

STREAMS = Streams(shards=4)


async def consumer(link: Link, reclaim_idle_ms: int = 0) -> Dispatch:
    found = Dispatch(link, STREAMS, uuid4(), reclaim_idle_ms=reclaim_idle_ms)
    await found.open()
    return found


async def ring(link: Link, *ids: UUID) -> None:
    bell = StreamBell(link, STREAMS)
    await bell.ring("acme", ids)
    await bell.flushed()


def rung(messages: object) -> set[UUID]:
    assert isinstance(messages, tuple)
    return {message.execution_id for message in messages if isinstance(message, Ring)}


async def test_rings_from_before_the_group_existed_are_delivered(link: Link) -> None:
    ids = [uuid4() for _ in range(20)]
    await ring(link, *ids)

    received = await (await consumer(link)).read(100, 0)

    assert rung(received.messages) == set(ids)
    assert {message.tenant for message in received.messages if isinstance(message, Ring)} == {"acme"}


async def test_each_ring_goes_to_one_consumer(link: Link) -> None:
    one, other = await consumer(link), await consumer(link)
    ids = [uuid4() for _ in range(20)]
    await ring(link, *ids)

    first = await one.read(40, 0)
    second = await other.read(40, 0)

    assert rung(first.messages) | rung(second.messages) == set(ids)
    assert rung(first.messages).isdisjoint(rung(second.messages))


async def test_what_is_not_acknowledged_is_taken_over(link: Link) -> None:
    dead, alive = await consumer(link), await consumer(link)
    ids = [uuid4() for _ in range(30)]
    await ring(link, *ids)
    taken = await dead.read(100, 0)
    await dead.acknowledge(taken.messages[:10])

    reclaimed = await alive.reclaim(100)

    assert rung(reclaimed.messages) == rung(taken.messages[10:])


async def test_what_was_just_delivered_is_left_to_its_consumer(link: Link) -> None:
    slow, other = await consumer(link), await consumer(link, reclaim_idle_ms=60_000)
    await ring(link, uuid4())
    await slow.read(10, 0)

    assert await other.reclaim(10) == Received()


async def test_reclaiming_follows_the_cursor_past_many_pending_entries(link: Link) -> None:
    dead, alive = await consumer(link), await consumer(link)
    ids = [uuid4() for _ in range(300)]
    await ring(link, *ids)
    while (await dead.read(400, 0)).messages:
        pass

    seen: set[UUID] = set()
    for _ in range(100):
        seen |= rung((await alive.reclaim(3)).messages)

    assert seen == set(ids)


async def test_a_message_that_nobody_survives_is_exhausted(link: Link) -> None:
    execution_id = uuid4()
    await ring(link, execution_id)
    await (await consumer(link)).read(10, 0)

    for _ in range(MAX_DELIVERIES - 1):
        again = await (await consumer(link)).reclaim(10)
        assert rung(again.messages) == {execution_id}
    last = await (await consumer(link)).reclaim(10)

    assert last.messages == ()
    assert [(found.deliveries, found.message.stream) for found in last.exhausted] == [
        (MAX_DELIVERIES + 1, STREAMS.of(execution_id))
    ]


async def test_an_unreadable_message_is_a_value(link: Link) -> None:
    reader = await consumer(link)
    stream = STREAMS.all()[0]
    await link.commands.xadd(stream, {"e": "not an id", "t": "acme"})
    await link.commands.xadd(stream, {"something": "else"})

    received = await reader.read(10, 0)

    assert [type(message) for message in received.messages] == [UnreadableMessage, UnreadableMessage]


async def test_after_a_flush_the_group_is_made_again(link: Link) -> None:
    reader = await consumer(link)
    await link.commands.flushall()
    execution_id = uuid4()
    await ring(link, execution_id)

    assert (await reader.read(10, 0)).messages == ()
    assert rung((await reader.read(10, 0)).messages) == {execution_id}


async def test_trimming_keeps_what_is_pending_or_undelivered(link: Link) -> None:
    reader = await consumer(link)
    stream = STREAMS.all()[1]
    ids = [UUID(int=4 * number + 1) for number in range(10)]
    await ring(link, *ids)
    taken = await reader.read(4 * 6, 0)
    pending = taken.messages[3]
    await reader.acknowledge([message for message in taken.messages if message is not pending])

    dropped = await reader.trim()

    left = [entry_id.decode() for entry_id, _ in await link.commands.xrange(stream)]
    assert dropped == 3
    assert left[0] == pending.message_id
    assert rung((await reader.read(40, 0)).messages) == set(ids[6:])


async def test_trimming_drops_nothing_that_another_group_has_not_read(link: Link) -> None:
    reader = await consumer(link)
    stream = STREAMS.all()[1]
    await link.commands.xgroup_create(stream, "slow", id="0")
    await ring(link, *(UUID(int=4 * number + 1) for number in range(5)))
    await reader.acknowledge((await reader.read(40, 0)).messages)

    assert await reader.trim() == 0
    assert await link.commands.xlen(stream) == 5


async def test_a_worker_is_told_of_what_it_holds_on_its_own_stream(link: Link) -> None:
    worker_id, execution_id = uuid4(), uuid4()
    mine = Dispatch(link, STREAMS, worker_id)
    await mine.open()
    other = await consumer(link)
    bell = StreamBell(link, STREAMS)

    bell.forward(worker_id, "acme", execution_id)
    await bell.flushed()

    assert (await other.read(10, 0)).own == ()
    assert (await mine.read(10, 0)).own == (("acme", execution_id),)
    assert await link.commands.xlen(STREAMS.of_worker(worker_id)) == 0


async def test_a_consumer_with_pending_messages_outlives_its_worker(link: Link) -> None:
    worker_id = uuid4()
    leaving = Dispatch(link, STREAMS, worker_id)
    await leaving.open()
    execution_id = UUID(int=1)
    await ring(link, execution_id, UUID(int=2))
    taken = await leaving.read(40, 0)
    await leaving.acknowledge([m for m in taken.messages if isinstance(m, Ring) and m.execution_id != execution_id])

    await leaving.close()

    consumers = {stream: await link.commands.xinfo_consumers(stream, GROUP) for stream in STREAMS.all()}
    kept = [stream for stream, found in consumers.items() if any(c["name"] == str(worker_id).encode() for c in found)]
    assert kept == [STREAMS.of(execution_id)]


async def test_a_dead_letter_is_on_its_stream(link: Link) -> None:
    await (await consumer(link)).bury({"kind": "message", "code": "message.unreadable"})

    entries = await link.commands.xrange(DEAD)

    assert [fields for _, fields in entries] == [{b"kind": b"message", b"code": b"message.unreadable"}]


@pytest.mark.parametrize("shards", [1, 16])
def test_every_execution_has_its_shard_for_ever(shards: int) -> None:
    streams = Streams(shards)
    execution_id = UUID("01a20631-6869-74d9-ada5-0caf936b6439")

    assert streams.of(execution_id) in streams.all()
    assert Streams().of(execution_id) == "maestro:{s9}:dispatch"
