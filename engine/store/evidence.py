"""Rows that evidence is made of, read for many executions at once, and the seals that the ledger gave."""

from collections.abc import AsyncIterator, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, NamedTuple
from uuid import UUID

from engine.jsonvalue import dumps
from engine.store.claims import ExecutionRef, VersionRef
from engine.store.hot import HotConnection
from engine.store.statements import load

_SQL = load("evidence")

LARGE_BYTES: Final = 64 * 1024
"""Payloads over this are known by their digest alone; the database computes it, so that they are never moved."""
PAGE: Final = 200
"""Checkpoints of a long history that are read at a time."""


class FinishedRow(NamedTuple):
    """An execution that has ended. Payloads are texts as stored; `…_large` is `<sha256 hex> <bytes>` of a large one."""

    tenant: str
    id: UUID
    workflow_id: UUID
    version: str
    content_hash: str
    status: str
    trigger_type: str
    trigger_data: str | None
    trigger_large: str | None
    priority: int
    started_by: str
    created_at: datetime
    started_at: datetime | None
    finished_at: datetime
    failure: str | None
    failed_steps: str | None
    last_seq: int
    parent_execution_id: UUID | None

    @property
    def ref(self) -> ExecutionRef:
        """Its name."""
        return ExecutionRef(self.tenant, self.id)

    @property
    def version_ref(self) -> VersionRef:
        """The version that it ran."""
        return VersionRef(self.tenant, self.workflow_id, self.version)


class VersionRow(NamedTuple):
    """A published version with its manifest's text; `proof` is None until the ledger has it."""

    tenant: str
    workflow_id: UUID
    version: str
    content_hash: str
    definition: str
    manifest: str
    policy_revision: str
    proof: str | None


class CheckpointRow(NamedTuple):
    """One recorded transition."""

    execution_id: UUID
    seq: int
    step_path: str
    iteration: str
    generation: int
    attempt: int
    status: str
    at: datetime
    input: str | None
    input_large: str | None
    output: str | None
    output_large: str | None
    failure: str | None
    detail: str | None


class DecisionRow(NamedTuple):
    """One decision of policy about an execution; `input` and `result` are masked already."""

    execution_id: UUID
    id: UUID
    at: datetime
    action: str
    requested_by: str
    resource_type: str
    resource_id: str | None
    allowed: bool
    mode: str
    policy_revision: str
    path: str
    input: str | None
    result: str | None


class TaskRow(NamedTuple):
    """One human task of an execution, with its audit trail as JSON text."""

    execution_id: UUID
    id: UUID
    step_path: str | None
    iteration: str
    generation: int
    title: str
    status: str
    owner: str | None
    assignees: list[str]
    candidate_groups: list[str]
    priority: int
    escalation_level: int
    sla_breached: bool
    created_by: str
    created_at: datetime
    submitted_by: str | None
    submitted_at: datetime | None
    closed_at: datetime | None
    form_data: str | None
    audit_trail: str | None


@dataclass(frozen=True, slots=True)
class SealRow:
    """What the ledger answered about one ending of an execution.

    Attributes:
        last_seq: of the history that the evidence is about.
        keys: JSON text, PEM of the signing public keys by key id.
        policy_decisions: the member as it was sealed: decisions are kept for a shorter time than evidence.
        human_tasks: the member as it was sealed.
    """

    ref: ExecutionRef
    last_seq: int
    log_index: int
    leaf_hash: str
    envelope: str
    proof: str
    keys: str
    policy_decisions: str
    human_tasks: str


@dataclass(frozen=True, slots=True)
class RegisteredVersion:
    """What the ledger answered about a version."""

    ref: VersionRef
    log_index: int
    leaf_hash: str
    proof: str


class EvidenceRows:
    """Reads and writes of one connection: a loop's, which sees all tenants, or the application's, which names them."""

    def __init__(self, connection: HotConnection, *, names_tenants: bool) -> None:
        self._connection = connection
        self._names_tenants = names_tenants

    async def finished(self, refs: Sequence[ExecutionRef]) -> list[FinishedRow]:
        """Those of the executions that have ended and are in no new run."""
        tenants, ids = _columns(refs)
        return [FinishedRow(*row) for row in await self._fetch("finished", refs, tenants, ids, LARGE_BYTES)]

    async def versions(self, refs: Sequence[VersionRef]) -> list[VersionRow]:
        """Published versions."""
        columns = [ref.tenant for ref in refs], [ref.workflow_id for ref in refs], [ref.version for ref in refs]
        return [VersionRow(*row) for row in await self._fetch("versions", refs, *columns)]

    async def checkpoints(self, ends: Sequence[tuple[ExecutionRef, int]]) -> dict[UUID, list[CheckpointRow]]:
        """Histories up to and with the given `seq`, in order; for executions whose histories are short."""
        refs = [ref for ref, _ in ends]
        found: dict[UUID, list[CheckpointRow]] = {ref.id: [] for ref in refs}
        seqs = [last_seq for _, last_seq in ends]
        for row in await self._fetch("checkpoints", refs, *_columns(refs), [0] * len(refs), seqs, None, LARGE_BYTES):
            found[row[0]].append(CheckpointRow(*row))
        return found

    async def history(self, ref: ExecutionRef, last_seq: int) -> AsyncIterator[CheckpointRow]:
        """One history up to and with `last_seq`, in order, a page at a time in memory."""
        after = 0
        while after < last_seq:
            rows = await self._fetch(
                "checkpoints", [ref], [ref.tenant], [ref.id], [after], [last_seq], PAGE, LARGE_BYTES
            )
            for row in rows:
                yield CheckpointRow(*row)
            if len(rows) < PAGE:
                return
            after = rows[-1]["seq"]

    async def decisions(self, refs: Sequence[ExecutionRef]) -> list[DecisionRow]:
        """Decisions of policy, by execution, oldest first."""
        return [DecisionRow(*row) for row in await self._fetch("decisions", refs, *_columns(refs))]

    async def tasks(self, refs: Sequence[ExecutionRef]) -> list[TaskRow]:
        """Human tasks, by execution, oldest first."""
        return [TaskRow(*row) for row in await self._fetch("tasks", refs, *_columns(refs))]

    async def keep(self, seals: Sequence[SealRow]) -> None:
        """Store seals; one of an earlier ending than that which is stored changes nothing."""
        if not seals:
            return
        tenants, ids = _columns([seal.ref for seal in seals])
        await self._fetch(
            "keep",
            [seal.ref for seal in seals],
            tenants,
            ids,
            [seal.last_seq for seal in seals],
            [seal.log_index for seal in seals],
            [seal.leaf_hash for seal in seals],
            [seal.envelope for seal in seals],
            [seal.proof for seal in seals],
            [seal.keys for seal in seals],
            [seal.policy_decisions for seal in seals],
            [seal.human_tasks for seal in seals],
        )

    async def sealed(self, ref: ExecutionRef) -> SealRow | None:
        """The stored seal, or None."""
        rows = await self._fetch("sealed", [ref], ref.tenant, ref.id)
        if not rows:
            return None
        row = rows[0]
        return SealRow(
            ref=ref,
            last_seq=row["last_seq"],
            log_index=row["log_index"],
            leaf_hash=row["leaf_hash"],
            envelope=row["envelope"],
            proof=row["proof"],
            keys=row["keys"],
            policy_decisions=row["policy_decisions"],
            human_tasks=row["human_tasks"],
        )

    async def states(self, refs: Sequence[ExecutionRef]) -> dict[UUID, bool]:
        """Of executions that exist: whether their evidence can be exported."""
        return {row["id"]: row["ready"] for row in await self._fetch("states", refs, *_columns(refs))}

    async def mark_registered(self, versions: Sequence[RegisteredVersion]) -> None:
        """Say of versions where the log has them; one that is registered keeps its first proof."""
        if versions:
            refs = [version.ref for version in versions]
            await self._fetch(
                "registered",
                refs,
                [ref.tenant for ref in refs],
                [ref.workflow_id for ref in refs],
                [ref.version for ref in refs],
                [version.log_index for version in versions],
                [version.leaf_hash for version in versions],
                [version.proof for version in versions],
            )

    async def _fetch(self, name: str, refs: Iterable[ExecutionRef | VersionRef], *arguments: object) -> Sequence[Any]:
        tenants = frozenset(ref.tenant for ref in refs) if self._names_tenants else frozenset[str]()
        async with self._connection.for_tenants(tenants) as raw:
            rows: Sequence[Any] = await raw.fetch(_SQL[name], *arguments)
            return rows


def keys_text(keys: dict[str, str]) -> str:
    """Keys as they are stored."""
    return dumps(dict(sorted(keys.items())))


def _columns(refs: Sequence[ExecutionRef]) -> tuple[list[str], list[UUID]]:
    return [ref.tenant for ref in refs], [ref.id for ref in refs]
