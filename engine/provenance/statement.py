"""What the ledger's keys vouch for: the manifest of a published version, the Statement about a finished execution."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from engine.clock import rfc3339
from engine.jsonvalue import Json
from engine.provenance.canonical import canonical

STATEMENT_TYPE = "https://in-toto.io/Statement/v1"
PREDICATE_TYPE = "urn:maestro-composer:attestation:execution:v1"
ENTRY_LIMIT_BYTES = 65_535
"""Most that one entry of the log holds."""


def digest(data: bytes) -> str:
    """Digest as the product writes it: `sha256:` and hex."""
    return f"sha256:{hashlib.sha256(data).hexdigest()}"


@dataclass(frozen=True, slots=True)
class VersionManifest:
    """A published version, as the log records it. Its canonical bytes are the leaf and the bundle's member."""

    workflow_id: str
    tenant: str
    version: str
    content_hash: str
    previous_version: str | None
    previous_content_hash: str | None
    change_summary: str
    published_by: str
    published_at: datetime
    policy_revision: str
    decision_id: str

    def members(self) -> dict[str, Json]:
        """The manifest as JSON, as the ledger is sent it."""
        return {
            "workflowId": self.workflow_id,
            "tenant": self.tenant,
            "version": self.version,
            "contentHash": self.content_hash,
            "previousVersion": self.previous_version,
            "previousContentHash": self.previous_content_hash,
            "changeSummary": self.change_summary,
            "publishedBy": self.published_by,
            "publishedAt": rfc3339(self.published_at),
            "policyRevision": self.policy_revision,
            "decisionId": self.decision_id,
        }

    def payload(self) -> bytes:
        """The leaf's bytes."""
        return canonical(self.members())


@dataclass(frozen=True, slots=True)
class Subject:
    """A member of the bundle and its SHA-256 in hex."""

    name: str
    sha256: str


@dataclass(frozen=True, slots=True)
class ExecutionFacts:
    """The execution, as the Statement names it. `trigger_digest` is over the trigger data's bytes as stored."""

    id: str
    tenant: str
    status: str
    started_at: datetime | None
    finished_at: datetime
    trigger_type: str
    trigger_digest: str


@dataclass(frozen=True, slots=True)
class Counts:
    """How much happened. `decisions` stands under `policy` in the Statement; their ids are in the member file."""

    steps: int
    attempts: int
    human_tasks: int
    decisions: int


@dataclass(frozen=True, slots=True)
class Statement:
    """An in-toto Statement about one finished execution. Its subjects are exactly the bundle's data members."""

    workflow_id: str
    version: str
    content_hash: str
    execution: ExecutionFacts
    policy_revision: str
    counts: Counts
    engine_version: str
    subjects: Sequence[Subject]

    def payload(self) -> bytes:
        """The bytes that are signed and logged: canonical, so that the same values always give the same entry.

        Raises:
            ValueError: more than an entry of the log holds.
        """
        subjects: list[Json] = [
            {"name": each.name, "digest": {"sha256": each.sha256}} for each in sorted(self.subjects, key=_name)
        ]
        payload = canonical(
            {
                "_type": STATEMENT_TYPE,
                "subject": subjects,
                "predicateType": PREDICATE_TYPE,
                "predicate": self._predicate(),
            }
        )
        if len(payload) > ENTRY_LIMIT_BYTES:
            raise ValueError(f"The statement has {len(payload)} bytes; the log takes {ENTRY_LIMIT_BYTES}.")
        return payload

    def _predicate(self) -> dict[str, Json]:
        execution, counts = self.execution, self.counts
        return {
            "definition": {
                "workflowId": self.workflow_id,
                "version": self.version,
                "contentHash": self.content_hash,
            },
            "execution": {
                "id": execution.id,
                "tenant": execution.tenant,
                "status": execution.status,
                "startedAt": None if execution.started_at is None else rfc3339(execution.started_at),
                "finishedAt": rfc3339(execution.finished_at),
                "triggerType": execution.trigger_type,
                "triggerDigest": execution.trigger_digest,
            },
            "policy": {"revision": self.policy_revision, "decisions": counts.decisions},
            "engine": {"version": self.engine_version},
            "counts": {"steps": counts.steps, "attempts": counts.attempts, "humanTasks": counts.human_tasks},
        }


def _name(subject: Subject) -> str:
    return subject.name
