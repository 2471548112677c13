import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger import merkle
from scripts.verifier.merkle import root_of_proof

CASES = json.loads((Path(__file__).parent / "data" / "merkle-proof-cases.json").read_text())
LEAVES = [
    bytes.fromhex(text)
    for text in ("", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f")
]
ROOTS = {
    0: "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    1: "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    2: "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    3: "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    5: "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    7: "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    8: "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
}


def tree_hash(leaves: list[bytes]) -> bytes:
    """The definition of RFC 9162, section 2.1.1, word for word: the oracle for everything else."""
    if not leaves:
        return merkle.EMPTY_ROOT
    if len(leaves) == 1:
        return merkle.leaf_hash(leaves[0])
    split = 1 << ((len(leaves) - 1).bit_length() - 1)
    return merkle.node_hash(tree_hash(leaves[:split]), tree_hash(leaves[split:]))


def grown(leaves: list[bytes]) -> tuple[merkle.Frontier, dict[merkle.Node, bytes]]:
    frontier = merkle.Frontier(0, [])
    nodes = {}
    for at, data in enumerate(leaves):
        nodes[0, at] = merkle.leaf_hash(data)
        nodes.update(dict(frontier.append(nodes[0, at])))
    return frontier, nodes


@pytest.mark.parametrize(("size", "root"), ROOTS.items())
def test_published_roots(size: int, root: str) -> None:
    assert grown(LEAVES[:size])[0].root().hex() == root
    assert tree_hash(LEAVES[:size]).hex() == root


def test_all_published_proof_cases_are_here() -> None:
    assert len(CASES["inclusion"]) + len(CASES["consistency"]) == 196
    assert sum(case["valid"] for case in CASES["inclusion"] + CASES["consistency"]) == 12


@pytest.mark.parametrize("case", CASES["consistency"], ids=lambda case: case["case"])
def test_published_consistency_cases(case: dict) -> None:  # type: ignore[type-arg]  # rows of a data file
    proof = [bytes.fromhex(each) for each in case["proof"]]
    roots = (bytes.fromhex(case["roots"][0]), bytes.fromhex(case["roots"][1]))
    assert merkle.verify_consistency(case["first"], case["second"], proof, roots) is case["valid"]


@given(st.lists(st.binary(max_size=4), max_size=70), st.data())
def test_every_proof_that_we_make_verifies_and_no_other(leaves: list[bytes], data: st.DataObject) -> None:
    frontier, nodes = grown(leaves)
    size = len(leaves)
    root = tree_hash(leaves)
    assert frontier.root() == root
    assert merkle.Frontier.decode(size, frontier.encode()).root() == root
    if not size:
        return
    index = data.draw(st.integers(0, size - 1))
    proof = merkle.range_hashes(merkle.inclusion_ranges(index, size), nodes.__getitem__)
    assert root_of_proof(nodes[0, index], index, size, proof) == root
    if proof:
        assert root_of_proof(nodes[0, index], index, size, proof[:-1]) != root
    assert root_of_proof(nodes[0, index], index, size, [*proof, root]) != root
    first = data.draw(st.integers(1, size))
    proof = merkle.range_hashes(merkle.consistency_ranges(first, size), nodes.__getitem__)
    older = tree_hash(leaves[:first])
    assert merkle.verify_consistency(first, size, proof, (older, root))
    if first != size:
        assert not merkle.verify_consistency(first, size, proof, (root, root))


def test_a_frontier_with_the_wrong_number_of_peaks_is_refused() -> None:
    with pytest.raises(ValueError, match="has 2 peaks"):
        merkle.Frontier.decode(3, b"\0" * 32)
