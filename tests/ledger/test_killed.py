"""Ledger processes killed at random under load: no acknowledged entry is lost, none is there twice, nothing forks.

Three rounds by default; `./scripts/test --ledger 100` for the long form.
"""

import asyncio
import json
import os
import random
import time
from dataclasses import dataclass, field
from pathlib import Path

import asyncpg
import httpx
import pytest

from engine.errors import Unavailable
from engine.provenance.ledger_client import LedgerClient, LedgerEntry
from ledger import merkle, notes
from tests.ledger.figures import note
from tests.ledger.processes import LedgerProcess
from tests.ledger.test_app import statement

ROUNDS = int(os.environ.get("LEDGER_KILL_ROUNDS", "3"))
SEED = int(os.environ.get("LEDGER_KILL_SEED", "20261123"))
WRITERS = 6

pytestmark = pytest.mark.processes


@dataclass(slots=True)
class Load:
    """Writers that register batches until told to stop, and repeat what got no answer until it gets one."""

    clients: list[LedgerClient]
    draw: random.Random
    acknowledged: dict[bytes, LedgerEntry] = field(default_factory=dict)
    answers: asyncio.Condition = field(default_factory=asyncio.Condition)
    stopped: bool = False
    number: int = 0

    async def write(self) -> None:
        while not self.stopped:
            batch = [statement(self.number + at) for at in range(self.draw.randint(1, 5))]
            self.number += len(batch)
            entries = await self._until_answered(batch)
            async with self.answers:
                for payload, entry in zip(batch, entries, strict=True):
                    self.acknowledged[payload] = entry
                self.answers.notify_all()

    async def _until_answered(self, batch: list[bytes]) -> list[LedgerEntry]:
        while True:
            try:
                return await self.draw.choice(self.clients).register_executions(batch)
            except Unavailable as exc:
                if exc.code not in ("ledger.unavailable", "dependency.unavailable"):
                    raise
                await asyncio.sleep(0.01)  # the process is being started again

    async def more(self, count: int) -> None:
        wanted = len(self.acknowledged) + count
        async with self.answers:
            await self.answers.wait_for(lambda: len(self.acknowledged) >= wanted)


async def test_killed_at_random_under_load(empty_database_url: str, tmp_path: Path) -> None:
    began = time.monotonic()
    draw = random.Random(SEED)  # noqa: S311  a seeded choice of moments
    processes = [LedgerProcess(empty_database_url, tmp_path) for _ in range(2)]
    load = Load([LedgerClient.connect(each.url, "service-token", timeout_s=10) for each in processes], draw)
    with httpx.Client() as client:
        try:
            for process in processes:
                process.start()
                await asyncio.to_thread(process.wait_ready, client)
            async with asyncio.TaskGroup() as group:
                for _ in range(WRITERS):
                    group.create_task(load.write())
                for _ in range(ROUNDS):
                    await load.more(draw.randint(5, 40))
                    await asyncio.sleep(draw.random() / 50)  # somewhere inside of an append
                    victim = draw.choice(processes)
                    victim.kill()
                    victim.start()
                    await asyncio.to_thread(victim.wait_ready, client)
                await load.more(20)
                load.stopped = True
        finally:
            for process in processes:
                process.kill()
            for ledger_client in load.clients:
                await ledger_client.close()
    entries, checkpoints = await check(empty_database_url, load.acknowledged)
    seconds = round(time.monotonic() - began)
    note("six writers, two ledger processes", kills=ROUNDS, entries=entries, checkpoints=checkpoints, seconds=seconds)


async def check(url: str, acknowledged: dict[bytes, LedgerEntry]) -> tuple[int, int]:
    """Hold the whole log against its checkpoints and what was answered. Returns how many of both there are."""
    connection = await asyncpg.connect(url)
    rows = await connection.fetch("SELECT idx, leaf_hash, data FROM ledger.entries ORDER BY idx")
    points = await connection.fetch("SELECT size, root, note FROM ledger.checkpoints ORDER BY size")
    await connection.close()
    assert [row["idx"] for row in rows] == list(range(len(rows)))
    assert len({row["data"] for row in rows}) == len(rows)
    frontier, roots = merkle.Frontier(0, []), {0: merkle.EMPTY_ROOT}
    for row in rows:
        assert row["leaf_hash"] == merkle.leaf_hash(row["data"])
        list(frontier.append(row["leaf_hash"]))
        roots[frontier.size] = frontier.root()
    assert all(roots[point["size"]] == point["root"] for point in points)
    stored = {point["note"] for point in points}
    for payload, entry in acknowledged.items():
        note = entry.proof.partition("\n\n")[2]
        point = notes.parse_checkpoint(note.partition("\n\n")[0] + "\n")
        assert rows[entry.index]["data"] == payload
        assert json.loads(entry.envelope or "")["payloadType"] == "application/vnd.in-toto+json"
        assert note in stored
        assert roots[point.size] == point.root
    return len(rows), len(points)


async def test_a_process_stops_on_sigterm_and_goes_on_where_it_was(empty_database_url: str, tmp_path: Path) -> None:
    process = LedgerProcess(empty_database_url, tmp_path)
    client = LedgerClient.connect(process.url, "service-token")
    codes = []
    with httpx.Client() as probe:
        for number in range(2):
            process.start()
            await asyncio.to_thread(process.wait_ready, probe)
            [entry] = await client.register_executions([statement(number)])
            assert entry.index == number
            codes.append(process.stop())
    await client.close()
    assert codes == [0, 0]
