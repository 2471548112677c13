"""Every way to spoil a bundle is refused, with the reason that fits."""

import gzip
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
from ledger.keys import public_pem
from scripts.verifier.archive import MEMBER_LIMIT, UNPACKED_LIMIT
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
    Entry,
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


def trusted(*keys: Ed25519PrivateKey) -> tuple[TrustedKey, ...]:
    return tuple(TrustedKey(dsse.keyid(key.public_key()), key.public_key()) for key in keys)


TRUST = Trust(trusted(EVIDENCE_KEY), (LogKey.parse(str(log_vkey())),), "test")
GOOD = made()


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


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("extra.json", "'extra.json' is unknown"),
        ("ledger/other.tlog-proof", "'ledger/other.tlog-proof' is unknown"),
        ("keys/readme.txt", "'keys/readme.txt' is unknown"),
        ("Steps.jsonl", "'Steps.jsonl' is unknown"),
    ],
)
def test_an_added_member_is_refused(tmp_path: Path, name: str, reason: str) -> None:
    refused(of_members(tmp_path, resummed({**GOOD.members, name: b"x"})), reason)


def test_an_added_key_is_refused(tmp_path: Path) -> None:
    public = FOREIGN_KEY.public_key()
    members = resummed({**GOOD.members, f"keys/{dsse.keyid(public)}.pem": public_pem(public).encode()})
    refused(of_members(tmp_path, members), "not those of the envelope's signatures")


def test_a_bundled_key_under_another_name_is_refused(tmp_path: Path) -> None:
    members = resummed({**GOOD.members, f"keys/{EVIDENCE_KEYID}.pem": public_pem(FOREIGN_KEY.public_key()).encode()})
    refused(of_members(tmp_path, members), f"keys/{EVIDENCE_KEYID}.pem holds the key")


def test_a_renamed_member_is_refused(tmp_path: Path) -> None:
    members = dict(GOOD.members)
    members["steps2.jsonl"] = members.pop("steps.jsonl")
    report = of_members(tmp_path, resummed(members))
    refused(report, "'steps2.jsonl' is unknown")
    refused(report, "'steps.jsonl' is missing")
    refused(report, "subjects and the data members differ in 'steps.jsonl'")


def test_two_members_swapped_are_refused(tmp_path: Path) -> None:
    one, two = "human-tasks.jsonl", "policy-decisions.jsonl"
    members = {**GOOD.members, one: GOOD.members[two], two: GOOD.members[one]}
    report = of_members(tmp_path, resummed(members))
    for name in (one, two):
        refused(report, f"The member '{name}' has the SHA-256")


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


def test_both_proofs_exchanged_are_refused(tmp_path: Path) -> None:
    one, two = "ledger/execution.tlog-proof", "ledger/version.tlog-proof"
    members = resummed({**GOOD.members, one: GOOD.members[two], two: GOOD.members[one]})
    report = of_members(tmp_path, members)
    for name in (one, two):
        refused(report, f"{name} does not lead from its leaf")


def entry(name: str = f"evidence-{EXECUTION}/steps.jsonl", **changes: object) -> list[Entry]:
    listed = [each for each in entries(GOOD.members) if each.name != name]
    return sorted([*listed, replace(Entry(name, b""), **changes)], key=lambda each: each.name)  # type: ignore[arg-type]  # a few fields


ARCHIVES: dict[str, tuple[Callable[[], bytes], str]] = {
    "symlink": (lambda: tar(entry(kind=tarfile.SYMTYPE, link="/etc/passwd")), "is a symbolic link"),
    "hard link": (lambda: tar(entry(kind=tarfile.LNKTYPE, link="SHA256SUMS")), "is a hard link"),
    "directory": (lambda: tar(entry(kind=tarfile.DIRTYPE)), "is a directory"),
    "device": (lambda: tar(entry(kind=tarfile.CHRTYPE)), "is a character device"),
    "pipe": (lambda: tar(entry(kind=tarfile.FIFOTYPE)), "is a named pipe"),
    "absolute": (lambda: tar(entry("/etc/passwd")), "is not inside of one folder"),
    "traversal": (lambda: tar(entry(f"evidence-{EXECUTION}/../../x")), "is not inside of one folder"),
    "no folder": (lambda: tar(entry("steps.jsonl")), "is not inside of one folder"),
    "two folders": (lambda: tar(entry(f"evidence-{OTHER}/steps.jsonl")), "is in another folder"),
    "executable": (lambda: tar(entry(mode=0o755)), "has not mode 0644"),
    "other time": (lambda: tar(entry(mtime=1)), "has another time"),
    "duplicate": (lambda: tar(sorted([*entries(GOOD.members)] * 2, key=lambda each: each.name)), "is there twice"),
    "unsorted": (lambda: tar(entries(GOOD.members)[::-1]), "not sorted by name"),
    "too many": (
        lambda: tar([Entry(f"evidence-{EXECUTION}/{number:03}") for number in range(MEMBER_LIMIT + 1)]),
        f"more than {MEMBER_LIMIT} members",
    ),
    "pax": (lambda: tar([Entry(f"evidence-{EXECUTION}/\xe9")], tarfile.PAX_FORMAT), "of an unknown type"),
    "gnu": (lambda: tar(entries(GOOD.members), tarfile.GNU_FORMAT), "not in USTAR format"),
    "empty": (lambda: bytes(10_240), "'steps.jsonl' is missing"),
    "cut short": (lambda: tar(entries(GOOD.members))[:5_000], "The archive is cut short"),
    "no end": (lambda: tar(entries(GOOD.members)).rstrip(b"\0") + bytes(400), "cut short"),
    "appended": (lambda: tar(entries(GOOD.members)) + b"x" * 512, "behind the archive's end"),
    "second archive": (lambda: tar(entries(GOOD.members)) * 2, "behind the archive's end"),
    "large member": (lambda: tar(entry(f"evidence-{EXECUTION}/x", content=bytes(17 << 20))), "at most 16777216"),
}


@pytest.mark.parametrize("defect", ARCHIVES)
def test_a_spoiled_archive_is_refused(tmp_path: Path, defect: str) -> None:
    build, reason = ARCHIVES[defect]
    refused(judged(tmp_path, gzip.compress(build(), mtime=0)), reason)


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
        (lambda data: data[:4] + b"\x01" + data[5:], "carries a name, a time"),
        (lambda data: data[:3] + b"\x08" + data[4:10] + b"name\0" + data[10:], "carries a name, a time"),
        (lambda _: b"", "not gzip"),
    ],
)
def test_a_spoiled_gzip_stream_is_refused(tmp_path: Path, spoil: Callable[[bytes], bytes], reason: str) -> None:
    refused(judged(tmp_path, spoil(gzip.compress(tar(entries(GOOD.members)), mtime=0))), reason)


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


def test_a_foreign_signer_is_refused(tmp_path: Path) -> None:
    bundle = made(signers=[FOREIGN_KEY])
    refused(of_members(tmp_path, bundle.members), "signed by no trusted key")


def test_a_foreign_signature_under_the_trusted_name_is_refused(tmp_path: Path) -> None:
    envelope = json.loads(made(signers=[FOREIGN_KEY]).members["attestation.dsse.json"])
    envelope["signatures"][0]["keyid"] = EVIDENCE_KEYID
    members = resummed({**GOOD.members, "attestation.dsse.json": json.dumps(envelope).encode()})
    refused(of_members(tmp_path, members), f"signature of key {EVIDENCE_KEYID} does not verify")


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


def test_a_checkpoint_of_a_foreign_log_key_is_refused(tmp_path: Path) -> None:
    bundle = made(log=MemoryLog(FOREIGN_KEY))
    refused(of_members(tmp_path, bundle.members), "no signature of a trusted log key")


def test_a_log_under_another_name_is_refused(tmp_path: Path) -> None:
    bundle = made(log=MemoryLog(origin="other.test"))
    refused(of_members(tmp_path, bundle.members), "no signature of a trusted log key")


def test_a_truncated_log_is_refused(tmp_path: Path) -> None:
    text = GOOD.members["ledger/execution.tlog-proof"].decode().partition("\n\n")[0]
    proof = f"{text}\n\n{GOOD.log.checkpoint(7)}".encode()
    members = resummed({**GOOD.members, "ledger/execution.tlog-proof": proof})
    refused(of_members(tmp_path, members), "is for entry 7 of a log of 7")


def test_a_checkpoint_rolled_back_behind_the_proof_is_refused(tmp_path: Path) -> None:
    text = GOOD.members["ledger/execution.tlog-proof"].decode().partition("\n\n")[0]
    proof = f"{text}\n\n{GOOD.log.checkpoint(8)}".encode()
    members = resummed({**GOOD.members, "ledger/execution.tlog-proof": proof})
    refused(of_members(tmp_path, members), "does not lead from its leaf")


def test_another_index_with_the_same_hashes_is_refused(tmp_path: Path) -> None:
    proof = GOOD.members["ledger/execution.tlog-proof"].replace(b"index 7", b"index 6")
    members = resummed({**GOOD.members, "ledger/execution.tlog-proof": proof})
    refused(of_members(tmp_path, members), "does not lead from its leaf")


def forked() -> tuple[MemoryLog, bytes]:
    """A second history of the same log: the same version entry, other entries around it, and a proof of it there."""
    fork = MemoryLog()
    for number in range(5):
        fork.append(b"other %d" % number)
    index = fork.append(GOOD.members["version-manifest.json"])
    return fork, fork.proof(index)


def test_two_histories_in_one_bundle_are_refused(tmp_path: Path) -> None:
    members = resummed({**GOOD.members, "ledger/version.tlog-proof": forked()[1]})
    refused(of_members(tmp_path, members), "the log was forked")


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
    refused(of_members(tmp_path, GOOD.members, since=seen(forked()[0], 6)), "forked or rolled back")


def test_a_rolled_back_log_contradicts_what_was_seen(tmp_path: Path) -> None:
    fork, _ = forked()
    for number in range(10):
        fork.append(b"more %d" % number)
    report = of_members(tmp_path, GOOD.members, since=seen(fork, 16, second=9))
    refused(report, "does not extend the one of size")


def test_a_checkpoint_seen_before_must_be_signed_too(tmp_path: Path) -> None:
    foreign = MemoryLog(FOREIGN_KEY)
    foreign.append(b"x")
    refused(of_members(tmp_path, GOOD.members, since=seen(foreign, 1)), "the checkpoint seen before has no signature")


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        ('"status":"completed"', '"status":"running"', "not final"),
        ('"tenant":"default"', '"tenant":"another"', "the manifest says 'default'"),
        ('"version":"1.2.0"', '"version":"1.2.1"', "the manifest says '1.2.0'"),
        ('"decisions":2', '"decisions":3', "policy.decisions 3, the member 2 lines"),
        ('"humanTasks":1', '"humanTasks":0', "counts.humanTasks 0, the member 1 lines"),
        ('"finishedAt":"2026-01-05', '"finishedAt":"2026-01-06', "time is not the execution's end"),
        ("2026-01-05T09:30:15.250Z", "2026-01-05 09:30:15.250Z", "not an instant"),
        ('"sha256:', '"sha256:0', "definition.json says"),
        ("in-toto.io/Statement/v1", "in-toto.io/Statement/v0", "_type is not"),
        ("attestation:execution:v1", "attestation:execution:v2", "predicateType is not"),
        ('"name":"steps.jsonl"', '"name":"execution.json"', "or one twice"),
    ],
)
def test_a_signed_story_that_does_not_fit_is_refused(tmp_path: Path, old: str, new: str, reason: str) -> None:
    """What even the holder of the key cannot pass off: the Statement is signed and logged, and says something else."""
    refused(of_members(tmp_path, made(changes={old: new}).members), reason)


def test_a_statement_with_a_member_twice_is_refused(tmp_path: Path) -> None:
    bundle = made(changes={'{"_type"': '{"_type":"x","_type"'})
    refused(of_members(tmp_path, bundle.members), "a member stands twice")


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
