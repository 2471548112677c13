"""Hashes of the stored tree: loads the few tiles that a set of proofs needs and folds them."""

from collections.abc import Iterable, Sequence

from ledger.errors import HistoryLost
from ledger.merkle import (
    Node,
    Range,
    consistency_ranges,
    fold,
    inclusion_ranges,
    node_hash,
    perfect_nodes,
    range_hashes,
    verify_consistency,
)
from ledger.notes import Checkpoint
from ledger.store.log import TILE_LEVELS, LogStore

_Tile = tuple[int, int]


class Tree:
    """A reader of one transaction. Tiles are read once each; a proof touches at most one per eight levels and side."""

    def __init__(self, store: LogStore) -> None:
        self._store = store
        self._nodes: dict[Node, bytes] = {}
        self._loaded: set[_Tile] = set()

    async def inclusion(self, indices: Sequence[int], size: int) -> list[list[bytes]]:
        """Proofs of the entries in the tree of `size`, from the leaf's sibling upwards."""
        ranges = [inclusion_ranges(index, size) for index in indices]
        await self._load(each for proof in ranges for each in proof)
        return [range_hashes(proof, self._lookup) for proof in ranges]

    async def consistency(self, first: int, second: int) -> list[bytes]:
        """Proof that the tree of `second` extends that of `first`; both above zero."""
        ranges = consistency_ranges(first, second)
        await self._load(ranges)
        return range_hashes(ranges, self._lookup)

    async def root(self, size: int) -> bytes:
        """Root of the tree of the first `size` entries."""
        await self._load([(0, size)])
        return fold([self._lookup(node) for node in perfect_nodes(0, size)])

    async def extends(self, earlier: Checkpoint, size: int, root: bytes) -> bool:
        """Whether the stored hashes prove that the tree of this size and root extends the earlier checkpoint."""
        if earlier.size == 0:
            return True
        if earlier.size > size:
            return False
        proof = await self.consistency(earlier.size, size)
        return verify_consistency(earlier.size, size, proof, (earlier.root, root))

    async def _load(self, ranges: Iterable[Range]) -> None:
        wanted = {_tile_of(node) for each in ranges for node in perfect_nodes(*each)}
        for level, index in sorted(wanted - self._loaded):
            row = await self._store.tile(level, index)
            start, height = index << TILE_LEVELS, level * TILE_LEVELS
            while row:
                self._nodes.update({(height, start + at): value for at, value in enumerate(row)})
                row = [node_hash(row[at], row[at + 1]) for at in range(0, len(row) - 1, 2)]
                start, height = start >> 1, height + 1
                if height - level * TILE_LEVELS == TILE_LEVELS:
                    break
            self._loaded.add((level, index))

    def _lookup(self, node: Node) -> bytes:
        try:
            return self._nodes[node]
        except KeyError:
            raise HistoryLost(f"The stored tree lacks the node {node[1]} of level {node[0]}.") from None


def _tile_of(node: Node) -> _Tile:
    level, index = node
    tile_level = level // TILE_LEVELS
    return tile_level, (index << (level - tile_level * TILE_LEVELS)) >> TILE_LEVELS
