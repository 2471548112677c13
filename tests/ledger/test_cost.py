"""Appending and proving cost the same however long the log is: counted in hashes read, not in seconds.

`./scripts/test --ledger 100` shows it up to a million entries, with times: docs/ledger-rounds.md.
"""

import os
import time
from collections.abc import Sequence

import asyncpg
import pytest

from ledger.store.database import Database
from ledger.store.log import TILE_WIDTH, LogStore
from ledger.store.queries import load
from ledger.values import Kind, Leaf
from tests.ledger.conftest import Opener
from tests.ledger.figures import note


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


READS = {
    "find_entries": "NULL",
    "leaf_hashes": "0, 256",
    "subtree_hashes": "1, 0, 256",
    "last_checkpoint": "",
    "checkpoint_of_size": "1",
    "first_checkpoint_with": "1",
    "entry": "1",
    "entry_by_hash": "NULL",
    "envelopes": "NULL",
}


async def test_no_plan_made_on_a_short_log_scans_it(opener: Opener, empty_database_url: str) -> None:
    """A generic plan is cached with the first calls, when scanning a short table looks cheapest."""
    statements = load("log.sql")
    async with opener() as ledger:
        await ledger.log.append(leaves(range(3)))
        owner = await asyncpg.connect(empty_database_url)
        await owner.execute("ANALYZE ledger.entries, ledger.checkpoints, ledger.subtrees")
        await owner.close()
        database = await Database.open(empty_database_url, pool_size=1)
        async with database.transaction() as connection:
            await connection.execute("SET LOCAL plan_cache_mode = force_generic_plan")
            for name, arguments in READS.items():
                await connection.execute(f"PREPARE {name} AS {statements[name]}")
                called = f"{name}({arguments})" if arguments else name
                plan = await connection.fetch(f"EXPLAIN EXECUTE {called}")
                assert "Seq Scan" not in "".join(row[0] for row in plan), name
        await database.close()


SIZES = [int(size) for size in os.environ.get("LEDGER_COST_SIZES", "300,1300,10300").split(",")]
SAMPLES = 20


async def test_what_is_read_does_not_grow_with_the_log(opener: Opener, monkeypatch: pytest.MonkeyPatch) -> None:
    counting = Counting(monkeypatch)
    async with opener() as ledger:
        size = 0
        for target in SIZES:
            while size < target:
                batch = leaves(range(size, min(size + 5_000, target)))
                await ledger.log.append(batch)
                size += len(batch)
            most = 0
            started = time.perf_counter()
            for _ in range(SAMPLES):
                counting.taken()
                await ledger.log.append(leaves([size]))
                size += 1
                calls, hashes = counting.taken()
                assert calls <= 6  # the right edge: for the check of the history, and for the proof
                assert hashes <= 6 * TILE_WIDTH
                most = max(most, hashes)
            appended = time.perf_counter()
            for sample in range(SAMPLES):
                await ledger.log.inclusion(sample * (target // SAMPLES), None)
                calls, hashes = counting.taken()
                assert calls <= 6
                assert hashes <= 6 * TILE_WIDTH
                most = max(most, hashes)
            append_ms = round((appended - started) * 1_000 / SAMPLES, 1)
            proof_ms = round((time.perf_counter() - appended) * 1_000 / SAMPLES, 1)
            note("cost", entries=target, append_ms=append_ms, proof_ms=proof_ms, hashes=most)
