"""The evidence bundle: which members it has, and its bytes, which are the same for the same members."""

import gzip
import io
import tarfile
from collections.abc import AsyncIterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from engine.provenance.members import Disclosure, Member, Row, fixed_member, rows_member

DEFINITION = "definition.json"
EXECUTION = "execution.json"
HUMAN_TASKS = "human-tasks.jsonl"
DECISIONS = "policy-decisions.jsonl"
STEPS = "steps.jsonl"
MANIFEST = "version-manifest.json"
ENVELOPE = "attestation.dsse.json"
EXECUTION_PROOF = "ledger/execution.tlog-proof"
VERSION_PROOF = "ledger/version.tlog-proof"
SUMS = "SHA256SUMS"
_COMPRESSION = 6


@dataclass(frozen=True, slots=True)
class EvidenceSource:
    """What the data members are made of: bytes as published, as sealed, and the history as it is read.

    Attributes:
        definition: canonical bytes; `manifest` too.
        execution: line of the execution.
        human_tasks: lines; `policy_decisions` too.
    """

    definition: bytes
    manifest: bytes
    execution: bytes
    human_tasks: bytes
    policy_decisions: bytes
    steps: AsyncIterable[Row]


@dataclass(frozen=True, slots=True)
class DataMembers:
    """The members that the Statement's subjects are."""

    members: tuple[Member, ...]

    def close(self) -> None:
        """Give back what was spilled."""
        for member in self.members:
            member.close()


@dataclass(frozen=True, slots=True)
class Seal:
    """What the ledger answered, stored once, so that every export has the same bytes.

    Attributes:
        envelope: text of `attestation.dsse.json`.
        execution_proof: of the Statement's payload.
        version_proof: of the version manifest.
        keys: PEM of the signing public keys by key id; a convenience, verifiers bring their own.
    """

    envelope: bytes
    execution_proof: bytes
    version_proof: bytes
    keys: Mapping[str, bytes]


async def data_members(source: EvidenceSource, disclosure: Disclosure) -> DataMembers:
    """Assemble the data members. The same rows and disclosure always give the same bytes."""
    steps = await rows_member(STEPS, source.steps, disclosure)
    return DataMembers(
        (
            fixed_member(DEFINITION, source.definition),
            fixed_member(EXECUTION, source.execution),
            fixed_member(HUMAN_TASKS, source.human_tasks),
            fixed_member(DECISIONS, source.policy_decisions),
            steps,
            fixed_member(MANIFEST, source.manifest),
        )
    )


def bundle_name(execution_id: str) -> str:
    """Name of the folder in the archive; the file is called the same with `.tar.gz`."""
    return f"evidence-{execution_id}"


def bundle_chunks(execution_id: str, finished_at: datetime, data: Sequence[Member], seal: Seal) -> Iterator[bytes]:
    """The compressed archive, in pieces, never whole in memory.

    USTAR with sorted names, owner 0, mode 0644 and the execution's end as every time; gzip without name and time. The
    same members give the same bytes with the same zlib.
    """
    sealed = [
        *data,
        fixed_member(ENVELOPE, seal.envelope),
        fixed_member(EXECUTION_PROOF, seal.execution_proof),
        fixed_member(VERSION_PROOF, seal.version_proof),
        *(fixed_member(f"keys/{keyid}.pem", pem) for keyid, pem in seal.keys.items()),
    ]
    members = sorted(sealed, key=_name)
    sums = "".join(f"{member.sha256}  {member.name}\n" for member in members).encode()
    members = sorted([*members, fixed_member(SUMS, sums)], key=_name)
    out = io.BytesIO()
    with gzip.GzipFile(filename="", mode="wb", compresslevel=_COMPRESSION, fileobj=out, mtime=0) as packed:
        for chunk in _tar(bundle_name(execution_id), int(finished_at.timestamp()), members):
            packed.write(chunk)
            yield from _drain(out)
    yield from _drain(out)


def _tar(folder: str, mtime: int, members: Sequence[Member]) -> Iterator[bytes]:
    written = 0
    for member in members:
        header = tarfile.TarInfo(f"{folder}/{member.name}")
        header.size, header.mtime, header.mode = member.size, mtime, 0o644
        yield header.tobuf(tarfile.USTAR_FORMAT, "ascii", "strict")
        yield from member.chunks()
        padding = -member.size % tarfile.BLOCKSIZE
        yield bytes(padding)
        written += tarfile.BLOCKSIZE + member.size + padding
    end = 2 * tarfile.BLOCKSIZE
    yield bytes(end + -(written + end) % tarfile.RECORDSIZE)


def _drain(out: io.BytesIO) -> Iterator[bytes]:
    if out.tell():
        yield out.getvalue()
        out.seek(0)
        out.truncate()


def _name(member: Member) -> str:
    return member.name
