"""Appending and proving cost the same however long the log is: counted in rows read, not in seconds."""

from collections.abc import Sequence

import pytest

from ledger.store.log import TILE_WIDTH, LogStore
from ledger.values import Kind, Leaf
from tests.ledger.conftest import Opener


class Counting:
    """Counts the hashes that the store reads."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.hashes = self.calls = 0
        original = LogStore.tile

        async def tile(store: LogStore, level: int, index: int) -> list[bytes]:
            found = await original(store, level, index)
            self.hashes += len(found)
            self.calls += 1
            return found

        monkeypatch.setattr(LogStore, "tile", tile)

    def taken(self) -> tuple[int, int]:
        result = self.calls, self.hashes
        self.hashes = self.calls = 0
        return result


def leaves(numbers: Sequence[int]) -> list[Leaf]:
    return [Leaf(Kind.VERSION, b"%d" % number) for number in numbers]


async def test_the_rows_read_do_not_grow_with_the_log(opener: Opener, monkeypatch: pytest.MonkeyPatch) -> None:
    counting = Counting(monkeypatch)
    async with opener() as ledger:
        size = 0
        for target in (300, 1_300, 20_300):
            while size < target:
                batch = leaves(range(size, min(size + 5_000, target)))
                await ledger.log.append(batch)
                size += len(batch)
            counting.taken()
            await ledger.log.append(leaves([target]))
            size += 1
            calls, hashes = counting.taken()
            assert calls <= 5  # the right edge, for the check of the history and for the proof
            assert hashes <= 5 * TILE_WIDTH
            await ledger.log.inclusion(17, None)
            calls, hashes = counting.taken()
            assert calls <= 4
            assert hashes <= 4 * TILE_WIDTH
