"""Every way to spoil a bundle is refused, with the reason that fits."""

import gzip
import io
import json
import tarfile
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_public_key

from ledger import dsse, merkle
from scripts.verifier.archive import UNPACKED_LIMIT
from scripts.verifier.notes import Checkpoint, LogKey
from scripts.verifier.reasons import Report, Verdict
from scripts.verifier.trust import Trust, TrustedKey
from scripts.verifier.verify import Since, verify
from tests.verifier.bundles import (
    EVIDENCE_KEY,
    EVIDENCE_KEYID,
    EXECUTION,
    FINISHED,
    FOREIGN_KEY,
    LOG_KEY,
    OTHER,
    Made,
    MemoryLog,
    entries,
    log_vkey,
    made,
    private,
    resummed,
    tar,
    unpack,
    write,
)
from tests.verifier.negatives import GOOD, NEGATIVES, forked, write_all


def trusted(*keys: Ed25519PrivateKey) -> tuple[TrustedKey, ...]:
    return tuple(TrustedKey(dsse.keyid(key.public_key()), key.public_key()) for key in keys)


TRUST = Trust(trusted(EVIDENCE_KEY), (LogKey.parse(str(log_vkey())),), "test")


def judged(folder: Path, packed: bytes, trust: Trust = TRUST, since: Since | None = None) -> Report:
    return verify(write(folder, packed), trust, since)


def of_members(folder: Path, members: dict[str, bytes], trust: Trust = TRUST, since: Since | None = None) -> Report:
    return judged(folder, gzip.compress(tar(entries(members)), mtime=0), trust, since)


def reasons(report: Report) -> list[str]:
    return [finding.message for finding in report.findings if finding.verdict != Verdict.VALID]


def refused(report: Report, reason: str) -> None:
    assert report.verdict == Verdict.INVALID
    assert any(reason in each for each in reasons(report)), reasons(report)


def test_a_good_bundle_passes_every_step(tmp_path: Path) -> None:
    report = of_members(tmp_path, GOOD.members)
    assert reasons(report) == []
    assert {finding.step for finding in report.findings} == {1, 2, 3, 4, 5, 6, 7, 8, 9}


@pytest.mark.parametrize("name", sorted(GOOD.members))
@pytest.mark.parametrize("place", [0, 0.5, 1])
def test_a_flipped_byte_in_any_member_is_refused(tmp_path: Path, name: str, place: float) -> None:
    content = bytearray(GOOD.members[name])
    content[int(place * (len(content) - 1))] ^= 1
    members = {**GOOD.members, name: bytes(content)}
    assert of_members(tmp_path, members).verdict == Verdict.INVALID
    if name != "SHA256SUMS":  # which is a convenience: a forger repairs it, and must be found out all the same
        report = of_members(tmp_path, resummed(members))
        assert report.verdict == Verdict.INVALID
        assert not any("SHA256SUMS" in each for each in reasons(report))


@pytest.mark.parametrize("name", sorted(GOOD.members))
def test_a_dropped_member_is_refused(tmp_path: Path, name: str) -> None:
    members = {key: value for key, value in GOOD.members.items() if key != name}
    report = of_members(tmp_path, members if name == "SHA256SUMS" else resummed(members))
    refused(report, "There is no member keys/" if name.startswith("keys/") else f"The member '{name}' is missing")


@pytest.mark.parametrize("defect", NEGATIVES)
def test_a_bundle_with_one_defect_is_refused_for_it(tmp_path: Path, defect: str) -> None:
    refused(judged(tmp_path, NEGATIVES[defect].build(GOOD)), NEGATIVES[defect].reason_of(GOOD))


def test_the_script_writes_every_negative_with_what_is_expected(tmp_path: Path) -> None:
    write_all(tmp_path)
    expected = json.loads((tmp_path / "expected.json").read_text())
    files = {file.name for file in tmp_path.glob("*.tar.gz")}
    assert files == {"good.tar.gz", *expected}
    assert verify(tmp_path / "good.tar.gz", TRUST).verdict == Verdict.VALID
    refused(verify(tmp_path / "forked-log.tar.gz", TRUST), expected["forked-log.tar.gz"])


@pytest.fixture(scope="module")
def siblings() -> tuple[Made, Made]:
    """Two executions in one log."""
    log = MemoryLog()
    return made(EXECUTION, log), made(OTHER, log)


@pytest.mark.parametrize(
    ("names", "reason"),
    [
        (["ledger/execution.tlog-proof"], "does not lead from its leaf"),
        (["execution.json"], "attested is"),
        (["attestation.dsse.json"], "attested is"),
        (["attestation.dsse.json", "ledger/execution.tlog-proof"], "The member 'execution.json' has the SHA-256"),
        (["attestation.dsse.json", "ledger/execution.tlog-proof", "execution.json"], "the folder's name says"),
    ],
)
def test_parts_of_another_execution_are_refused(
    tmp_path: Path, siblings: tuple[Made, Made], names: list[str], reason: str
) -> None:
    mine, theirs = siblings
    members = {**mine.members, **{name: theirs.members[name] for name in names}}
    refused(of_members(tmp_path, resummed(members)), reason)


def test_a_header_with_a_wrong_checksum_is_refused(tmp_path: Path) -> None:
    data = bytearray(tar(entries(GOOD.members)))
    data[20] ^= 1
    refused(judged(tmp_path, gzip.compress(bytes(data), mtime=0)), "checksum is wrong")


def test_padding_that_hides_something_is_refused(tmp_path: Path) -> None:
    data = bytearray(tar(entries(GOOD.members)))
    data[512 + len(GOOD.members["SHA256SUMS"])] = 1
    refused(judged(tmp_path, gzip.compress(bytes(data), mtime=0)), "padding behind 'SHA256SUMS'")


@pytest.mark.parametrize(
    ("spoil", "reason"),
    [
        (lambda data: b"PK" + data, "not gzip"),
        (lambda data: data[:-20], "cut short"),
        (lambda data: data[:100], "cut short"),
        (lambda data: data[:-8] + bytes(4) + data[-4:], "incorrect data check"),
        (lambda data: data + b"x", "behind the end of the gzip stream"),
        (lambda data: data + data, "behind the end of the gzip stream"),
        (lambda _: b"", "not gzip"),
    ],
)
def test_a_spoiled_gzip_stream_is_refused(tmp_path: Path, spoil: Callable[[bytes], bytes], reason: str) -> None:
    refused(judged(tmp_path, spoil(gzip.compress(tar(entries(GOOD.members)), mtime=0))), reason)


@pytest.mark.parametrize(
    "repack",
    [
        lambda data: gzip.compress(data, 1),
        lambda data: gzip.compress(data, 9, mtime=1_700_000_000),
        lambda data: named("evidence.tar", data),
    ],
)
def test_how_the_same_archive_is_packed_says_nothing(tmp_path: Path, repack: Callable[[bytes], bytes]) -> None:
    assert judged(tmp_path, repack(tar(entries(GOOD.members)))).verdict is Verdict.VALID


def named(name: str, data: bytes) -> bytes:
    packed = io.BytesIO()
    with gzip.GzipFile(name, "wb", fileobj=packed) as out:
        out.write(data)
    return packed.getvalue()


def test_a_bomb_is_given_up_at_the_limit(tmp_path: Path) -> None:
    info = tarfile.TarInfo(f"evidence-{EXECUTION}/steps.jsonl")
    info.size, info.mtime = UNPACKED_LIMIT - 1024, int(FINISHED.timestamp())
    header = info.tobuf(tarfile.USTAR_FORMAT)
    file = tmp_path / "bomb.tar.gz"
    with file.open("wb") as raw, gzip.GzipFile("", "wb", mtime=0, fileobj=raw) as out:
        out.write(header)
        for _ in range(UNPACKED_LIMIT >> 20):
            out.write(bytes(1 << 20))
    assert file.stat().st_size < 1 << 20
    refused(verify(file, TRUST), f"unpacks to more than {UNPACKED_LIMIT} bytes")


def test_a_claimed_size_beyond_the_limit_is_refused_at_once(tmp_path: Path) -> None:
    info = tarfile.TarInfo(f"evidence-{EXECUTION}/steps.jsonl")
    info.size = UNPACKED_LIMIT * 20
    refused(judged(tmp_path, gzip.compress(info.tobuf(tarfile.USTAR_FORMAT), mtime=0)), "claims 5368709120 bytes")


def test_one_trusted_signature_of_two_suffices(tmp_path: Path) -> None:
    bundle = made(signers=[FOREIGN_KEY, EVIDENCE_KEY])
    assert reasons(of_members(tmp_path, bundle.members)) == []


@pytest.mark.parametrize(
    ("changes", "valid"),
    [
        ({"revoked_at": FINISHED, "revoked_at_size": 7}, False),
        ({"revoked_at": FINISHED, "revoked_at_size": 8}, True),
        ({"revoked_at": FINISHED}, False),
        ({"not_after": FINISHED - timedelta(seconds=1)}, False),
        ({"not_after": FINISHED}, True),
    ],
)
def test_a_revoked_or_expired_key_counts_only_for_what_was_before(
    tmp_path: Path, changes: dict[str, object], *, valid: bool
) -> None:
    [key] = trusted(EVIDENCE_KEY)
    trust = replace(TRUST, keys=(replace(key, **changes),))  # type: ignore[arg-type]  # a few fields
    report = of_members(tmp_path, GOOD.members, trust)
    assert report.verdict == (Verdict.VALID if valid else Verdict.INVALID)
    if not valid:
        refused(report, "had expired" if "not_after" in changes else "was revoked before the log held")


def seen(log: MemoryLog, size: int, *, second: int | None = None) -> Since:
    point = Checkpoint.parse(log.checkpoint(size), "seen")
    hashes = None if second is None else tuple(log.consistency(min(size, second), max(size, second)))
    return Since(point, hashes)


@pytest.mark.parametrize("size", [0, 4, 6, 7, 8, 9])
def test_an_older_checkpoint_that_the_proof_reaches_is_confirmed(tmp_path: Path, size: int) -> None:
    report = of_members(tmp_path, GOOD.members, since=seen(GOOD.log, size))
    assert reasons(report) == []
    assert 10 in {finding.step for finding in report.findings}


@pytest.mark.parametrize("size", [3, 5, 12])
def test_other_checkpoints_need_a_consistency_proof(tmp_path: Path, size: int) -> None:
    bundle = made()
    for _ in range(3):
        bundle.log.append(b"later")
    bare = of_members(tmp_path, bundle.members, since=seen(bundle.log, size))
    assert bare.verdict == Verdict.UNKNOWN
    first, second = sorted((size, 9))
    assert f"/proof/consistency?first={first}&second={second}" in reasons(bare)[0]
    assert reasons(of_members(tmp_path, bundle.members, since=seen(bundle.log, size, second=9))) == []
    wrong = seen(bundle.log, size, second=10)
    refused(of_members(tmp_path, bundle.members, since=wrong), "does not extend the one of size")


def test_a_forked_log_contradicts_what_was_seen(tmp_path: Path) -> None:
    refused(of_members(tmp_path, GOOD.members, since=seen(forked(GOOD), 6)), "forked or rolled back")


def test_a_rolled_back_log_contradicts_what_was_seen(tmp_path: Path) -> None:
    fork = forked(GOOD)
    for number in range(10):
        fork.append(b"more %d" % number)
    report = of_members(tmp_path, GOOD.members, since=seen(fork, 16, second=9))
    refused(report, "does not extend the one of size")


def test_a_checkpoint_seen_before_must_be_signed_too(tmp_path: Path) -> None:
    foreign = MemoryLog(FOREIGN_KEY)
    foreign.append(b"x")
    refused(of_members(tmp_path, GOOD.members, since=seen(foreign, 1)), "the checkpoint seen before has no signature")


def test_without_trusted_keys_it_cannot_tell_but_still_finds_what_is_wrong(tmp_path: Path) -> None:
    report = of_members(tmp_path, GOOD.members, Trust())
    assert report.verdict == Verdict.UNKNOWN
    assert reasons(report)[0] == "cannot tell: no trusted keys; give --keys"
    assert {f.step for f in report.findings if f.verdict == Verdict.VALID} == {1, 2, 3, 5, 6}
    members = resummed({**GOOD.members, "steps.jsonl": b""})
    refused(of_members(tmp_path, members, Trust()), "The member 'steps.jsonl' has the SHA-256")
    envelope = GOOD.members["attestation.dsse.json"].replace(b'"sig":"', b'"sig":"AAAA')
    members = resummed({**GOOD.members, "attestation.dsse.json": envelope})
    refused(of_members(tmp_path, members, Trust()), f"signature of key {EVIDENCE_KEYID} does not verify")


def test_every_reason_is_listed(tmp_path: Path) -> None:
    members = {**GOOD.members, "steps.jsonl": b"", "extra": b""}
    del members["ledger/version.tlog-proof"]
    report = of_members(tmp_path, members, replace(TRUST, keys=trusted(FOREIGN_KEY)))
    for reason in ("'extra' is unknown", "proof' is missing", "SHA256SUMS is wrong", "no trusted key", "attested is"):
        refused(report, reason)


def test_the_readers_agree_with_each_other() -> None:
    """The builder's members come out of the writer as they went in, with the standard library's reader."""
    assert unpack(gzip.compress(tar(entries(GOOD.members)))) == GOOD.members
    assert load_pem_public_key(GOOD.members[f"keys/{EVIDENCE_KEYID}.pem"]) == EVIDENCE_KEY.public_key()
    assert merkle.leaf_hash(GOOD.members["version-manifest.json"]) in GOOD.log.leaves
    assert private(b"l").public_key() == LOG_KEY.public_key()
