"""Rows of the log inside one transaction."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

import asyncpg

from ledger.merkle import Node
from ledger.notes import Checkpoint
from ledger.store.queries import load
from ledger.values import Entry, KeyRecord, Kind, Leaf, Purpose, SignedCheckpoint

_SQL = load("log.sql")
TILE_LEVELS = 8
TILE_WIDTH = 1 << TILE_LEVELS


@dataclass(frozen=True, slots=True)
class State:
    """How far the log is: sequenced entries have an index, integrated ones are in the tree."""

    origin: str
    sequenced_size: int
    integrated_size: int
    integrated_peaks: bytes


class LogStore:
    """One method per statement, bound to a connection inside a transaction."""

    def __init__(self, connection: asyncpg.Connection) -> None:
        self._connection = connection

    async def found(self, origin: str) -> State:
        """The log's state, locked; made with this origin if there was none."""
        await self._connection.execute(_SQL["found_log"], origin)
        return await self.lock_state()

    async def lock_state(self) -> State:
        """The state, locked until the transaction ends."""
        return State(**dict(await self._connection.fetchrow(_SQL["lock_state"])))

    async def read_state(self) -> State:
        """The state, not locked."""
        return State(**dict(await self._connection.fetchrow(_SQL["read_state"])))

    async def find(self, hashes: Sequence[bytes]) -> dict[bytes, int]:
        """Index by leaf hash of those that are in the log."""
        rows = await self._connection.fetch(_SQL["find_entries"], hashes)
        return {row["leaf_hash"]: row["idx"] for row in rows}

    async def sequence(self, first: int, leaves: Mapping[bytes, Leaf]) -> None:
        """Give the leaves the indices from `first` on."""
        values = list(leaves.values())
        await self._connection.execute(
            _SQL["insert_entries"],
            list(range(first, first + len(values))),
            list(leaves),
            [leaf.kind.value for leaf in values],
            [leaf.data for leaf in values],
            [leaf.envelope for leaf in values],
        )
        await self._connection.execute(_SQL["set_sequenced"], first + len(values))

    async def leaf_hashes(self, start: int, end: int) -> list[bytes]:
        """Leaf hashes of `[start, end)`, as far as there are entries."""
        return [row[0] for row in await self._connection.fetch(_SQL["leaf_hashes"], start, end)]

    async def integrate(self, size: int, peaks: bytes, subtrees: Mapping[Node, bytes]) -> None:
        """Record the tree of `size`. `subtrees`: the perfect nodes completed by it; tile roots among them are kept."""
        kept = {node: value for node, value in subtrees.items() if node[0] % TILE_LEVELS == 0}
        if kept:
            await self._connection.execute(
                _SQL["insert_subtrees"],
                [level // TILE_LEVELS for level, _ in kept],
                [index for _, index in kept],
                list(kept.values()),
            )
        await self._connection.execute(_SQL["set_integrated"], size, peaks)

    async def tile(self, level: int, index: int) -> list[bytes]:
        """Hashes of the nodes at tree level `8 * level` that tile `index` holds; fewer than 256 at the right edge."""
        start, end = index * TILE_WIDTH, (index + 1) * TILE_WIDTH
        if level == 0:
            return await self.leaf_hashes(start, end)
        return [row[0] for row in await self._connection.fetch(_SQL["subtree_hashes"], level, start, end)]

    async def publish(self, signed: SignedCheckpoint, now: datetime) -> None:
        """Record a signed checkpoint."""
        point = signed.checkpoint
        await self._connection.execute(_SQL["insert_checkpoint"], point.size, point.root, signed.note, now)

    async def last_checkpoint(self, origin: str) -> SignedCheckpoint | None:
        """The newest one; `None` before the first."""
        return _signed(origin, await self._connection.fetchrow(_SQL["last_checkpoint"]))

    async def checkpoint_of_size(self, origin: str, size: int) -> SignedCheckpoint | None:
        """The one of exactly this size, if such was published."""
        return _signed(origin, await self._connection.fetchrow(_SQL["checkpoint_of_size"], size))

    async def first_checkpoint_with(self, origin: str, index: int) -> SignedCheckpoint | None:
        """The first one that holds the entry; `None`: not published yet."""
        return _signed(origin, await self._connection.fetchrow(_SQL["first_checkpoint_with"], index))

    async def entry(self, index: int) -> Entry | None:
        """Entry by index."""
        return _entry(await self._connection.fetchrow(_SQL["entry"], index))

    async def entry_by_hash(self, leaf_hash: bytes) -> Entry | None:
        """Entry by leaf hash."""
        return _entry(await self._connection.fetchrow(_SQL["entry_by_hash"], leaf_hash))

    async def envelopes(self, indices: Sequence[int]) -> dict[int, bytes]:
        """Stored envelopes by index, of those entries that have one."""
        return {row["idx"]: row["envelope"] for row in await self._connection.fetch(_SQL["envelopes"], indices)}

    async def keys(self) -> list[KeyRecord]:
        """Every key that ever was, newest first."""
        return [_key(row) for row in await self._connection.fetch(_SQL["keys"])]

    async def insert_key(self, record: KeyRecord) -> None:
        """Keep a key; one that is known stays as it is."""
        await self._connection.execute(
            _SQL["insert_key"], record.purpose.value, record.keyid, record.public_pem, record.not_before
        )

    async def retire_others(self, purpose: Purpose, keyid: str, not_after: datetime) -> None:
        """End the use of every other key of the purpose."""
        await self._connection.execute(_SQL["retire_others"], purpose.value, keyid, not_after)

    async def revoke(self, purpose: Purpose, keyid: str, now: datetime, size: int) -> bool:
        """Mark a key revoked; `False`: unknown or revoked before."""
        row = await self._connection.fetchrow(_SQL["revoke_key"], purpose.value, keyid, now, size)
        return row is not None


def _signed(origin: str, row: asyncpg.Record | None) -> SignedCheckpoint | None:
    if row is None:
        return None
    return SignedCheckpoint(Checkpoint(origin, row["size"], row["root"]), row["note"])


def _entry(row: asyncpg.Record | None) -> Entry | None:
    if row is None:
        return None
    return Entry(row["idx"], row["leaf_hash"], Kind(row["kind"]), row["data"], row["envelope"], row["registered_at"])


def _key(row: asyncpg.Record) -> KeyRecord:
    return KeyRecord(
        Purpose(row["purpose"]),
        row["keyid"],
        row["public_key"],
        row["not_before"],
        row["not_after"],
        row["revoked_at"],
        row["revoked_at_size"],
    )
