"""Bodies of workflows and their versions."""

# ruff: noqa: RUF009 - `wire` makes a dataclass field

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from engine.definitions.semver import Bump
from engine.errors import Fault
from engine.jsonvalue import JsonObject
from engine.services.requests import PublishRequest
from engine.services.values import ProvenanceStatus, Version, Workflow, WorkflowStatus
from rest_shim.models.paging import CURSOR, DEFAULT_LIMIT, LIMIT, PAGE
from rest_shim.shapes import Rule, wire

VERSION_PATTERN = r"^\d+\.\d+\.\d+(-[0-9A-Za-z.-]+)?(\+[0-9A-Za-z.-]+)?$"


@dataclass(frozen=True, slots=True)
class WorkflowBody:
    """A workflow: the members of its draft, and what the server sets."""

    definition: JsonObject = wire(Rule("Members of the draft.", spread=True))
    id: UUID = wire("Set by the server.")
    name: str = wire("Name of the workflow.")
    status: WorkflowStatus = wire("`draft` until the first publish.")
    is_active: bool = wire("Whether its triggers start executions.")
    version: str = wire("The latest published version, `0.0.0` before the first.")
    revision: int = wire("Counts edits of the draft; the `ETag`.")
    created_by: str = wire("Who created it.")
    created_at: datetime = wire("When it was created.")
    updated_at: datetime = wire("When the draft last changed.")
    published_version: str | None = wire("The latest published version.")

    @classmethod
    def of(cls, workflow: Workflow) -> "WorkflowBody":
        """Body of a workflow."""
        return cls(
            definition=workflow.definition,
            id=workflow.id,
            name=workflow.name,
            status=workflow.status,
            is_active=workflow.is_active,
            version=workflow.version,
            revision=workflow.revision,
            created_by=workflow.created_by,
            created_at=workflow.created_at,
            updated_at=workflow.updated_at,
            published_version=workflow.published_version,
        )


@dataclass(frozen=True, slots=True)
class WorkflowQuery:
    """Which workflows; archived ones only where `status` asks for them."""

    search: str | None = wire(Rule("Text in name or description.", max_length=200), default=None)
    is_active: bool | None = wire("Only active, or only inactive ones.", default=None)
    status: WorkflowStatus | None = wire("Only those of this status.", default=None)
    page: int | None = wire(PAGE, default=None)
    limit: int = wire(LIMIT, default=DEFAULT_LIMIT)
    cursor: str | None = wire(CURSOR, default=None)


@dataclass(frozen=True, slots=True)
class FaultBody:
    """One thing wrong with a document or a body."""

    code: str = wire("Stable, dotted, lower-case.")
    path: str = wire("JSON Pointer to the place; the parent's where a member is missing.")
    message: str = wire("What is wrong, in the author's words.")
    hint: str = wire("How to mend it.")

    @classmethod
    def of(cls, fault: Fault) -> "FaultBody":
        """Body of a fault."""
        return cls(fault.code, fault.path, fault.message, fault.hint)


@dataclass(frozen=True, slots=True)
class ValidationBody:
    """What a check of a document found."""

    valid: bool = wire("True when there is no fault.")
    errors: tuple[FaultBody, ...] = wire("All that is wrong, at once.")


@dataclass(frozen=True, slots=True)
class PublishBody:
    """How the draft becomes a version."""

    bump: Bump | None = wire(Rule("Which part of the version grows.", example="minor"), default=None)
    version: str | None = wire(
        Rule("The version itself, instead of `bump`.", pattern=VERSION_PATTERN, max_length=128), default=None
    )
    change_summary: str = wire(Rule("What changed, for people.", max_length=2_000), default="")
    allow_smaller_bump: bool = wire("Publish although the change asks for a larger bump.", default=False)
    revision: int | None = wire(Rule("Revision of the draft that is meant.", minimum=0), default=None)

    def request(self) -> PublishRequest:
        """Request of the body."""
        return PublishRequest(
            bump=self.bump,
            version=self.version,
            change_summary=self.change_summary or "",
            allow_smaller_bump=self.allow_smaller_bump or False,
            expected_revision=self.revision,
            faults=self._contradiction(),
        )

    def _contradiction(self) -> tuple[Fault, ...]:
        if self.bump is None or self.version is None:
            return ()
        message = "Both 'bump' and 'version' are given."
        return (Fault("request.wrong_value", "/version", message, "Give one of them."),)


@dataclass(frozen=True, slots=True)
class ProvenanceBody:
    """What the ledger knows of a version."""

    status: ProvenanceStatus = wire("`pending` until the ledger has the version's manifest.")
    log_index: int | None = wire("Position of the manifest in the log.")
    leaf_hash: str | None = wire("Hash of the leaf, in hex.")
    proof: str | None = wire("Proof of inclusion (c2sp.org/tlog-proof), as text.")


@dataclass(frozen=True, slots=True)
class VersionBody:
    """A published version: an immutable snapshot."""

    workflow_id: UUID = wire("Of the workflow.")
    version: str = wire(Rule("Semantic version.", example="1.0.0"))
    content_hash: str = wire("`sha256:` and the hash of the canonical `definition` as returned here.")
    definition: JsonObject = wire("The document as it was published.")
    change_summary: str = wire("What changed, for people.")
    created_by: str = wire("Who published it.")
    created_at: datetime = wire("When it was published.")
    provenance: ProvenanceBody = wire("What the ledger knows of it.")

    @classmethod
    def of(cls, version: Version) -> "VersionBody":
        """Body of a version."""
        entry = version.provenance
        return cls(
            workflow_id=version.workflow_id,
            version=version.version,
            content_hash=version.content_hash,
            definition=version.definition,
            change_summary=version.change_summary,
            created_by=version.created_by,
            created_at=version.created_at,
            provenance=ProvenanceBody(entry.status, entry.log_index, entry.leaf_hash, entry.proof),
        )


@dataclass(frozen=True, slots=True)
class VersionsQuery:
    """Which versions, and which two of them to compare."""

    from_: str | None = wire(Rule("The older side of the diff: a version.", max_length=128, name="from"), default=None)
    to: str | None = wire(Rule("The newer side: a version, or `draft`.", max_length=128), default=None)
    page: int | None = wire(PAGE, default=None)
    limit: int = wire(LIMIT, default=DEFAULT_LIMIT)
    cursor: str | None = wire(CURSOR, default=None)
