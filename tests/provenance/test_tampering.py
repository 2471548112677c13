"""The tampering suite on what the product itself exports: engine, worker and ledger made these bundles."""

import gzip
import io
import json
import subprocess
import sys
import tarfile
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID

import pytest
import pytest_asyncio

from engine.jsonvalue import JsonObject
from ledger import dsse
from ledger.values import Purpose
from scripts.verifier.notes import Checkpoint, LogKey
from scripts.verifier.reasons import Report, Verdict
from scripts.verifier.trust import Trust, TrustedKey, gather
from scripts.verifier.verify import Since, verify
from tests.federation.edge import workflow
from tests.provenance.conftest import House
from tests.verifier.bundles import FOREIGN_KEY, Made, MemoryLog, log_vkey, resummed, tar, unpack, write
from tests.verifier.negatives import NEGATIVES, forked, listed, of_members, write_all

ORIGIN = "log.test"
VERIFIER = Path(__file__).parents[2] / "scripts" / "verify-bundle"
DEFINITION: JsonObject = {
    "name": "reviewed",
    "steps": [
        {
            "id": "triage",
            "name": "Triage",
            "type": "action",
            "config": {"actionType": "transform", "actionConfig": {"expression": "triggerData"}},
            "connections": [{"targetStepId": "review"}],
        },
        {"id": "review", "name": "Review", "type": "human", "config": {"candidateGroups": ["people"]}},
    ],
}
NAMES = [
    "SHA256SUMS",
    "attestation.dsse.json",
    "definition.json",
    "execution.json",
    "human-tasks.jsonl",
    "keys",
    "ledger/execution.tlog-proof",
    "ledger/version.tlog-proof",
    "policy-decisions.jsonl",
    "steps.jsonl",
    "version-manifest.json",
]


@dataclass(frozen=True, slots=True)
class Exported:
    """A bundle of the product, its sibling out of the same batch of the ledger, and the trust to judge them by."""

    good: Made
    other: Made
    trust: Trust

    def judged(self, folder: Path, content: bytes, trust: Trust | None = None, since: Since | None = None) -> Report:
        return verify(write(folder, content), trust or self.trust, since)

    def of(self, folder: Path, members: Mapping[str, bytes], trust: Trust | None = None) -> Report:
        return self.judged(folder, of_members(self.good, resummed(members)), trust)


def reasons(report: Report) -> list[str]:
    return [finding.message for finding in report.findings if finding.verdict != Verdict.VALID]


def refused(report: Report, reason: str) -> None:
    assert report.verdict == Verdict.INVALID
    assert any(reason in each for each in reasons(report)), reasons(report)


async def reviewed(house: House, workflow_id: str, severity: str) -> str:
    """An execution whose task a person has completed."""
    path = f"/api/workflows/{workflow_id}/execute"
    execution_id: str = (await house.edge.rest("POST", path, {"triggerData": {"severity": severity}})).json()["id"]
    await house.worker.bell.ring("acme", [UUID(execution_id)])
    task = await house.task_of(execution_id)
    person = {"claims": {"subject": "bea", "role": "approver", "groups": ["people"]}}
    for step, body in (("claim", {}), ("complete", {"formData": {"decision": "approve"}})):
        answer = await house.edge.rest("POST", f"/api/human-tasks/{task}/{step}", body, **person)
        assert answer.status_code == 200, answer.text
    assert await house.ended(execution_id) == "completed"
    return execution_id


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def exported(house: House) -> Exported:
    """Two executions of one workflow; behind the first entry of their batch stands the second."""
    for number in range(3):
        await house.edge.published(workflow(f"earlier {number}"))
    created = await house.edge.published(DEFINITION)
    await house.relay.run_once()
    ids = [await reviewed(house, created["id"], severity) for severity in ("high", "low")]
    assert await house.relay.run_once() == 2
    made = [await taken(house, execution_id) for execution_id in ids]
    good, other = sorted(made, key=lambda each: each.proved("execution"))
    return Exported(good, other, gather(str(house.trust), None, {}, Path("/nowhere")))


async def taken(house: House, execution_id: str) -> Made:
    """The bundle as a caller gets it, and the log as it stands, with the keys of both."""
    content = (await house.bundle(execution_id)).content
    ring, now = await house.ledger.log.keyring(), house.ledger.now()
    [key] = ring.signers(Purpose.EVIDENCE, now)
    [(_, log_key)] = ring.log_signers(ORIGIN, now)
    log = MemoryLog(log_key, ORIGIN)
    for row in await house.tables.fetch("select leaf_hash from ledger.entries order by idx"):
        log.append_hash(row["leaf_hash"])
    with tarfile.open(fileobj=io.BytesIO(content)) as archive:
        mtime = int(archive.getmembers()[0].mtime)
    made = Made(unpack(content), log, execution_id, key, mtime)
    assert tar(listed(made)) == gzip.decompress(content)
    return made


def test_a_fresh_bundle_passes_every_step(exported: Exported, tmp_path: Path) -> None:
    good = exported.good
    report = exported.judged(tmp_path, of_members(good, good.members))

    assert reasons(report) == []
    assert {finding.step for finding in report.findings} == {1, 2, 3, 4, 5, 6, 7, 8, 9}
    assert {name.partition("/")[0] for name in good.members} == {name.partition("/")[0] for name in NAMES}


@pytest.mark.parametrize("name", NAMES)
def test_a_flipped_byte_in_any_member_is_refused(exported: Exported, tmp_path: Path, name: str) -> None:
    good = exported.good
    name = f"keys/{good.keyid}.pem" if name == "keys" else name
    for place in (0, len(good.members[name]) // 2, len(good.members[name]) - 1):
        content = bytearray(good.members[name])
        content[place] ^= 1
        members = {**good.members, name: bytes(content)}
        assert exported.judged(tmp_path, of_members(good, members)).verdict == Verdict.INVALID
        if name != "SHA256SUMS":  # which a forger repairs
            report = exported.of(tmp_path, members)
            assert report.verdict == Verdict.INVALID
            assert not any("SHA256SUMS" in each for each in reasons(report))


@pytest.mark.parametrize("name", NAMES)
def test_a_dropped_member_is_refused(exported: Exported, tmp_path: Path, name: str) -> None:
    members = {each: content for each, content in exported.good.members.items() if not each.startswith(name)}
    content = of_members(exported.good, members if name == "SHA256SUMS" else resummed(members))

    expected = "There is no member keys/" if name == "keys" else f"The member '{name}' is missing"
    refused(exported.judged(tmp_path, content), expected)


@pytest.mark.parametrize("defect", NEGATIVES)
def test_one_defect_is_refused_for_what_it_is(exported: Exported, tmp_path: Path, defect: str) -> None:
    negative = NEGATIVES[defect]

    refused(exported.judged(tmp_path, negative.build(exported.good)), negative.reason_of(exported.good))


@pytest.mark.parametrize(
    ("names", "reason"),
    [
        (["ledger/execution.tlog-proof"], "does not lead from its leaf"),
        (["execution.json"], "attested is"),
        (["steps.jsonl"], "attested is"),
        (["human-tasks.jsonl"], "attested is"),
        (["attestation.dsse.json"], "attested is"),
        (["attestation.dsse.json", "ledger/execution.tlog-proof"], "The member 'execution.json' has the SHA-256"),
    ],
)
def test_parts_of_another_execution_are_refused(
    exported: Exported, tmp_path: Path, names: list[str], reason: str
) -> None:
    members = {**exported.good.members, **{name: exported.other.members[name] for name in names}}

    refused(exported.of(tmp_path, members), reason)


def test_all_of_another_execution_under_this_ones_name_is_refused(exported: Exported, tmp_path: Path) -> None:
    refused(exported.of(tmp_path, exported.other.members), "the folder's name says")


def test_a_flipped_byte_anywhere_in_the_file_is_refused(exported: Exported, tmp_path: Path) -> None:
    content = of_members(exported.good, exported.good.members)
    for place in range(10, len(content), max(1, len(content) // 300)):
        spoiled = content[:place] + bytes([content[place] ^ 0x10]) + content[place + 1 :]
        verdict = exported.judged(tmp_path, spoiled).verdict
        assert verdict == Verdict.INVALID or _unpacked(spoiled) == _unpacked(content), place


def _unpacked(content: bytes) -> bytes | None:
    """Deflate has more than one way to say the same: a copy of zeros may be made from other zeros."""
    try:
        return gzip.decompress(content)
    except (OSError, EOFError, zlib.error):
        return None


def test_other_keys_and_other_logs_are_not_trusted(exported: Exported, tmp_path: Path) -> None:
    content = of_members(exported.good, exported.good.members)
    foreign = TrustedKey(dsse.keyid(FOREIGN_KEY.public_key()), FOREIGN_KEY.public_key())
    own, foreign_log = exported.trust, LogKey.parse(str(log_vkey(FOREIGN_KEY, ORIGIN)))

    refused(exported.judged(tmp_path, content, replace(own, keys=(foreign,))), "signed by no trusted key")
    refused(
        exported.judged(tmp_path, content, replace(own, log_keys=(foreign_log,))), "no signature of a trusted log key"
    )
    assert exported.judged(tmp_path, content, Trust()).verdict == Verdict.UNKNOWN


def test_a_key_revoked_before_the_log_held_the_statement_does_not_count(exported: Exported, tmp_path: Path) -> None:
    content = of_members(exported.good, exported.good.members)
    index, _ = exported.good.proved("execution")
    [key] = exported.trust.keys
    since = datetime.fromtimestamp(exported.good.mtime, UTC)
    for size in (index, None):
        revoked = replace(key, revoked_at=since, revoked_at_size=size)
        report = exported.judged(tmp_path, content, replace(exported.trust, keys=(revoked,)))
        refused(report, "was revoked before the log held the Statement")
    later = replace(key, revoked_at=since, revoked_at_size=index + 1)
    assert reasons(exported.judged(tmp_path, content, replace(exported.trust, keys=(later,)))) == []


def test_a_forked_or_rolled_back_log_contradicts_what_was_seen(exported: Exported, tmp_path: Path) -> None:
    good = exported.good
    content, (_, size) = of_members(good, good.members), good.proved("execution")
    fork = forked(good)
    earlier = Checkpoint.parse(fork.checkpoint(), "seen")
    while len(fork.leaves) < size + 3:
        fork.append(b"more")
    later, proof = Checkpoint.parse(fork.checkpoint(), "seen"), tuple(fork.consistency(size, size + 3))

    refused(exported.judged(tmp_path, content, since=Since(earlier, None)), "forked or rolled back")
    refused(exported.judged(tmp_path, content, since=Since(later, proof)), "does not extend the one of size")
    own = Checkpoint.parse(good.log.checkpoint(size), "seen")
    assert reasons(exported.judged(tmp_path, content, since=Since(own, None))) == []


def test_the_command_itself_judges_what_the_script_writes(exported: Exported, tmp_path: Path) -> None:
    folder = tmp_path / "negatives"
    write_all(folder, exported.good)
    trust = ["--keys", str(folder / "trusted.pem"), "--log-key", str(folder / "log.vkey"), "--json"]
    expected: dict[str, str] = json.loads((folder / "expected.json").read_text())
    chosen = ["good", "changed-steps", "swapped-proofs", "symlink", "traversal", "truncated-log", "forked-log"]
    for name in chosen:
        command = [sys.executable, str(VERIFIER), str(folder / f"{name}.tar.gz"), *trust]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        told = json.loads(done.stdout)
        assert done.returncode == (0 if name == "good" else 1)
        if name != "good":
            assert any(expected[f"{name}.tar.gz"] in reason for reason in told["reasons"])
