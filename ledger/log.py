"""The append-only log: three durable stages, each a transaction under the lock of the log's state.

1. *sequenced*: the leaf has its index, which is final.
2. *integrated*: the tree of that size is recorded.
3. *published*: its checkpoint is signed, kept outside of the database, and recorded.

A crash between any two leaves work that the next append, or the next start, takes up; every stage works on all that
is pending, whoever left it. A checkpoint is signed only if the stored hashes prove that it extends the last one
recorded *and* the last one that this data folder remembers.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import datetime

from ledger.errors import HistoryLost, Malformed, NotFound, Unavailable
from ledger.keys import Keyring, PrivateKeys
from ledger.merkle import Frontier, Node
from ledger.notes import Checkpoint, proof_text, sign
from ledger.store.database import Database
from ledger.store.log import LogStore, State
from ledger.tree import Tree
from ledger.values import Entry, InclusionProof, KeyRecord, Leaf, Registered, SignedCheckpoint
from ledger.witness import Witness

Now = Callable[[], datetime]
CrashPoint = Callable[[str], Awaitable[None]]


async def no_crash(_point: str) -> None:
    """The crash point of production: nothing happens."""


class Log:
    """The log of one database. Any number of processes may append to it."""

    def __init__(
        self,
        database: Database,
        private: PrivateKeys,
        witness: Witness,
        now: Now,
        *,
        crash_point: CrashPoint = no_crash,
    ) -> None:
        self._database = database
        self._private = private
        self._witness = witness
        self._now = now
        self._crash_point = crash_point

    async def keyring(self) -> Keyring:
        """The recorded keys as they are now, with the private ones at hand."""
        async with self._database.transaction() as connection:
            return Keyring(await LogStore(connection).keys(), self._private)

    async def record_key(self, record: KeyRecord, *, retire_others_at: datetime | None = None) -> None:
        """Keep a key; others of its purpose end at the instant given."""
        async with self._database.transaction() as connection:
            store = LogStore(connection)
            await store.lock_state()
            await store.insert_key(record)
            if retire_others_at is not None:
                await store.retire_others(record.purpose, record.keyid, retire_others_at)

    async def revoke_key(self, record: KeyRecord, at_size: int) -> bool:
        """Mark the key revoked from this tree size on; `False`: it was before."""
        async with self._database.transaction() as connection:
            return await LogStore(connection).revoke(record.purpose, record.keyid, self._now(), at_size)

    async def append(self, leaves: Sequence[Leaf]) -> list[Registered]:
        """Register the leaves as one batch, under one checkpoint; each that is known keeps its entry.

        Raises:
            HistoryLost: the database does not hold what was signed; nothing was appended, or what was is not signed.
            Unavailable: the database did not answer. What was sequenced stays, and the same call again finds it.
        """
        by_hash = {leaf.hash: leaf for leaf in leaves}
        indices, known = await self._sequence(by_hash)
        await self._crash_point("sequenced")
        origin = (await self.settle()).checkpoint.origin
        async with self._database.transaction() as connection:
            store = LogStore(connection)
            envelopes = {indices[each]: leaf.envelope for each, leaf in by_hash.items()}
            if known:  # the envelope of then, not the one that came with this call
                stored = await store.envelopes([indices[each] for each in known])
                envelopes.update({indices[each]: stored.get(indices[each]) for each in known})
            proofs = await _prove(store, origin, sorted(indices.values()))
        return [
            Registered(indices[each], each, each in known, proofs[indices[each]], envelopes[indices[each]])
            for each in (leaf.hash for leaf in leaves)
        ]

    async def settle(self) -> SignedCheckpoint:
        """Integrate and publish whatever is pending; the newest checkpoint."""
        await self._integrate()
        await self._crash_point("integrated")
        return await self._publish()

    async def _sequence(self, leaves: Mapping[bytes, Leaf]) -> tuple[dict[bytes, int], set[bytes]]:
        """Index the leaves that are new; answers the index of each, and which were known."""
        async with self._database.transaction() as connection:
            store = LogStore(connection)
            state = await store.lock_state()
            await self._check_history(store, state)
            indices = await store.find(list(leaves))
            known = set(indices)
            fresh = {each: leaf for each, leaf in leaves.items() if each not in known}
            if fresh:
                await store.sequence(state.sequenced_size, fresh)
            indices.update({each: state.sequenced_size + at for at, each in enumerate(fresh)})
            await self._crash_point("sequencing")
        return indices, known

    async def _integrate(self) -> None:
        async with self._database.transaction() as connection:
            store = LogStore(connection)
            state = await store.lock_state()
            if state.integrated_size == state.sequenced_size:
                return
            hashes = await store.leaf_hashes(state.integrated_size, state.sequenced_size)
            if len(hashes) != state.sequenced_size - state.integrated_size:
                raise HistoryLost("The database lacks entries that were given an index.")
            frontier = Frontier.decode(state.integrated_size, state.integrated_peaks)
            completed: dict[Node, bytes] = {}
            for each in hashes:
                completed.update(dict(frontier.append(each)))
            await store.integrate(frontier.size, frontier.encode(), completed)
            await self._crash_point("integrating")

    async def _publish(self) -> SignedCheckpoint:
        async with self._database.transaction() as connection:
            store = LogStore(connection)
            state = await store.lock_state()
            last = await self._check_history(store, state)
            if last is not None and last.checkpoint.size == state.integrated_size:
                return last
            frontier = Frontier.decode(state.integrated_size, state.integrated_peaks)
            checkpoint = Checkpoint(state.origin, frontier.size, frontier.root())
            if last is not None and not await Tree(store).extends(last.checkpoint, frontier.size, frontier.root()):
                raise _lost(last.checkpoint, state)
            now = self._now()
            ring = Keyring(await store.keys(), self._private)
            signed = SignedCheckpoint(checkpoint, sign(checkpoint.body(), ring.log_signers(state.origin, now)))
            self._witness.write(signed.note)
            await self._crash_point("signed")
            await store.publish(signed, now)
        await self._crash_point("published")
        return signed

    async def check_history(self) -> None:
        """Compare the database with what was signed.

        Raises:
            HistoryLost: it does not hold that.
        """
        async with self._database.transaction() as connection:
            store = LogStore(connection)
            await self._check_history(store, await store.lock_state())

    async def _check_history(self, store: LogStore, state: State) -> SignedCheckpoint | None:
        """Hold the database against the witness; answers the last recorded checkpoint.

        Usually the two are the same and nothing is computed. The witness is ahead after a crash between signing and
        recording, and behind when another process has signed since.
        """
        last = await store.last_checkpoint(state.origin)
        seen = self._witness.read()
        if seen is None or (last is not None and seen == last.checkpoint):
            return last
        if seen.origin != state.origin:
            raise HistoryLost(f"The database holds the log {state.origin}; the last checkpoint was of {seen.origin}.")
        if last is not None and last.checkpoint.size >= seen.size:
            target = last.checkpoint
        else:
            frontier = Frontier.decode(state.integrated_size, state.integrated_peaks)
            target = Checkpoint(state.origin, frontier.size, frontier.root())
        if not await Tree(store).extends(seen, target.size, target.root):
            raise _lost(seen, state)
        if last is not None and target == last.checkpoint:
            self._witness.write(last.note)
        return last

    async def entry(self, index: int) -> Entry:
        """A published entry.

        Raises:
            NotFound: no checkpoint holds such an index yet.
        """
        async with self._database.transaction() as connection:
            entry = await LogStore(connection).entry(index)
            if entry is None or index >= (await self._latest(LogStore(connection))).checkpoint.size:
                raise NotFound(f"The log has no entry {index}.")
            return entry

    async def latest(self) -> SignedCheckpoint:
        """The newest checkpoint."""
        async with self._database.transaction() as connection:
            return await self._latest(LogStore(connection))

    async def _latest(self, store: LogStore) -> SignedCheckpoint:
        found = await store.last_checkpoint((await store.read_state()).origin)
        if found is None:
            raise Unavailable("No checkpoint was published yet.")
        return found

    async def inclusion(self, wanted: int | bytes, size: int | None) -> InclusionProof:
        """Proof of an entry, by index or leaf hash, in the tree of `size` (the newest checkpoint's if absent).

        Raises:
            NotFound: no such entry, or the tree of that size does not hold it or was not reached yet.
        """
        async with self._database.transaction() as connection:
            store = LogStore(connection)
            latest = (await self._latest(store)).checkpoint
            size = latest.size if size is None else size
            entry = await (store.entry(wanted) if isinstance(wanted, int) else store.entry_by_hash(wanted))
            if entry is None or not entry.index < size <= latest.size:
                raise NotFound(f"The tree of size {size} does not hold that entry, or is not published.")
            tree = Tree(store)
            [hashes] = await tree.inclusion([entry.index], size)
            point = await store.checkpoint_of_size(latest.origin, size)
            text = None if point is None else proof_text(entry.index, hashes, point.note)
            return InclusionProof(entry.index, size, entry.leaf_hash, hashes, await tree.root(size), text)

    async def consistency(self, first: int, second: int | None) -> tuple[int, list[bytes]]:
        """Second size (the newest checkpoint's if absent) and the proof that its tree extends that of `first`.

        Raises:
            Malformed: a size that is not above zero, or the second below the first.
            NotFound: the log has not grown to the size yet.
        """
        if first < 1 or (second is not None and second < 1):
            raise Malformed("A consistency proof is between two sizes above zero: every log extends the empty one.")
        if second is not None and second < first:
            raise Malformed(f"'second' ({second}) is smaller than 'first' ({first}); a log only grows.")
        async with self._database.transaction() as connection:
            store = LogStore(connection)
            latest = (await self._latest(store)).checkpoint
            second = latest.size if second is None else second
            if max(first, second) > latest.size:
                raise NotFound(f"The log has no size {max(first, second)} yet; its newest is {latest.size}.")
            return second, await Tree(store).consistency(first, second)


async def _prove(store: LogStore, origin: str, indices: Sequence[int]) -> dict[int, str]:
    """Proofs of published entries, in rising order, each against the first checkpoint that holds it."""
    tree = Tree(store)
    texts: dict[int, str] = {}
    pending = list(indices)
    while pending:
        signed = await store.first_checkpoint_with(origin, pending[0])
        if signed is None:
            raise HistoryLost(f"Entry {pending[0]} was appended and is in no checkpoint.")
        held = [index for index in pending if index < signed.checkpoint.size]
        pending = pending[len(held) :]
        proofs = await tree.inclusion(held, signed.checkpoint.size)
        texts.update({index: proof_text(index, proof, signed.note) for index, proof in zip(held, proofs, strict=True)})
    return texts


def _lost(earlier: Checkpoint, state: State) -> HistoryLost:
    return HistoryLost(
        f"A checkpoint of size {earlier.size} was signed, and the database, which holds {state.integrated_size} "
        "entries, does not extend it. It was restored from an older backup or changed; nothing is appended or signed "
        "until a database that holds those entries is back."
    )
