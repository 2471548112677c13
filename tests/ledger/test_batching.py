import asyncio
from collections.abc import Sequence

import pytest

from ledger.batching import SHARED_LEAVES, Batcher
from ledger.values import Kind, Leaf, Registered


class Appender:
    """Stands for the log: holds each append until the test lets it go."""

    def __init__(self) -> None:
        self.batches: list[int] = []
        self.started = asyncio.Event()
        self.release = asyncio.Event()
        self.error: Exception | None = None

    async def append(self, leaves: Sequence[Leaf]) -> list[Registered]:
        self.batches.append(len(leaves))
        self.started.set()
        await self.release.wait()
        if self.error is not None:
            raise self.error
        return [Registered(int(leaf.data), leaf.hash, False, "", None) for leaf in leaves]


def leaves(*numbers: int) -> list[Leaf]:
    return [Leaf(Kind.VERSION, b"%d" % number) for number in numbers]


def indices(registered: list[Registered]) -> list[int]:
    return [each.index for each in registered]


async def test_what_waits_together_goes_together_and_each_gets_its_own() -> None:
    appender = Appender()
    batcher = Batcher(appender.append)
    async with asyncio.TaskGroup() as group:
        first = group.create_task(batcher.append(leaves(1)))
        await appender.started.wait()
        others = [group.create_task(batcher.append(leaves(number, number + 1))) for number in (10, 20, 30)]
        await asyncio.sleep(0)
        appender.release.set()
    assert appender.batches == [1, 6]
    assert indices(first.result()) == [1]
    assert [indices(each.result()) for each in others] == [[10, 11], [20, 21], [30, 31]]


async def test_more_than_one_batch_holds_waits_for_the_next() -> None:
    appender = Appender()
    batcher = Batcher(appender.append)
    large = leaves(*range(SHARED_LEAVES - 1))
    async with asyncio.TaskGroup() as group:
        group.create_task(batcher.append(leaves(1)))
        await appender.started.wait()
        tasks = [group.create_task(batcher.append(each)) for each in (large, leaves(5, 6), leaves(7))]
        await asyncio.sleep(0)
        appender.release.set()
    assert appender.batches == [1, SHARED_LEAVES - 1, 3]
    assert indices(tasks[2].result()) == [7]


async def test_an_error_reaches_every_call_of_the_batch_and_the_next_goes_on() -> None:
    appender = Appender()
    appender.error = LookupError("no")
    appender.release.set()
    batcher = Batcher(appender.append)
    results = await asyncio.gather(*(batcher.append(leaves(each)) for each in (1, 2)), return_exceptions=True)
    assert [type(each) for each in results] == [LookupError, LookupError]
    appender.error = None
    assert indices(await batcher.append(leaves(3))) == [3]


async def test_a_caller_that_goes_away_stops_nobody_else() -> None:
    appender = Appender()
    batcher = Batcher(appender.append)
    leader = asyncio.create_task(batcher.append(leaves(1)))
    await appender.started.wait()
    follower = asyncio.create_task(batcher.append(leaves(2)))
    leader.cancel()
    with pytest.raises(asyncio.CancelledError):
        await leader
    appender.release.set()
    assert indices(await follower) == [2]
