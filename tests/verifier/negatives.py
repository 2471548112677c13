"""Bundles with one defect each, named after it, and the reason for which each must be refused.

`python -m tests.verifier.negatives FOLDER` writes them as files, with the trust to judge them by and `expected.json`.
"""

import gzip
import json
import sys
import tarfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from ledger import dsse
from ledger.keys import public_pem
from scripts.verifier.archive import MEMBER_LIMIT
from tests.verifier.bundles import (
    EVIDENCE_KEY,
    EVIDENCE_KEYID,
    EXECUTION,
    FOREIGN_KEY,
    OTHER,
    Entry,
    MemoryLog,
    entries,
    log_vkey,
    made,
    resummed,
    tar,
)

GOOD = made()
EXECUTION_PROOF, VERSION_PROOF = "ledger/execution.tlog-proof", "ledger/version.tlog-proof"
ENVELOPE = "attestation.dsse.json"


@dataclass(frozen=True, slots=True)
class Negative:
    """How to build the file, and a part of the reason that the verifier must give."""

    build: Callable[[], bytes]
    reason: str


def packed(archive: bytes) -> bytes:
    return gzip.compress(archive, mtime=0)


def with_members(changes: Mapping[str, bytes | None]) -> bytes:
    """The good bundle with members set or, for `None`, left out; the sums are made right again."""
    members = {name: content for name, content in {**GOOD.members, **changes}.items() if content is not None}
    return packed(tar(entries(resummed(members))))


def with_entry(name: str = f"evidence-{EXECUTION}/steps.jsonl", **changes: object) -> bytes:
    """The good bundle with one entry of the archive replaced, or added, in its place."""
    listed = [each for each in entries(GOOD.members) if each.name != name]
    listed.append(replace(Entry(name, b""), **changes))  # type: ignore[arg-type]  # a few fields, by name
    return packed(tar(sorted(listed, key=lambda each: each.name)))


def exchanged(one: str, two: str) -> bytes:
    return with_members({one: GOOD.members[two], two: GOOD.members[one]})


def on_checkpoint(size: int) -> bytes:
    """The execution's proof with an older, rightly signed checkpoint under it."""
    text = GOOD.members[EXECUTION_PROOF].decode().partition("\n\n")[0]
    return with_members({EXECUTION_PROOF: f"{text}\n\n{GOOD.log.checkpoint(size)}".encode()})


def forked() -> MemoryLog:
    """A second history under the same key: the same version entry, others before it."""
    fork = MemoryLog()
    for number in range(5):
        fork.append(b"other %d" % number)
    fork.append(GOOD.members["version-manifest.json"])
    return fork


def signed_by_foreign_key_in_trusted_name() -> bytes:
    envelope = json.loads(made(signers=[FOREIGN_KEY]).members[ENVELOPE])
    envelope["signatures"][0]["keyid"] = EVIDENCE_KEYID
    return with_members({ENVELOPE: json.dumps(envelope).encode()})


def attesting(old: str, new: str) -> bytes:
    return packed(tar(entries(made(changes={old: new}).members)))


FOREIGN_PEM = public_pem(FOREIGN_KEY.public_key()).encode()
STEPS = GOOD.members["steps.jsonl"]

NEGATIVES: dict[str, Negative] = {
    "changed-steps": Negative(
        lambda: with_members({"steps.jsonl": STEPS.replace(b"triage", b"triagE")}), "attested is"
    ),
    "dropped-steps": Negative(lambda: with_members({"steps.jsonl": None}), "'steps.jsonl' is missing"),
    "added-member": Negative(lambda: with_members({"extra.json": b"{}"}), "'extra.json' is unknown"),
    "added-key": Negative(
        lambda: with_members({f"keys/{dsse.keyid(FOREIGN_KEY.public_key())}.pem": FOREIGN_PEM}),
        "not those of the envelope's signatures",
    ),
    "key-under-wrong-name": Negative(
        lambda: with_members({f"keys/{EVIDENCE_KEYID}.pem": FOREIGN_PEM}), f"keys/{EVIDENCE_KEYID}.pem holds the key"
    ),
    "renamed-member": Negative(
        lambda: with_members({"steps.jsonl": None, "steps2.jsonl": STEPS}), "differ in 'steps.jsonl'"
    ),
    "swapped-members": Negative(
        lambda: exchanged("human-tasks.jsonl", "policy-decisions.jsonl"), "'human-tasks.jsonl' has the SHA-256"
    ),
    "swapped-proofs": Negative(lambda: exchanged(EXECUTION_PROOF, VERSION_PROOF), "does not lead from its leaf"),
    "wrong-sums": Negative(
        lambda: packed(tar(entries({**GOOD.members, "SHA256SUMS": b"\n"}))), "malformed or repeated line"
    ),
    "symlink": Negative(lambda: with_entry(kind=tarfile.SYMTYPE, link="/etc/passwd"), "is a symbolic link"),
    "hard-link": Negative(lambda: with_entry(kind=tarfile.LNKTYPE, link="SHA256SUMS"), "is a hard link"),
    "directory": Negative(lambda: with_entry(kind=tarfile.DIRTYPE), "is a directory"),
    "device": Negative(lambda: with_entry(kind=tarfile.CHRTYPE), "is a character device"),
    "named-pipe": Negative(lambda: with_entry(kind=tarfile.FIFOTYPE), "is a named pipe"),
    "absolute-name": Negative(lambda: with_entry("/etc/passwd"), "is not inside of one folder"),
    "traversal": Negative(lambda: with_entry(f"evidence-{EXECUTION}/../../x"), "is not inside of one folder"),
    "outside-folder": Negative(lambda: with_entry("steps.jsonl"), "is not inside of one folder"),
    "two-folders": Negative(lambda: with_entry(f"evidence-{OTHER}/steps.jsonl"), "is in another folder"),
    "executable": Negative(lambda: with_entry(mode=0o755), "has not mode 0644"),
    "other-time": Negative(lambda: with_entry(mtime=1), "has another time"),
    "large-member": Negative(
        lambda: with_entry(f"evidence-{EXECUTION}/x", content=bytes(17 << 20)), "at most 16777216"
    ),
    "duplicate": Negative(
        lambda: packed(tar(sorted(entries(GOOD.members) * 2, key=lambda each: each.name))), "is there twice"
    ),
    "unsorted": Negative(lambda: packed(tar(entries(GOOD.members)[::-1])), "not sorted by name"),
    "too-many-members": Negative(
        lambda: packed(tar([Entry(f"evidence-{EXECUTION}/{number:03}") for number in range(MEMBER_LIMIT + 1)])),
        f"more than {MEMBER_LIMIT} members",
    ),
    "pax-format": Negative(
        lambda: packed(tar([Entry(f"evidence-{EXECUTION}/\xe9")], tarfile.PAX_FORMAT)), "of an unknown type"
    ),
    "gnu-format": Negative(lambda: packed(tar(entries(GOOD.members), tarfile.GNU_FORMAT)), "not in USTAR format"),
    "empty": Negative(lambda: packed(bytes(10_240)), "'steps.jsonl' is missing"),
    "cut-short": Negative(lambda: packed(tar(entries(GOOD.members))[:5_000]), "The archive is cut short"),
    "bytes-behind-archive": Negative(
        lambda: packed(tar(entries(GOOD.members)) + b"x" * 512), "behind the archive's end"
    ),
    "second-archive": Negative(lambda: packed(tar(entries(GOOD.members)) * 2), "behind the archive's end"),
    "second-gzip-stream": Negative(lambda: packed(tar(entries(GOOD.members))) * 2, "behind the end of the gzip stream"),
    "foreign-signer": Negative(
        lambda: packed(tar(entries(made(signers=[FOREIGN_KEY]).members))), "signed by no trusted key"
    ),
    "foreign-signature-in-trusted-name": Negative(signed_by_foreign_key_in_trusted_name, "does not verify"),
    "foreign-log-key": Negative(
        lambda: packed(tar(entries(made(log=MemoryLog(FOREIGN_KEY)).members))), "no signature of a trusted log key"
    ),
    "other-log": Negative(
        lambda: packed(tar(entries(made(log=MemoryLog(origin="other.test")).members))),
        "no signature of a trusted log key",
    ),
    "truncated-log": Negative(lambda: on_checkpoint(7), "is for entry 7 of a log of 7"),
    "rolled-back-checkpoint": Negative(lambda: on_checkpoint(8), "does not lead from its leaf"),
    "forked-log": Negative(lambda: with_members({VERSION_PROOF: forked().proof(5)}), "the log was forked"),
    "wrong-index": Negative(
        lambda: with_members({EXECUTION_PROOF: GOOD.members[EXECUTION_PROOF].replace(b"index 7", b"index 6")}),
        "does not lead from its leaf",
    ),
    "attested-unfinished": Negative(lambda: attesting('"status":"completed"', '"status":"running"'), "not final"),
    "attested-other-tenant": Negative(
        lambda: attesting('"tenant":"default"', '"tenant":"another"'), "the manifest says 'default'"
    ),
    "attested-other-version": Negative(
        lambda: attesting('"version":"1.2.0"', '"version":"1.2.1"'), "the manifest says '1.2.0'"
    ),
    "attested-more-decisions": Negative(
        lambda: attesting('"decisions":2', '"decisions":3'), "policy.decisions 3, the member 2 lines"
    ),
    "attested-fewer-tasks": Negative(
        lambda: attesting('"humanTasks":1', '"humanTasks":0'), "counts.humanTasks 0, the member 1 lines"
    ),
    "attested-other-end": Negative(
        lambda: attesting('"finishedAt":"2026-01-05', '"finishedAt":"2026-01-06'), "time is not the execution's end"
    ),
    "attested-odd-time": Negative(
        lambda: attesting("2026-01-05T09:30:15.250Z", "2026-01-05 09:30:15.250Z"), "not an instant"
    ),
    "attested-other-definition": Negative(
        lambda: attesting('"contentHash":"sha256:', '"contentHash":"sha256:0'), "definition.json says"
    ),
    "other-statement-type": Negative(
        lambda: attesting("in-toto.io/Statement/v1", "in-toto.io/Statement/v0"), "_type is not"
    ),
    "other-predicate-type": Negative(
        lambda: attesting("attestation:execution:v1", "attestation:execution:v2"), "predicateType is not"
    ),
    "subject-twice": Negative(lambda: attesting('"name":"steps.jsonl"', '"name":"execution.json"'), "or one twice"),
    "member-twice-in-statement": Negative(
        lambda: attesting('{"_type"', '{"_type":"x","_type"'), "a member stands twice"
    ),
}


def write_all(folder: Path) -> None:
    """Every negative as a file, the good bundle beside them, the trust, and what is expected."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "good.tar.gz").write_bytes(packed(tar(entries(GOOD.members))))
    for name, negative in NEGATIVES.items():
        (folder / f"{name}.tar.gz").write_bytes(negative.build())
    (folder / "trusted.pem").write_text(public_pem(EVIDENCE_KEY.public_key()))
    (folder / "log.vkey").write_text(f"{log_vkey()}\n")
    expected = {f"{name}.tar.gz": negative.reason for name, negative in NEGATIVES.items()}
    (folder / "expected.json").write_text(json.dumps(expected, indent=2) + "\n")


if __name__ == "__main__":
    write_all(Path(sys.argv[1]))
