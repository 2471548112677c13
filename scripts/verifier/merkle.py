"""Merkle proofs of RFC 9162, section 2.1: verification only."""

import hashlib
from collections.abc import Sequence

EMPTY_ROOT = hashlib.sha256(b"").digest()


def leaf_hash(data: bytes) -> bytes:
    """Hash of a leaf (section 2.1.1)."""
    return hashlib.sha256(b"\x00" + data).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """Hash of an inner node (section 2.1.1)."""
    return hashlib.sha256(b"\x01" + left + right).digest()


def root_of_proof(leaf: bytes, index: int, size: int, proof: Sequence[bytes]) -> bytes | None:
    """Root that an inclusion proof leads to (section 2.1.3.2); `None`: its length does not fit index and size."""
    if not 0 <= index < size:
        return None
    position, last, root = index, size - 1, leaf
    for sibling in proof:
        if last == 0:
            return None
        if position & 1 or position == last:
            root = node_hash(sibling, root)
            while not position & 1 and position:
                position, last = position >> 1, last >> 1
        else:
            root = node_hash(root, sibling)
        position, last = position >> 1, last >> 1
    return root if last == 0 else None


def is_consistent(first: int, second: int, proof: Sequence[bytes], roots: tuple[bytes, bytes]) -> bool:
    """Whether the proof shows that the tree of `second` extends that of `first` (section 2.1.4.2)."""
    if not 0 < first <= second:
        return False
    if first == second:
        return not proof and roots[0] == roots[1]
    path = [roots[0], *proof] if first & (first - 1) == 0 else list(proof)
    if not path or not proof:
        return False
    position, last = first - 1, second - 1
    while position & 1:
        position, last = position >> 1, last >> 1
    old = new = path[0]
    for sibling in path[1:]:
        if last == 0:
            return False
        if position & 1 or position == last:
            old, new = node_hash(sibling, old), node_hash(sibling, new)
            while not position & 1 and position:
                position, last = position >> 1, last >> 1
        else:
            new = node_hash(new, sibling)
        position, last = position >> 1, last >> 1
    return last == 0 and (old, new) == roots


def roots_within(leaf: bytes, index: int, proof: Sequence[bytes], size: int) -> dict[int, bytes]:
    """Roots of smaller trees that a *verified* inclusion proof also determines, by their size.

    The left siblings on the path are the perfect subtrees before the leaf, and each node of the path covers a range
    from some start on: whenever the path's node is perfect, the leaves up to its end are a tree of their own.
    """
    lefts: list[tuple[int, bytes]] = []  # (first leaf covered, hash), nearest to the leaf first
    path: list[tuple[int, int, bytes, int]] = [(index, index + 1, leaf, 0)]  # start, end, hash, lefts below
    start, end, current = index, index + 1, leaf
    for split_start, split_end, sibling in zip(*_siblings(index, size), proof, strict=True):
        if split_end <= start:
            current = node_hash(sibling, current)
            start = split_start
            lefts.append((split_start, sibling))
        else:
            current = node_hash(current, sibling)
            end = split_end
        path.append((start, end, current, len(lefts)))
    roots: dict[int, bytes] = {}
    for begin, stop, value, below in path:
        roots[stop] = _join([sibling for _, sibling in lefts[below:]], value)
        if begin:
            before = [sibling for _, sibling in lefts[below:]]
            roots[begin] = _join(before[1:], before[0])
    return roots


def _siblings(index: int, size: int) -> tuple[list[int], list[int]]:
    """Ranges that the siblings of an inclusion path cover, from the leaf upwards: starts and ends."""
    ranges: list[tuple[int, int]] = []
    start, end = 0, size
    while end - start > 1:
        split = start + (1 << ((end - start - 1).bit_length() - 1))
        if index < split:
            ranges.append((split, end))
            end = split
        else:
            ranges.append((start, split))
            start = split
    ranges.reverse()
    return [each[0] for each in ranges], [each[1] for each in ranges]


def _join(lefts: Sequence[bytes], right: bytes) -> bytes:
    result = right
    for left in lefts:
        result = node_hash(left, result)
    return result
