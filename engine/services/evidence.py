"""Evidence of finished executions: whether it is there, and its export."""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from uuid import UUID

from engine.errors import Conflict
from engine.identity.actor import Actor
from engine.policy.gate import Resource
from engine.provenance.bundle import bundle_name
from engine.provenance.export import made_again, packed
from engine.services.authority import Authority, Change
from engine.services.facts import execution_missing, execution_resource
from engine.services.visibility import hidden_by
from engine.store import executions
from engine.store.claims import ExecutionRef
from engine.store.database import APP_ROLE, Database
from engine.store.evidence import EvidenceRows, FinishedRow, SealRow, VersionRow
from engine.store.executions import ExecutionRow
from engine.store.hot import HotConnection

EXPORT = "evidence.export"
PENDING = "evidence.pending"
RETRY_FINISHED_S = 1
RETRY_UNFINISHED_S = 10


class EvidenceState(StrEnum):
    """pending: the execution has not ended, or the ledger has not answered yet. ready: it can be exported."""

    PENDING = "pending"
    READY = "ready"


@dataclass(frozen=True, slots=True)
class EvidenceView:
    """Whether an execution's evidence is there; `url`: the path of its export once it is."""

    state: EvidenceState
    url: str | None


@dataclass(frozen=True, slots=True)
class EvidenceExport:
    """A bundle on its way: the name of its file, and its bytes."""

    file_name: str
    chunks: AsyncIterator[bytes]


class Evidence:
    """Exports. Within the actor's tenant, as everything is."""

    def __init__(self, database: Database, authority: Authority) -> None:
        self._database = database
        self._authority = authority
        self._connection = HotConnection(database, APP_ROLE)
        self._rows = EvidenceRows(self._connection, names_tenants=True)

    async def close(self) -> None:
        """Close its connection."""
        await self._connection.close()

    async def states_of(self, actor: Actor, execution_ids: Sequence[UUID]) -> dict[UUID, EvidenceView]:
        """Of those of the executions that the actor may see."""
        hidden = hidden_by(await self._authority.permit(actor, "execution.read", Resource("execution", None)))
        if hidden is not None:
            async with self._database.transaction(actor.tenant) as connection:
                seen = await executions.find_many(connection, actor.tenant, execution_ids, hidden)
            execution_ids = [row.id for row in seen]
        found = await self._rows.states([ExecutionRef(actor.tenant, each) for each in execution_ids])
        return {each: _view(each, is_ready=is_ready) for each, is_ready in found.items()}

    async def export(self, actor: Actor, execution_id: UUID) -> EvidenceExport:
        """The evidence bundle; a second export has the same bytes.

        Raises:
            NotFound: no such execution in the tenant.
            Denied: policy refuses.
            Conflict: `evidence.pending`, with the time after which to ask again; `evidence.changed`.
        """
        async with self._database.transaction(actor.tenant) as connection:
            row = await executions.find(connection, actor.tenant, execution_id)
        if row is None:
            raise execution_missing(execution_id)
        permit = await self._authority.permit(actor, EXPORT, execution_resource(row))
        finished, version, seal = await self._sealed(row)
        history = self._rows.history(finished.ref, seal.last_seq)
        data = await made_again(finished, version, seal, history)
        change = Change("execution", str(execution_id), None, None, {"logIndex": seal.log_index})
        async with self._database.transaction(actor.tenant) as connection:
            await self._authority.record(connection, permit, [change])
        chunks = packed(str(execution_id), finished.finished_at, data, seal, version.proof or "")
        return EvidenceExport(f"{bundle_name(str(execution_id))}.tar.gz", chunks)

    async def _sealed(self, row: ExecutionRow) -> tuple[FinishedRow, VersionRow, SealRow]:
        ref = ExecutionRef(row.tenant, row.id)
        found = await self._rows.finished([ref])
        if not found:
            raise _pending("The execution has not ended; its evidence is made when it has.", RETRY_UNFINISHED_S)
        finished = found[0]
        seal = await self._rows.sealed(ref)
        versions = await self._rows.versions([finished.version_ref])
        if seal is None or seal.last_seq != finished.last_seq or not versions or versions[0].proof is None:
            raise _pending("The ledger has not confirmed the evidence yet.", RETRY_FINISHED_S)
        return finished, versions[0], seal


def _view(execution_id: UUID, *, is_ready: bool) -> EvidenceView:
    if not is_ready:
        return EvidenceView(EvidenceState.PENDING, None)
    return EvidenceView(EvidenceState.READY, f"/api/executions/{execution_id}/evidence")


def _pending(message: str, retry_after_s: int) -> Conflict:
    return Conflict(message, code=PENDING, retry_after_s=retry_after_s)
