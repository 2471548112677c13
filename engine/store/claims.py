"""Claims: taking the right to advance executions, under a new epoch."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from engine.jsonvalue import Json, loads
from engine.runtime.states import ExecutionStatus, StepKey
from engine.store.hot import HotConnection
from engine.store.statements import load

_SQL = load("claims")

SUSPECT_AFTER = 2
"""Claims without progress after which an execution is suspected of killing its workers."""
ALONE_AFTER = 4
"""Claims without progress after which a suspect is taken without any other."""


class ExecutionRef(NamedTuple):
    """An execution by name."""

    tenant: str
    id: UUID


class VersionRef(NamedTuple):
    """A published version by name."""

    tenant: str
    workflow_id: UUID
    version: str


@dataclass(frozen=True, slots=True)
class ParentLink:
    """The step of another execution that waits for this one."""

    execution_id: UUID
    key: StepKey
    generation: int


@dataclass(frozen=True, slots=True)
class Claimed:
    """An execution that is this worker's now.

    Attributes:
        epoch: fencing token; every write of the holder carries it.
        status: before the claim.
        last_seq: of the newest checkpoint; 0: it never ran.
        deliveries: claims since it last made progress, this one included.
        rescued: it was taken from a worker whose lease had run out.
        is_limited: it holds a slot of its workflow, to be given back when it ends.
    """

    tenant: str
    id: UUID
    epoch: int
    workflow_id: UUID
    workflow_version: str
    content_hash: str
    status: ExecutionStatus
    trigger_type: str
    trigger_data: Json
    priority: int
    qos_class: str
    started_by: str
    created_at: datetime
    started_at: datetime
    last_seq: int
    deliveries: int
    parent: ParentLink | None
    depth: int
    traceparent: str | None
    has_mail: bool
    rescued: bool
    is_limited: bool = False

    @property
    def ref(self) -> ExecutionRef:
        """Its name."""
        return ExecutionRef(self.tenant, self.id)

    @property
    def version_ref(self) -> VersionRef:
        """The version that it is pinned to."""
        return VersionRef(self.tenant, self.workflow_id, self.workflow_version)


@dataclass(frozen=True, slots=True)
class Elsewhere:
    """An execution that a living worker holds: whoever asked passes the ring on to it."""

    ref: ExecutionRef
    owner: UUID


@dataclass(frozen=True, slots=True)
class ClaimReport:
    """What became of the executions asked for.

    Attributes:
        final: finished, with nothing that could move them again.
        limited: free, but without a slot of their workflow, which limits how many run at once.
        suspects: free, but claimed again and again without progress; they are taken a few at a time.
        busy: locked by somebody at that moment (or unknown); worth another look soon.
    """

    claimed: tuple[Claimed, ...]
    elsewhere: tuple[Elsewhere, ...]
    final: tuple[ExecutionRef, ...]
    suspects: tuple[ExecutionRef, ...]
    busy: tuple[ExecutionRef, ...]
    limited: tuple[ExecutionRef, ...] = ()


async def claim(
    connection: HotConnection, worker_id: UUID, refs: Sequence[ExecutionRef], *, suspects_at_most: int = 1
) -> ClaimReport:
    """Take what is free of `refs` in one statement. Nothing is taken when the worker's own lease has run out.

    Of executions that were claimed `SUSPECT_AFTER` times without making progress at most `suspects_at_most` are taken,
    and where one has been claimed `ALONE_AFTER` times it is taken alone: should it be what kills workers, it kills no
    more than itself.
    """
    tenants, ids = [ref.tenant for ref in refs], [ref.id for ref in refs]
    rows = await connection.fetch(_SQL["claim"], tenants, ids, worker_id, suspects_at_most, SUSPECT_AFTER, ALONE_AFTER)
    claimed: list[Claimed] = []
    elsewhere: list[Elsewhere] = []
    final: list[ExecutionRef] = []
    suspects: list[ExecutionRef] = []
    limited: list[ExecutionRef] = []
    missing = set(refs)
    for row in rows:
        ref = ExecutionRef(row["tenant_id"], row["id"])
        missing.discard(ref)
        match row["verdict"]:
            case "claimed":
                claimed.append(_claimed(row))
            case "held":
                elsewhere.append(Elsewhere(ref, row["lease_owner"]))
            case "final":
                final.append(ref)
            case "suspect":
                suspects.append(ref)
            case "limited":
                limited.append(ref)
            case _:  # idle: it waits, and nothing has come for it
                pass
    return ClaimReport(tuple(claimed), tuple(elsewhere), tuple(final), tuple(suspects), tuple(missing), tuple(limited))


async def still_held(
    connection: HotConnection, worker_id: UUID, leases: Sequence[tuple[ExecutionRef, int]]
) -> frozenset[UUID]:
    """Which of the leases (with their epochs) are still the worker's."""
    rows = await connection.fetch(
        _SQL["still_held"],
        [ref.tenant for ref, _ in leases],
        [ref.id for ref, _ in leases],
        [epoch for _, epoch in leases],
        worker_id,
    )
    return frozenset(row["id"] for row in rows)


async def definitions(connection: HotConnection, refs: Sequence[VersionRef]) -> dict[VersionRef, Json]:
    """Normalised documents of published versions; one that does not exist is left out."""
    rows = await connection.fetch(
        _SQL["definitions"],
        [ref.tenant for ref in refs],
        [ref.workflow_id for ref in refs],
        [ref.version for ref in refs],
    )
    return {VersionRef(row["tenant_id"], row["workflow_id"], row["version"]): loads(row["definition"]) for row in rows}


def _claimed(row: Any) -> Claimed:
    parent = None
    if row["parent_execution_id"] is not None:
        key = StepKey(row["parent_step_path"] or "", row["parent_iteration"] or "")
        parent = ParentLink(row["parent_execution_id"], key, row["parent_generation"] or 0)
    return Claimed(
        tenant=row["tenant_id"],
        id=row["id"],
        epoch=row["lease_epoch"],
        workflow_id=row["workflow_id"],
        workflow_version=row["workflow_version"],
        content_hash=row["content_hash"],
        status=ExecutionStatus(row["status"]),
        trigger_type=row["trigger_type"],
        trigger_data=loads(row["trigger_data"]),
        priority=row["priority"],
        qos_class=row["qos_class"],
        started_by=row["started_by"],
        created_at=row["created_at"],
        started_at=row["started_at"],
        last_seq=row["last_seq"],
        deliveries=row["deliveries"],
        parent=parent,
        depth=row["depth"],
        traceparent=row["traceparent"],
        has_mail=row["has_mail"],
        rescued=row["lease_owner"] is not None,
        is_limited=row["slot_limit"] is not None,
    )
