"""The verification, step by step."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from . import merkle
from .archive import DATA_MEMBERS, ENVELOPE, EXECUTION_PROOF, SUMS, VERSION_PROOF, Contents, read
from .attestation import Envelope, Statement
from .notes import Checkpoint, Proof
from .parsing import instant, json_object, member, number
from .reasons import CannotTell, Report, VerificationError
from .trust import Trust, TrustedKey, keyid_of, pem_of, public_keys

_SUM_LINE = re.compile(r"([0-9a-f]{64})  (\S+)")
_ATTESTED = (
    "definition.workflowId",
    "definition.version",
    "definition.contentHash",
    "execution.id",
    "execution.tenant",
    "execution.status",
)
_FINAL = ("completed", "failed", "cancelled")


@dataclass(frozen=True, slots=True)
class Since:
    """A checkpoint seen before, and a consistency proof for when the bundle alone does not settle it."""

    checkpoint: Checkpoint
    consistency: tuple[bytes, ...] | None = None


def verify(file: Path, trust: Trust, since: Since | None = None) -> Report:
    """Verify an evidence bundle against what is trusted, and list everything that is wrong with it.

    1. The archive is plain USTAR in gzip, within limits, with exactly the known members.
    2. `SHA256SUMS` has one right line for every other member.
    3. Each bundled key is the one its name says and signed the envelope. Bundled keys are a convenience: not trusted.
    4. The envelope is signed by a key given from outside.
    5. The Statement's subjects are exactly the data members, with their digests.
    6. Statement, definition, manifest and execution tell the same story.
    7. The Statement's bytes are in the log, under a checkpoint that a trusted log key signed.
    8. So is the version manifest, and both checkpoints belong to one history.
    9. The signing key counts: not expired when the execution ended, not revoked before the log held the Statement.
    10. Optionally: that history agrees with a checkpoint seen before.

    The archive is read once; nothing of it is executed or written anywhere. A step whose input is missing because an
    earlier one failed is left out: that earlier one is a reason already.

    Raises:
        OSError: the file cannot be read.
    """
    report = Report()
    # 1.
    try:
        contents = read(file)
    except VerificationError as exc:
        report.failed(1, str(exc))
        return report
    for problem in contents.problems:
        report.failed(1, problem)
    if not contents.problems:
        report.passed(1, f"{len(contents.digests)} members of the evidence of execution {contents.execution_id}")
    _check_sums(contents, report)  # 2.
    envelope = _envelope(contents, report)
    signers = _check_envelope(envelope, contents, trust, report) if envelope else []  # 3. and 4.
    statement = _statement(envelope, report) if envelope else None
    if statement:
        _check_subjects(statement, contents, report)  # 5.
        _check_story(statement, contents, report)  # 6.
    execution = _proof(7, EXECUTION_PROOF, envelope.payload if envelope else None, (contents, trust, report))
    version = _proof(8, VERSION_PROOF, contents.kept.get("version-manifest.json"), (contents, trust, report))
    _check_one_history(execution, version, report)  # 8.
    if statement and signers:
        _check_validity(signers, statement, execution, report)  # 9.
    if since:
        _check_since(since, execution, version, trust, report)  # 10.
    return report


def _check_sums(contents: Contents, report: Report) -> None:
    if SUMS not in contents.kept:
        return
    with report.checking(2):
        listed: dict[str, str] = {}
        text = contents.kept[SUMS].decode("utf-8", "replace")
        if not text.endswith("\n"):
            raise VerificationError("SHA256SUMS does not end with a newline")
        for line in text[:-1].split("\n"):
            match = _SUM_LINE.fullmatch(line)
            if match is None or match[2] in listed:
                raise VerificationError(f"SHA256SUMS has a malformed or repeated line: {line[:100]!r}")
            listed[match[2]] = match[1]
        actual = {name: digest for name, digest in contents.digests.items() if name != SUMS}
        wrong = sorted(name for name in listed.keys() | actual.keys() if listed.get(name) != actual.get(name))
        for name in wrong:
            report.failed(2, f"SHA256SUMS is wrong about {name[:120]!r}")
        if not wrong:
            report.passed(2, f"SHA256SUMS is right about {len(actual)} members")


def _envelope(contents: Contents, report: Report) -> Envelope | None:
    if ENVELOPE in contents.kept:
        with report.checking(4):
            return Envelope.parse(contents.kept[ENVELOPE])
    return None


def _check_envelope(envelope: Envelope, contents: Contents, trust: Trust, report: Report) -> list[TrustedKey]:
    bundled: list[TrustedKey] = []
    with report.checking(3):
        for keyid, pem in sorted(contents.key_members().items()):
            [key] = public_keys(pem.decode("utf-8", "replace"), f"The member keys/{keyid}.pem")[:1]
            if pem_of(key) != pem:
                raise VerificationError(
                    f"The member keys/{keyid}.pem is not one public key in PEM form and nothing else"
                )
            if keyid_of(key) != keyid:
                raise VerificationError(f"The member keys/{keyid}.pem holds the key {keyid_of(key)}")
            bundled.append(TrustedKey(keyid, key))
        if {each.keyid for each in bundled} != {each.keyid for each in envelope.signatures}:
            raise VerificationError("The bundled keys are not those of the envelope's signatures")
        report.passed(3, f"{len(bundled)} bundled key(s), named rightly and not trusted")
    with report.checking(4):
        if not trust.keys:
            if len(envelope.signers(bundled)) != len(envelope.signatures):
                raise VerificationError("The envelope's signatures do not even verify with the bundled keys")
            raise CannotTell("cannot tell: no trusted keys; give --keys")
        signers = envelope.signers(trust.keys)
        if not signers:
            named = ", ".join(each.keyid[:16] or "unnamed" for each in envelope.signatures)
            raise VerificationError(f"The envelope is signed by no trusted key; it names {named}")
        report.passed(4, f"the envelope is signed by {', '.join(each.keyid[:16] for each in signers)}")
        return signers
    return []


def _statement(envelope: Envelope, report: Report) -> Statement | None:
    with report.checking(5):
        return Statement.parse(envelope.payload)
    return None


def _check_subjects(statement: Statement, contents: Contents, report: Report) -> None:
    actual = {name: digest for name, digest in contents.digests.items() if name in DATA_MEMBERS}
    wrong = sorted(name for name in statement.subjects.keys() ^ actual.keys())
    for name in wrong:
        report.failed(5, f"The Statement's subjects and the data members differ in {name[:120]!r}")
    changed = sorted(name for name in statement.subjects.keys() & actual.keys())
    changed = [name for name in changed if statement.subjects[name] != actual[name]]
    for name in changed:
        report.failed(5, f"The member {name!r} has the SHA-256 {actual[name]}; attested is {statement.subjects[name]}")
    if not wrong and not changed:
        report.passed(5, f"the {len(actual)} data members are the attested ones")


def _check_story(statement: Statement, contents: Contents, report: Report) -> None:
    with report.checking(6):
        attested = {name: member(statement.predicate, name, "The predicate") for name in _ATTESTED}
        wrong = [
            f"{source} says {value[:100]!r} where the Statement has {name} {attested[name][:100]!r}"
            for source, value, name in _claims(contents)
            if value != attested[name]
        ]
        wrong += _check_counts(statement, contents)
        if attested["execution.status"] not in _FINAL:
            wrong.append(f"the execution is {attested['execution.status'][:40]!r}, which is not final")
        for problem in wrong:
            report.failed(6, problem)
        if not wrong:
            report.passed(6, "Statement, definition, manifest and execution agree")


def _claims(contents: Contents) -> list[tuple[str, str, str]]:
    """Who says what about which attested member."""
    manifest = json_object(contents.kept.get("version-manifest.json", b""), "version-manifest.json")
    execution = json_object(contents.kept.get("execution.json", b""), "execution.json")
    of_manifest = {"workflowId": "definition.workflowId", "tenant": "execution.tenant"}
    of_manifest |= {"version": "definition.version", "contentHash": "definition.contentHash"}
    of_execution = {"id": "execution.id", "status": "execution.status"}
    return [
        ("the folder's name", contents.execution_id, "execution.id"),
        ("definition.json", f"sha256:{contents.digests.get('definition.json', '')}", "definition.contentHash"),
        *(("execution.json", member(execution, own, "execution.json"), name) for own, name in of_execution.items()),
        *(("the manifest", member(manifest, own, "The manifest"), name) for own, name in of_manifest.items()),
    ]


def _check_counts(statement: Statement, contents: Contents) -> list[str]:
    finished = instant(member(statement.predicate, "execution.finishedAt", "The predicate"), "finishedAt")
    counted = [
        ("policy.decisions", contents.lines.get("policy-decisions.jsonl", 0)),
        ("counts.humanTasks", contents.lines.get("human-tasks.jsonl", 0)),
    ]
    wrong = [
        f"the Statement has {name} {attested}, the member {actual} lines"
        for name, actual in counted
        if (attested := number(statement.predicate, name, "The predicate")) != actual
    ]
    if contents.mtime != int(finished.timestamp()):
        wrong.append("the members' time is not the execution's end")
    return wrong


def _proof(step: int, name: str, leaf: bytes | None, at: tuple[Contents, Trust, Report]) -> tuple[bytes, Proof] | None:
    """The proof with its leaf hash if it leads from the leaf to its checkpoint's root, whoever signed that."""
    contents, trust, report = at
    if name not in contents.kept or leaf is None:
        return None
    verified: tuple[bytes, Proof] | None = None
    with report.checking(step):
        proof = Proof.parse(contents.kept[name], name)
        point, leaf_hash = proof.checkpoint, merkle.leaf_hash(leaf)
        if proof.index >= point.size:
            raise VerificationError(f"{name} is for entry {proof.index} of a log of {point.size}")
        if merkle.root_of_proof(leaf_hash, proof.index, point.size, proof.hashes) != point.root:
            raise VerificationError(f"{name} does not lead from its leaf to the checkpoint's root")
        verified = (leaf_hash, proof)
        if not trust.log_keys:
            raise CannotTell("cannot tell: no trusted log key; give --log-key")
        point.verify(trust.log_keys, name)
        report.passed(step, f"entry {proof.index} of {point.origin}, under its signed checkpoint of {point.size}")
    return verified


def _roots(leaf_hash: bytes, proof: Proof) -> dict[int, bytes]:
    roots = merkle.roots_within(leaf_hash, proof.index, proof.hashes, proof.checkpoint.size)
    return {**roots, proof.checkpoint.size: proof.checkpoint.root}


def _check_one_history(
    execution: tuple[bytes, Proof] | None, version: tuple[bytes, Proof] | None, report: Report
) -> None:
    """Two checkpoints in one bundle must be of one log; where their proofs overlap they must agree."""
    if execution is None or version is None:
        return
    if execution[1].checkpoint.origin != version[1].checkpoint.origin:
        report.failed(8, "The two proofs are of different logs")
    older, newer = _roots(*version), _roots(*execution)
    if any(older[size] != newer[size] for size in older.keys() & newer.keys()):
        report.failed(8, "The two checkpoints are of different histories: the log was forked")


def _check_validity(
    signers: Sequence[TrustedKey], statement: Statement, execution: tuple[bytes, Proof] | None, report: Report
) -> None:
    with report.checking(9):
        ended = instant(member(statement.predicate, "execution.finishedAt", "The predicate"), "finishedAt")
        reasons = []
        for key in signers:
            if key.revoked_at is not None and (
                key.revoked_at_size is None or execution is None or execution[1].index >= key.revoked_at_size
            ):
                reasons.append(f"The key {key.keyid} was revoked before the log held the Statement")
            elif key.not_after is not None and ended > key.not_after:
                reasons.append(f"The key {key.keyid} had expired when the execution ended")
            else:
                report.passed(9, f"the key {key.keyid[:16]} counts")
                return
        raise VerificationError("; ".join(reasons))


def _check_since(
    since: Since,
    execution: tuple[bytes, Proof] | None,
    version: tuple[bytes, Proof] | None,
    trust: Trust,
    report: Report,
) -> None:
    """The execution's checkpoint must share its history with the one seen before; the version's must not deny it."""
    with report.checking(10):
        seen = since.checkpoint
        if not trust.log_keys:
            raise CannotTell("cannot tell: no trusted log key; give --log-key")
        seen.verify(trust.log_keys, "the checkpoint seen before")
        for each in (version, execution):
            if each is not None and _roots(*each).get(seen.size, seen.root) != seen.root:
                raise VerificationError(
                    f"The log had another root at size {seen.size} when it was seen before: forked or rolled back"
                )
        if execution is None:
            return
        point = execution[1].checkpoint
        if point.origin != seen.origin:
            raise VerificationError(f"The checkpoint seen before is of {seen.origin!r}, not {point.origin!r}")
        if seen.size and seen.size not in _roots(*execution):
            _check_consistency(since, point)
        report.passed(10, f"one history with the checkpoint of {seen.size} seen before")


def _check_consistency(since: Since, point: Checkpoint) -> None:
    first, second = sorted((since.checkpoint, point), key=lambda each: each.size)
    if since.consistency is None:
        raise CannotTell(
            f"cannot tell: the bundle does not hold the path from size {first.size} to {second.size}; get the ledger's "
            f"/proof/consistency?first={first.size}&second={second.size} and give it with --consistency"
        )
    if not merkle.is_consistent(first.size, second.size, since.consistency, (first.root, second.root)):
        raise VerificationError(f"The log of size {second.size} does not extend the one of size {first.size}")
