"""Builds real bundles without a server: the engine's own assembly, and a log held in memory."""

import asyncio
import base64
import io
import json
import tarfile
from collections.abc import AsyncIterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from engine.jsonvalue import Json, loads
from engine.provenance.bundle import DataMembers, EvidenceSource, Seal, bundle_chunks, data_members
from engine.provenance.canonical import canonical
from engine.provenance.members import Row, Withheld, fixed_member, lines
from engine.provenance.statement import Counts, ExecutionFacts, Statement, VersionManifest, digest
from ledger import dsse, merkle, notes
from ledger.keys import public_pem

ORIGIN = "log.test"
WORKFLOW = "0197a0c0-0000-7000-8000-000000000001"
EXECUTION = "0197a0c0-0000-7000-8000-0000000000aa"
OTHER = "0197a0c0-0000-7000-8000-0000000000bb"
FINISHED = datetime(2026, 1, 5, 9, 30, 15, 250_000, tzinfo=UTC)
DEFINITION = canonical({"name": "Incident response", "steps": [{"id": "triage", "type": "action"}]})


def private(seed: bytes) -> Ed25519PrivateKey:
    return Ed25519PrivateKey.from_private_bytes(seed * 32)


EVIDENCE_KEY, LOG_KEY, FOREIGN_KEY = private(b"e"), private(b"l"), private(b"f")
EVIDENCE_KEYID = dsse.keyid(EVIDENCE_KEY.public_key())


def log_vkey(key: Ed25519PrivateKey = LOG_KEY, origin: str = ORIGIN) -> notes.VerifierKey:
    return notes.VerifierKey(origin, key.public_key().public_bytes_raw())


@dataclass(slots=True)
class MemoryLog:
    """A log whose every size can be signed."""

    key: Ed25519PrivateKey = LOG_KEY
    origin: str = ORIGIN
    leaves: list[bytes] = field(default_factory=list)
    nodes: dict[merkle.Node, bytes] = field(default_factory=dict)
    frontier: merkle.Frontier = field(default_factory=lambda: merkle.Frontier(0, []))

    def append(self, data: bytes) -> int:
        return self.append_hash(merkle.leaf_hash(data))

    def append_hash(self, leaf: bytes) -> int:
        self.nodes[0, len(self.leaves)] = leaf
        self.nodes.update(dict(self.frontier.append(leaf)))
        self.leaves.append(leaf)
        return len(self.leaves) - 1

    def checkpoint(self, size: int | None = None) -> str:
        size = len(self.leaves) if size is None else size
        root = merkle.fold([self.nodes[node] for node in merkle.perfect_nodes(0, size)])
        body = notes.Checkpoint(self.origin, size, root).body()
        return notes.sign(body, [(log_vkey(self.key, self.origin), self.key)])

    def proof(self, index: int, size: int | None = None) -> bytes:
        size = len(self.leaves) if size is None else size
        hashes = merkle.range_hashes(merkle.inclusion_ranges(index, size), self.nodes.__getitem__)
        return notes.proof_text(index, hashes, self.checkpoint(size)).encode()

    def consistency(self, first: int, second: int) -> list[bytes]:
        return merkle.range_hashes(merkle.consistency_ranges(first, second), self.nodes.__getitem__)


@dataclass(frozen=True, slots=True)
class ShowUpTo:
    """Shows payloads up to a size and withholds those of the places named, which may hold secrets."""

    limit_bytes: int = 64 * 1024
    masked_places: frozenset[str] = field(default_factory=frozenset)

    def __call__(self, place: str, payload: bytes) -> Json | Withheld:
        """The payload's value, or why it is left out."""
        if place in self.masked_places:
            return Withheld("masked")
        if len(payload) > self.limit_bytes:
            return Withheld("large")
        return loads(payload)


def manifest() -> VersionManifest:
    return VersionManifest(
        workflow_id=WORKFLOW,
        tenant="default",
        version="1.2.0",
        content_hash=digest(DEFINITION),
        previous_version="1.1.0",
        previous_content_hash=digest(b"before"),
        change_summary="Ask twice",
        published_by="ann",
        published_at=FINISHED - timedelta(days=1),
        policy_revision="r7",
        decision_id="d1",
    )


DISCLOSURE = ShowUpTo(masked_places=frozenset({"steps/output"}))
HUMAN_TASKS = [Row({"id": "t1", "status": "completed"}, {"formData": b'{"decision":"approve"}'})]
DECISIONS = [Row({"id": "d1", "action": "workflow.execute"}), Row({"id": "d2"})]


def execution_row(execution_id: str) -> Row:
    return Row({"id": execution_id, "status": "completed"}, {"triggerData": b'{"severity":"high"}'})


async def rows(*values: Row) -> AsyncIterator[Row]:
    for value in values:
        yield value


def source(execution_id: str = EXECUTION, *, steps: int = 3) -> EvidenceSource:
    output = b'{"token": "hunter2"}'
    return EvidenceSource(
        definition=DEFINITION,
        manifest=manifest().payload(),
        execution=lines("execution", [execution_row(execution_id)], DISCLOSURE),
        human_tasks=lines("human-tasks", HUMAN_TASKS, DISCLOSURE),
        policy_decisions=lines("policy-decisions", DECISIONS, DISCLOSURE),
        steps=rows(*(Row({"seq": at, "stepId": "triage"}, {"output": output, "input": None}) for at in range(steps))),
    )


def assembled(execution_id: str = EXECUTION, *, steps: int = 3) -> DataMembers:
    """On a loop of its own, in a thread: tests may have a loop running."""
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(lambda: asyncio.run(data_members(source(execution_id, steps=steps), DISCLOSURE))).result()


def statement(data: DataMembers, execution_id: str = EXECUTION) -> Statement:
    return Statement(
        workflow_id=WORKFLOW,
        version="1.2.0",
        content_hash=digest(DEFINITION),
        execution=ExecutionFacts(
            id=execution_id,
            tenant="default",
            status="completed",
            started_at=FINISHED - timedelta(minutes=1),
            finished_at=FINISHED,
            trigger_type="manual",
            trigger_digest=digest(b'{"severity":"high"}'),
        ),
        policy_revision="r7",
        counts=Counts(steps=3, attempts=3, human_tasks=len(HUMAN_TASKS), decisions=len(DECISIONS)),
        engine_version="0.1.0",
        subjects=[member.subject() for member in data.members],
    )


@dataclass(frozen=True, slots=True)
class Made:
    """A good bundle: members by name, in order, the log that it is in, and the key that signed it."""

    members: dict[str, bytes]
    log: MemoryLog
    execution_id: str = EXECUTION
    key: Ed25519PrivateKey = EVIDENCE_KEY
    mtime: int = int(FINISHED.timestamp())

    @property
    def keyid(self) -> str:
        return dsse.keyid(self.key.public_key())

    @property
    def payload(self) -> bytes:
        return base64.b64decode(json.loads(self.members["attestation.dsse.json"])["payload"])

    def proved(self, name: str) -> tuple[int, int]:
        """Index and tree size of one of the two proofs."""
        lines = self.members[f"ledger/{name}.tlog-proof"].decode().split("\n")
        return int(lines[1].removeprefix("index ")), int(lines[lines.index("") + 2])


def made(
    execution_id: str = EXECUTION, log: MemoryLog | None = None, signers: Sequence[Ed25519PrivateKey] = (EVIDENCE_KEY,)
) -> Made:
    """A valid bundle."""
    log = log or MemoryLog()
    with closing(assembled(execution_id)) as data:
        seal = sealed(log, statement(data, execution_id).payload(), signers)
        packed = b"".join(bundle_chunks(execution_id, FINISHED, data.members, seal))
    return Made(unpack(packed), log, execution_id)


def sealed(log: MemoryLog, payload: bytes, signers: Sequence[Ed25519PrivateKey]) -> Seal:
    """In a fresh log: entry 5 is the manifest, under a checkpoint of 6; entry 7 the payload, under one of 9."""
    for number in range(5):
        log.append(b"earlier %d" % number)
    version_proof = log.proof(log.append(manifest().payload()))
    log.append(b"between")
    execution_index = log.append(payload)
    log.append(b"after")
    return Seal(
        envelope=dsse.envelope(dsse.STATEMENT_TYPE, payload, signers),
        execution_proof=log.proof(execution_index),
        version_proof=version_proof,
        keys={dsse.keyid(key.public_key()): public_pem(key.public_key()).encode() for key in signers},
    )


def unpack(packed: bytes) -> dict[str, bytes]:
    """Members by name, with a reader that is not ours."""
    members = {}
    with tarfile.open(fileobj=io.BytesIO(packed), mode="r:gz") as archive:
        for info in archive:
            file = archive.extractfile(info)
            assert file is not None
            members[info.name.partition("/")[2]] = file.read()
    return members


def resummed(members: Mapping[str, bytes]) -> dict[str, bytes]:
    """The members with `SHA256SUMS` made right again, as a forger would."""
    others = {name: content for name, content in members.items() if name != "SHA256SUMS"}
    lines = "".join(f"{fixed_member(name, others[name]).sha256}  {name}\n" for name in sorted(others))
    return {**others, "SHA256SUMS": lines.encode()}


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry of an archive to be written as it is, valid or not."""

    name: str
    content: bytes = b""
    kind: bytes = tarfile.REGTYPE
    link: str = ""
    mode: int = 0o644
    mtime: int = int(FINISHED.timestamp())


def entries(
    members: Mapping[str, bytes], execution_id: str = EXECUTION, mtime: int = int(FINISHED.timestamp())
) -> list[Entry]:
    return [Entry(f"evidence-{execution_id}/{name}", members[name], mtime=mtime) for name in sorted(members)]


def tar(listed: Sequence[Entry], form: int = tarfile.USTAR_FORMAT) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=form) as archive:
        for each in listed:
            info = tarfile.TarInfo(each.name)
            info.size, info.type, info.linkname = len(each.content), each.kind, each.link
            info.mode, info.mtime = each.mode, each.mtime
            archive.addfile(info, io.BytesIO(each.content))
    return out.getvalue()


def write(folder: Path, packed: bytes) -> Path:
    file = folder / "bundle.tar.gz"
    file.write_bytes(packed)
    return file
