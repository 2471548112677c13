"""The Merkle tree of RFC 9162, section 2.1: hashes, which nodes a proof needs, and whether one tree extends another.

Pure arithmetic. A tree is never held whole: a *perfect node* `(level, index)` stands for the `2**level` leaves from
`index << level` on, its hash never changes once they exist, and every hash that a proof or a root needs is folded from
at most `log2(size)` perfect nodes.
"""

import hashlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

HASH_BYTES = 32
EMPTY_ROOT = hashlib.sha256(b"").digest()

Node = tuple[int, int]
Range = tuple[int, int]


def leaf_hash(data: bytes) -> bytes:
    """Hash of a leaf; the prefix keeps leaves and nodes apart (RFC 9162, section 2.1.1)."""
    return hashlib.sha256(b"\x00" + data).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """Hash of an inner node."""
    return hashlib.sha256(b"\x01" + left + right).digest()


def perfect_nodes(start: int, end: int) -> list[Node]:
    """The perfect nodes that cover the leaves `[start, end)`, left to right.

    `start` must be a multiple of the largest power of two below the range's length, as it is for every range that
    the functions below give out; then the nodes shrink from left to right and fold from the right.
    """
    nodes: list[Node] = []
    while start < end:
        level = (end - start).bit_length() - 1
        nodes.append((level, start >> level))
        start += 1 << level
    return nodes


def fold(hashes: Sequence[bytes]) -> bytes:
    """Hash of the range whose perfect nodes have these hashes, left to right; the empty root for none."""
    if not hashes:
        return EMPTY_ROOT
    result = hashes[-1]
    for left in reversed(hashes[:-1]):
        result = node_hash(left, result)
    return result


def inclusion_ranges(index: int, size: int) -> list[Range]:
    """Leaf ranges whose hashes prove leaf `index` in the tree of `size`, from the sibling upwards (section 2.1.3.1)."""
    ranges: list[Range] = []
    start, end = 0, size
    while end - start > 1:
        split = start + (1 << ((end - start - 1).bit_length() - 1))
        if index < split:
            ranges.append((split, end))
            end = split
        else:
            ranges.append((start, split))
            start = split
    return ranges[::-1]


def consistency_ranges(first: int, second: int) -> list[Range]:
    """Leaf ranges whose hashes prove that the tree of `second` extends that of `first` (section 2.1.4.1).

    Needs `0 < first <= second`; equal sizes need no hashes.
    """
    ranges: list[Range] = []
    start, end, known = 0, second, True
    while first != end:
        split = start + (1 << ((end - start - 1).bit_length() - 1))
        if first <= split:
            ranges.append((split, end))
            end = split
        else:
            ranges.append((start, split))
            start, known = split, False
    if not known:
        ranges.append((start, end))
    return ranges[::-1]


def verify_consistency(first: int, second: int, proof: Sequence[bytes], roots: tuple[bytes, bytes]) -> bool:
    """Whether the proof shows that the second tree extends the first (section 2.1.4.2)."""
    if not 0 < first <= second:
        return False
    if first == second:
        return not proof and roots[0] == roots[1]
    if any(len(each) != HASH_BYTES for each in (*roots, *proof)):
        return False
    path = [roots[0], *proof] if first & (first - 1) == 0 else list(proof)
    if not path or not proof:
        return False
    position, last = first - 1, second - 1
    while position & 1:
        position >>= 1
        last >>= 1
    old = new = path[0]
    for sibling in path[1:]:
        if last == 0:
            return False
        if position & 1 or position == last:
            old, new = node_hash(sibling, old), node_hash(sibling, new)
            while not position & 1 and position:
                position >>= 1
                last >>= 1
        else:
            new = node_hash(new, sibling)
        position >>= 1
        last >>= 1
    return last == 0 and (old, new) == roots


@dataclass(slots=True)
class Frontier:
    """The right edge of a growing tree: its size and the hashes of its perfect nodes, left to right.

    Appending needs nothing else, so that its cost does not depend on how much the log already holds.
    """

    size: int
    peaks: list[bytes]

    @classmethod
    def decode(cls, size: int, peaks: bytes) -> "Frontier":
        """Frontier as stored: the peaks' hashes one after another.

        Raises:
            ValueError: the number of peaks is not the number of one-bits of the size.
        """
        if len(peaks) != HASH_BYTES * size.bit_count():
            raise ValueError(f"A tree of {size} leaves has {size.bit_count()} peaks, not {len(peaks)} bytes of them.")
        return cls(size, [peaks[at : at + HASH_BYTES] for at in range(0, len(peaks), HASH_BYTES)])

    def append(self, leaf: bytes) -> Iterator[tuple[Node, bytes]]:
        """Add one leaf; yields every perfect node above leaf level that it completes, lowest first."""
        current, level = leaf, 0
        while self.size >> level & 1:
            current = node_hash(self.peaks.pop(), current)
            level += 1
            yield (level, self.size >> level), current
        self.peaks.append(current)
        self.size += 1

    def root(self) -> bytes:
        """Root of the tree."""
        return fold(self.peaks)

    def encode(self) -> bytes:
        """The peaks as stored."""
        return b"".join(self.peaks)


def range_hashes(ranges: Sequence[Range], lookup: Callable[[Node], bytes]) -> list[bytes]:
    """Hash of each range, its perfect nodes looked up."""
    return [fold([lookup(node) for node in perfect_nodes(*each)]) for each in ranges]
