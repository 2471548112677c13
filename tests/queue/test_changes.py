"""Watchers are told at once, miss nothing between a look and a wait, and look by themselves where nobody tells them."""

import asyncio
from collections.abc import AsyncIterator
from uuid import UUID, uuid4

import pytest

from engine.queue import changes
from engine.queue.changes import CHANNEL, Listener, Teller, Watching
from engine.queue.link import Link

NEVER_S = 3_600.0


@pytest.fixture
async def listener(redis_url: str) -> AsyncIterator[Listener]:
    made = Listener(redis_url)
    yield made
    await made.close()


@pytest.fixture
def _words_only(monkeypatch: pytest.MonkeyPatch) -> None:
    """Watchers wait for a word alone: a test in which none comes does not end."""
    monkeypatch.setattr(changes, "LOOK_SOON_S", NEVER_S)
    monkeypatch.setattr(changes, "LOOK_AGAIN_S", NEVER_S)
    monkeypatch.setattr(changes, "DEAF_S", 0.0)


async def told(watching: Watching, teller: Teller, *ids: UUID) -> None:
    """Tell until it was heard: the listener may still be connecting."""
    waiting = asyncio.ensure_future(watching.changed())
    async with asyncio.timeout(60):
        while not waiting.done():
            teller.tell(ids)
            await teller.close()
            await asyncio.wait({waiting}, timeout=0.01)


@pytest.mark.usefixtures("_words_only")
async def test_each_watcher_of_an_execution_is_told(link: Link, listener: Listener) -> None:
    teller, execution, other = Teller(link), uuid4(), uuid4()
    with listener.watch(execution) as first, listener.watch(execution) as second, listener.watch(other) as stranger:
        await told(first, teller, execution)
        await asyncio.wait_for(second.changed(), 60)
        unheard = asyncio.ensure_future(stranger.changed())
        await asyncio.sleep(0)

        assert not unheard.done()
        await told(first, teller, uuid4(), other, execution)
        await asyncio.wait_for(unheard, 60)


@pytest.mark.usefixtures("_words_only")
async def test_what_is_told_before_the_wait_counts(link: Link, listener: Listener) -> None:
    teller, execution, marker = Teller(link), uuid4(), uuid4()
    with listener.watch(execution) as watching, listener.watch(marker) as after:
        await told(after, teller, marker)
        teller.tell([execution])
        await told(after, teller, marker)

        await asyncio.wait_for(watching.changed(), 60)


@pytest.mark.usefixtures("_words_only")
async def test_many_changes_leave_together(link: Link, listener: Listener, monkeypatch: pytest.MonkeyPatch) -> None:
    teller, execution = Teller(link), uuid4()
    with listener.watch(execution) as watching:
        await told(watching, teller, execution)
        sent: list[int] = []
        publish = link.commands.publish

        async def counting(channel: str, message: bytes) -> int:
            sent.append(len(message))
            heard: int = await publish(channel, message)
            return heard

        monkeypatch.setattr(link.commands, "publish", counting)
        for _ in range(100):
            teller.tell([execution])
        teller.tell([uuid4()])
        await teller.close()

    assert sent == [32]


async def test_nobody_is_told_for_a_while_after_nobody_listened(link: Link, monkeypatch: pytest.MonkeyPatch) -> None:
    teller, sent = Teller(link), list[bytes]()

    async def unheard(_channel: str, message: bytes) -> int:
        sent.append(message)
        return 0

    monkeypatch.setattr(link.commands, "publish", unheard)
    monkeypatch.setattr(changes, "DEAF_S", NEVER_S)
    for _ in range(5):
        teller.tell([uuid4()])
        await teller.close()

    assert len(sent) == 1


async def test_without_redis_watchers_look_by_themselves(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(changes, "LOOK_SOON_S", 0.01)
    monkeypatch.setattr(changes, "LOOK_AGAIN_S", NEVER_S)
    listener = Listener("redis://127.0.0.1:1")
    with listener.watch(uuid4()) as watching:
        for _ in range(3):
            await asyncio.wait_for(watching.changed(), 60)
    await listener.close()


@pytest.mark.usefixtures("_words_only")
async def test_a_lost_connection_is_made_again(link: Link, listener: Listener, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(changes, "_RECONNECT_S", 0.0)
    teller, execution = Teller(link), uuid4()
    with listener.watch(execution) as watching:
        await told(watching, teller, execution)
        await link.commands.execute_command("CLIENT", "KILL", "TYPE", "pubsub")

        await told(watching, teller, execution)


@pytest.mark.usefixtures("_words_only")
async def test_damaged_words_do_no_harm(link: Link, listener: Listener) -> None:
    teller, execution = Teller(link), uuid4()
    with listener.watch(execution) as watching:
        await told(watching, teller, execution)
        await link.commands.publish(CHANNEL, b"no ids at all, not even one")

        await told(watching, teller, execution)
