import logging
from uuid import uuid4

import pytest

from engine.errors import Unavailable
from engine.queue.bell import StreamBell
from engine.queue.link import Link, connect
from engine.queue.streams import Streams

STREAMS = Streams(shards=1)


async def test_rings_of_one_tick_leave_together_and_once_each(link: Link) -> None:
    bell = StreamBell(link, STREAMS)
    one, other = uuid4(), uuid4()

    await bell.ring("acme", [one, other, one])
    await bell.ring("acme", [one])
    await bell.flushed()

    assert await link.commands.xlen(STREAMS.all()[0]) == 2


async def test_without_redis_nothing_is_raised_and_it_is_said(caplog: pytest.LogCaptureFixture, link: Link) -> None:
    await link.close()
    dead = Link(type(link.commands).from_url("redis://127.0.0.1:1", retry=None), link.blocking, is_cluster=False)
    bell = StreamBell(dead, STREAMS)

    with caplog.at_level(logging.WARNING):
        await bell.ring("acme", [uuid4()])
        await bell.close()

    assert "the sweep will find" in caplog.text


async def test_a_closed_bell_is_silent(link: Link) -> None:
    bell = StreamBell(link, STREAMS)
    await bell.close()

    await bell.ring("acme", [uuid4()])
    await bell.flushed()

    assert await link.commands.xlen(STREAMS.all()[0]) == 0


async def test_connecting_to_nothing_is_unavailable() -> None:
    with pytest.raises(Unavailable):
        await connect("redis://127.0.0.1:1")
