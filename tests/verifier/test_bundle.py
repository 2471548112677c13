import gzip
import hashlib
import json
from collections.abc import AsyncIterator
from contextlib import closing

import pytest

from engine.provenance.bundle import Seal, bundle_chunks, data_members
from engine.provenance.members import Row, object_line, rows_member
from engine.provenance.statement import ENTRY_LIMIT_BYTES
from tests.verifier.bundles import (
    DEFINITION,
    DISCLOSURE,
    EXECUTION,
    FINISHED,
    ShowUpTo,
    assembled,
    entries,
    made,
    rows,
    source,
    statement,
    tar,
    unpack,
)

SEAL = Seal(b"{}", b"proof", b"proof", {"ab" * 32: b"pem"})


def packed() -> bytes:
    with closing(assembled()) as data:
        return b"".join(bundle_chunks(EXECUTION, FINISHED, data.members, SEAL))


def test_two_exports_have_the_same_bytes() -> None:
    assert packed() == packed()


def test_the_archive_is_plain_ustar_in_plain_gzip() -> None:
    data = packed()
    assert data[:8] == b"\x1f\x8b\x08\0\0\0\0\0"
    members = unpack(data)
    assert list(members) == sorted(members)
    assert gzip.decompress(data) == tar(entries(members))


def test_the_members_are_those_of_the_standard_and_the_statement_names_the_data() -> None:
    bundle = made()
    with closing(assembled()) as members:
        payload = json.loads(statement(members).payload())
    data = ["definition.json", "execution.json", "human-tasks.jsonl", "policy-decisions.jsonl", "steps.jsonl"]
    data.append("version-manifest.json")
    assert [each["name"] for each in payload["subject"]] == data
    for each in payload["subject"]:
        assert each["digest"]["sha256"] == hashlib.sha256(bundle.members[each["name"]]).hexdigest()
    others = {"SHA256SUMS", "attestation.dsse.json", "ledger/execution.tlog-proof", "ledger/version.tlog-proof"}
    assert {name for name in bundle.members if not name.startswith("keys/")} == {*data, *others}
    assert bundle.members["definition.json"] == DEFINITION


def test_masked_payloads_leave_their_digest_and_never_their_content() -> None:
    steps = made().members["steps.jsonl"]
    first = json.loads(steps.splitlines()[0])
    stored = b'{"token": "hunter2"}'
    assert first == {
        "input": None,
        "output": {"bytes": len(stored), "withheld": "masked"},
        "outputDigest": f"sha256:{hashlib.sha256(stored).hexdigest()}",
        "seq": 0,
        "stepId": "triage",
    }
    assert b"hunter2" not in packed()


def test_large_payloads_stand_by_digest() -> None:
    line = object_line("steps", Row({}, {"output": b'"' + b"x" * 100 + b'"'}), ShowUpTo(limit_bytes=64))
    assert json.loads(line)["output"] == {"withheld": "large", "bytes": 102}


async def test_a_long_member_is_spilled_and_comes_in_pieces() -> None:
    value = b'"' + b"x" * 40_000 + b'"'
    member = await rows_member("steps.jsonl", rows(*[Row({}, {"output": value})] * 50), ShowUpTo())
    assert member.size > 1 << 20
    assert max(map(len, member.chunks())) == 1 << 16
    assert hashlib.sha256(b"".join(member.chunks())).hexdigest() == member.sha256
    member.close()


async def test_a_failing_row_leaves_nothing_open() -> None:
    async def broken() -> AsyncIterator[Row]:
        yield Row({})
        raise LookupError

    with pytest.raises(LookupError):
        await rows_member("steps.jsonl", broken(), ShowUpTo())


async def test_the_same_rows_give_the_same_members() -> None:
    with closing(await data_members(source(), DISCLOSURE)) as one, closing(assembled()) as two:
        assert [each.sha256 for each in one.members] == [each.sha256 for each in two.members]


def test_a_statement_beyond_an_entry_is_refused() -> None:
    with closing(assembled()) as data:
        long = statement(data, execution_id="x" * ENTRY_LIMIT_BYTES)
    with pytest.raises(ValueError, match="the log takes 65535"):
        long.payload()
