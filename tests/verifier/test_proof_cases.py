"""The verifier's own arithmetic against the published proof cases, and against the ledger's."""

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger import merkle as writing
from scripts.verifier import merkle
from tests.verifier.bundles import MemoryLog

CASES = json.loads((Path(__file__).parents[1] / "ledger" / "data" / "merkle-proof-cases.json").read_text())
HASH_BYTES = 32


@pytest.mark.parametrize("case", CASES["inclusion"], ids=lambda case: case["case"])
def test_published_inclusion_cases(case: dict) -> None:  # type: ignore[type-arg]  # rows of a data file
    proof = [bytes.fromhex(each) for each in case["proof"]]
    leaf, root = bytes.fromhex(case["leafHash"]), bytes.fromhex(case["root"])
    if len(leaf) == len(root) == HASH_BYTES:  # shorter ones cannot be written in the text form
        assert (merkle.root_of_proof(leaf, case["index"], case["size"], proof) == root) is case["valid"]
    else:
        assert case["valid"] is False


@pytest.mark.parametrize("case", CASES["consistency"], ids=lambda case: case["case"])
def test_published_consistency_cases(case: dict) -> None:  # type: ignore[type-arg]  # rows of a data file
    proof = [bytes.fromhex(each) for each in case["proof"]]
    roots = (bytes.fromhex(case["roots"][0]), bytes.fromhex(case["roots"][1]))
    assert merkle.is_consistent(case["first"], case["second"], proof, roots) is case["valid"]


@given(st.integers(1, 80), st.data())
def test_every_root_that_a_proof_determines_is_the_right_one(size: int, data: st.DataObject) -> None:
    log = MemoryLog()
    for number in range(size):
        log.append(b"%d" % number)
    index = data.draw(st.integers(0, size - 1))
    proof = writing.range_hashes(writing.inclusion_ranges(index, size), log.nodes.__getitem__)
    leaf = log.nodes[0, index]
    roots = merkle.roots_within(leaf, index, proof, size)
    assert {index + 1, size} <= roots.keys() <= set(range(1, size + 1))
    assert index == 0 or index in roots
    for smaller, root in roots.items():
        assert root == writing.fold([log.nodes[node] for node in writing.perfect_nodes(0, smaller)])
