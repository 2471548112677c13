"""Bundles with one defect each, named after it, and the reason for which each must be refused.

Each is made of a good bundle, whoever made that: the tests spoil the builder's, and one that the product has exported.
`python -m tests.verifier.negatives FOLDER` writes them as files, with the trust to judge them by and `expected.json`.
"""

import gzip
import json
import sys
import tarfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from ledger import dsse, merkle
from ledger.keys import public_pem
from scripts.verifier.archive import MEMBER_LIMIT
from tests.verifier.bundles import (
    FOREIGN_KEY,
    OTHER,
    Entry,
    Made,
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
FOREIGN_KEYID = dsse.keyid(FOREIGN_KEY.public_key())
FOREIGN_PEM = public_pem(FOREIGN_KEY.public_key()).encode()


@dataclass(frozen=True, slots=True)
class Negative:
    """How to spoil a good bundle, and a part of the reason that the verifier must give."""

    build: Callable[[Made], bytes]
    reason: str | Callable[[Made], str]

    def reason_of(self, good: Made) -> str:
        return self.reason if isinstance(self.reason, str) else self.reason(good)


def packed(archive: bytes) -> bytes:
    return gzip.compress(archive, mtime=0)


def listed(good: Made, members: Mapping[str, bytes] | None = None) -> list[Entry]:
    return entries(good.members if members is None else members, good.execution_id, good.mtime)


def of_members(good: Made, members: Mapping[str, bytes]) -> bytes:
    return packed(tar(listed(good, members)))


def with_members(changes: Mapping[str, bytes | None], good: Made) -> bytes:
    """The bundle with members set or, for `None`, left out; the sums are made right again."""
    members = {name: content for name, content in {**good.members, **changes}.items() if content is not None}
    return of_members(good, resummed(members))


def with_entry(name: str = "evidence-{id}/steps.jsonl", **changes: object) -> Callable[[Made], bytes]:
    """The bundle with one entry of the archive replaced, or added, in its place."""

    def build(good: Made) -> bytes:
        full = name.format(id=good.execution_id)
        others = [each for each in listed(good) if each.name != full]
        others.append(replace(Entry(full, b"", mtime=good.mtime), **changes))  # type: ignore[arg-type]  # a few fields
        return packed(tar(sorted(others, key=lambda each: each.name)))

    return build


def exchanged(one: str, two: str) -> Callable[[Made], bytes]:
    return lambda good: with_members({one: good.members[two], two: good.members[one]}, good)


def on_checkpoint(good: Made, size: int) -> bytes:
    """The execution's proof with an older, rightly signed checkpoint under it."""
    text = good.members[EXECUTION_PROOF].decode().partition("\n\n")[0]
    return with_members({EXECUTION_PROOF: f"{text}\n\n{good.log.checkpoint(size)}".encode()}, good)


def of_the_next_entry(good: Made) -> bytes:
    """The execution's proof, as if it were about the entry behind."""
    index, _ = good.proved("execution")
    return good.members[EXECUTION_PROOF].replace(b"index %d" % index, b"index %d" % (index + 1))


def forked(good: Made) -> MemoryLog:
    """A second history under the same key: the same version entry, others around it."""
    fork = MemoryLog(good.log.key, good.log.origin)
    index, size = good.proved("version")
    for number in range(size):
        fork.append(good.members["version-manifest.json"] if number == index else b"other %d" % number)
    return fork


def forged(
    good: Made,
    payload: bytes | None = None,
    signers: Sequence[Ed25519PrivateKey] = (),
    log: MemoryLog | None = None,
) -> dict[str, bytes]:
    """Members as somebody makes them who holds every key: another Statement, signed, logged and proved."""
    payload, signers = payload or good.payload, signers or (good.key,)
    log = log or MemoryLog(good.log.key, good.log.origin)
    index, size = good.proved("execution")
    for number, leaf in enumerate(good.log.leaves[:size]):
        log.append_hash(merkle.leaf_hash(payload) if number == index else leaf)
    kept = {name: content for name, content in good.members.items() if not name.startswith("keys/")}
    keys = {f"keys/{dsse.keyid(key.public_key())}.pem": public_pem(key.public_key()).encode() for key in signers}
    return resummed(
        kept
        | keys
        | {
            ENVELOPE: dsse.envelope(dsse.STATEMENT_TYPE, payload, signers),
            EXECUTION_PROOF: log.proof(index, size),
            VERSION_PROOF: log.proof(*good.proved("version")),
        }
    )


def signed_by_foreign_key_in_trusted_name(good: Made) -> bytes:
    envelope = json.loads(forged(good, signers=[FOREIGN_KEY])[ENVELOPE])
    envelope["signatures"][0]["keyid"] = good.keyid
    return with_members({ENVELOPE: json.dumps(envelope).encode()}, good)


def attesting(old: str | Callable[[Made], str], new: str | Callable[[Made], str]) -> Callable[[Made], bytes]:
    """A bundle whose signed Statement says something else about the execution."""

    def build(good: Made) -> bytes:
        was, becomes = (each if isinstance(each, str) else each(good) for each in (old, new))
        assert was.encode() in good.payload
        return of_members(good, forged(good, good.payload.replace(was.encode(), becomes.encode())))

    return build


def said(good: Made, *path: str) -> str:
    """A member of the Statement's predicate, as JSON."""
    value = json.loads(good.payload)["predicate"]
    for name in path:
        value = value[name]
    return json.dumps(value)


def steps(good: Made) -> bytes:
    return good.members["steps.jsonl"]


def keys_member(good: Made) -> str:
    return f"keys/{good.keyid}.pem"


def finished(good: Made) -> str:
    return f'"finishedAt":{said(good, "execution", "finishedAt")}'


def counted(name: str, group: str, change: int) -> tuple[Callable[[Made], str], Callable[[Made], str]]:
    """A count of the predicate, as it is and as a liar has it."""
    return (
        lambda good: f'"{name}":{said(good, group, name)}',
        lambda good: f'"{name}":{int(said(good, group, name)) + change}',
    )


NEGATIVES: dict[str, Negative] = {
    "changed-steps": Negative(
        lambda good: with_members({"steps.jsonl": steps(good).replace(b"triage", b"triagE")}, good), "attested is"
    ),
    "dropped-steps": Negative(lambda good: with_members({"steps.jsonl": None}, good), "'steps.jsonl' is missing"),
    "added-member": Negative(lambda good: with_members({"extra.json": b"{}"}, good), "'extra.json' is unknown"),
    "added-key": Negative(
        lambda good: with_members({f"keys/{FOREIGN_KEYID}.pem": FOREIGN_PEM}, good),
        "not those of the envelope's signatures",
    ),
    "key-under-wrong-name": Negative(
        lambda good: with_members({keys_member(good): FOREIGN_PEM}, good),
        lambda good: f"{keys_member(good)} holds the key {FOREIGN_KEYID}",
    ),
    "renamed-member": Negative(
        lambda good: with_members({"steps.jsonl": None, "steps2.jsonl": steps(good)}, good), "differ in 'steps.jsonl'"
    ),
    "swapped-members": Negative(
        exchanged("human-tasks.jsonl", "policy-decisions.jsonl"), "'human-tasks.jsonl' has the SHA-256"
    ),
    "swapped-proofs": Negative(exchanged(EXECUTION_PROOF, VERSION_PROOF), "does not lead from its leaf"),
    "wrong-sums": Negative(
        lambda good: of_members(good, {**good.members, "SHA256SUMS": b"\n"}), "malformed or repeated line"
    ),
    "symlink": Negative(with_entry(kind=tarfile.SYMTYPE, link="/etc/passwd"), "is a symbolic link"),
    "hard-link": Negative(with_entry(kind=tarfile.LNKTYPE, link="SHA256SUMS"), "is a hard link"),
    "directory": Negative(with_entry(kind=tarfile.DIRTYPE), "is a directory"),
    "device": Negative(with_entry(kind=tarfile.CHRTYPE), "is a character device"),
    "named-pipe": Negative(with_entry(kind=tarfile.FIFOTYPE), "is a named pipe"),
    "absolute-name": Negative(with_entry("/etc/passwd"), "is not inside of one folder"),
    "traversal": Negative(with_entry("evidence-{id}/../../x"), "is not inside of one folder"),
    "outside-folder": Negative(with_entry("steps.jsonl"), "is not inside of one folder"),
    "two-folders": Negative(with_entry(f"evidence-{OTHER}/steps.jsonl"), "is in another folder"),
    "executable": Negative(with_entry(mode=0o755), "has not mode 0644"),
    "other-time": Negative(with_entry(mtime=1), "has another time"),
    "large-member": Negative(with_entry("evidence-{id}/x", content=bytes(17 << 20)), "at most 16777216"),
    "duplicate": Negative(
        lambda good: packed(tar(sorted(listed(good) * 2, key=lambda each: each.name))), "is there twice"
    ),
    "unsorted": Negative(lambda good: packed(tar(listed(good)[::-1])), "not sorted by name"),
    "too-many-members": Negative(
        lambda good: packed(
            tar([Entry(f"evidence-{good.execution_id}/{number:03}") for number in range(MEMBER_LIMIT + 1)])
        ),
        f"more than {MEMBER_LIMIT} members",
    ),
    "pax-format": Negative(
        lambda good: packed(tar([Entry(f"evidence-{good.execution_id}/\xe9")], tarfile.PAX_FORMAT)),
        "of an unknown type",
    ),
    "gnu-format": Negative(lambda good: packed(tar(listed(good), tarfile.GNU_FORMAT)), "not in USTAR format"),
    "empty": Negative(lambda _: packed(bytes(10_240)), "'steps.jsonl' is missing"),
    "cut-short": Negative(lambda good: packed(tar(listed(good))[:5_000]), "The archive is cut short"),
    "bytes-behind-archive": Negative(lambda good: packed(tar(listed(good)) + b"x" * 512), "behind the archive's end"),
    "second-archive": Negative(lambda good: packed(tar(listed(good)) * 2), "behind the archive's end"),
    "second-gzip-stream": Negative(lambda good: packed(tar(listed(good))) * 2, "behind the end of the gzip stream"),
    "foreign-signer": Negative(
        lambda good: of_members(good, forged(good, signers=[FOREIGN_KEY])), "signed by no trusted key"
    ),
    "foreign-signature-in-trusted-name": Negative(signed_by_foreign_key_in_trusted_name, "does not verify"),
    "foreign-log-key": Negative(
        lambda good: of_members(good, forged(good, log=MemoryLog(FOREIGN_KEY, good.log.origin))),
        "no signature of a trusted log key",
    ),
    "other-log": Negative(
        lambda good: of_members(good, forged(good, log=MemoryLog(good.log.key, "other.test"))),
        "no signature of a trusted log key",
    ),
    "truncated-log": Negative(
        lambda good: on_checkpoint(good, good.proved("execution")[0]),
        lambda good: "is for entry {0} of a log of {0}".format(good.proved("execution")[0]),
    ),
    "rolled-back-checkpoint": Negative(
        lambda good: on_checkpoint(good, good.proved("execution")[1] - 1), "does not lead from its leaf"
    ),
    "forked-log": Negative(
        lambda good: with_members({VERSION_PROOF: forked(good).proof(good.proved("version")[0])}, good),
        "the log was forked",
    ),
    "wrong-index": Negative(
        lambda good: with_members({EXECUTION_PROOF: of_the_next_entry(good)}, good), "does not lead from its leaf"
    ),
    "attested-unfinished": Negative(attesting('"status":"completed"', '"status":"running"'), "not final"),
    "attested-other-tenant": Negative(
        attesting(lambda good: f'"tenant":{said(good, "execution", "tenant")}', '"tenant":"another"'),
        "the manifest says ",
    ),
    "attested-other-version": Negative(
        attesting(lambda good: f'"version":{said(good, "definition", "version")}', '"version":"1.2.1"'),
        lambda good: "the manifest says {!r}".format(json.loads(said(good, "definition", "version"))),
    ),
    "attested-more-decisions": Negative(
        attesting(*counted("decisions", "policy", 1)),
        lambda good: "policy.decisions {1}, the member {0} lines".format(
            *(int(said(good, "policy", "decisions")) + by for by in (0, 1))
        ),
    ),
    "attested-fewer-tasks": Negative(
        attesting(*counted("humanTasks", "counts", -1)), "counts.humanTasks 0, the member 1 lines"
    ),
    "attested-other-end": Negative(
        attesting(finished, lambda good: finished(good).replace('"20', '"21')), "time is not the execution's end"
    ),
    "attested-odd-time": Negative(attesting(finished, lambda good: finished(good).replace("T", " ")), "not an instant"),
    "attested-other-definition": Negative(
        attesting('"contentHash":"sha256:', '"contentHash":"sha256:0'), "definition.json says"
    ),
    "other-statement-type": Negative(attesting("in-toto.io/Statement/v1", "in-toto.io/Statement/v0"), "_type is not"),
    "other-predicate-type": Negative(
        attesting("attestation:execution:v1", "attestation:execution:v2"), "predicateType is not"
    ),
    "subject-twice": Negative(attesting('"name":"steps.jsonl"', '"name":"execution.json"'), "or one twice"),
    "member-twice-in-statement": Negative(attesting('{"_type"', '{"_type":"x","_type"'), "a member stands twice"),
}


def write_all(folder: Path, good: Made = GOOD) -> None:
    """Every negative as a file, the good bundle beside them, the trust, and what is expected."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "good.tar.gz").write_bytes(of_members(good, good.members))
    for name, negative in NEGATIVES.items():
        (folder / f"{name}.tar.gz").write_bytes(negative.build(good))
    (folder / "trusted.pem").write_text(public_pem(good.key.public_key()))
    (folder / "log.vkey").write_text(f"{log_vkey(good.log.key, good.log.origin)}\n")
    expected = {f"{name}.tar.gz": negative.reason_of(good) for name, negative in NEGATIVES.items()}
    (folder / "expected.json").write_text(json.dumps(expected, indent=2) + "\n")


if __name__ == "__main__":
    write_all(Path(sys.argv[1]))
