"""Statements about finished executions, assembled for many at once, away from the work itself."""

import asyncio
import hashlib
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, TypeVar
from uuid import UUID

from engine.definitions.hashing import canonical
from engine.jsonvalue import loads
from engine.provenance.bundle import DECISIONS, DEFINITION, EXECUTION, HUMAN_TASKS, MANIFEST, STEPS
from engine.provenance.disclosure import MaskSecrets
from engine.provenance.members import Large, Row, lines, object_line
from engine.provenance.rows import decision_row, execution_row, step_row, task_row
from engine.provenance.statement import Counts, ExecutionFacts, Statement, Subject, digest
from engine.store.claims import ExecutionRef, VersionRef
from engine.store.evidence import (
    LARGE_BYTES,
    CheckpointRow,
    DecisionRow,
    EvidenceRows,
    FinishedRow,
    TaskRow,
    VersionRow,
)

Found = TypeVar("Found", DecisionRow, TaskRow)
DISCLOSURE: Final = MaskSecrets(LARGE_BYTES)
LONG_HISTORY: Final = 500
"""Histories of more checkpoints are read in pages, one at a time."""
ROWS_AT_ONCE: Final = 500
TURN: Final = 4
"""Executions after which other work of the process gets its turn: it waits a few milliseconds at most."""
VERSIONS_KEPT: Final = 500


@dataclass(frozen=True, slots=True)
class Sealable:
    """The Statement about one ending, and the members that are stored with its seal."""

    ref: ExecutionRef
    last_seq: int
    payload: bytes
    policy_decisions: str
    human_tasks: str


@dataclass(frozen=True, slots=True)
class Unsealable:
    """An execution that no Statement can be made about, and why."""

    ref: ExecutionRef
    reason: str


@dataclass(frozen=True, slots=True)
class _Version:
    definition: Subject
    manifest: Subject
    policy_revision: str


@dataclass(slots=True)
class _Steps:
    """Digest and counts of a history, line by line."""

    sha256: "hashlib._Hash"
    instances: set[tuple[str, str]]
    attempts: int = 0

    def add(self, row: CheckpointRow) -> None:
        self.sha256.update(object_line("steps", step_row(row), DISCLOSURE))
        if row.step_path:
            self.instances.add((row.step_path, row.iteration))
            if row.status == "running" and row.attempt:
                self.attempts += 1


class Assembler:
    """Makes Statements from what the store has."""

    def __init__(self, rows: EvidenceRows, engine_version: str) -> None:
        self._rows = rows
        self._engine_version = engine_version
        self._versions: OrderedDict[VersionRef, _Version] = OrderedDict()

    async def assemble(self, refs: Sequence[ExecutionRef]) -> tuple[list[Sealable], list[Unsealable]]:
        """Statements about those of the executions that have ended; the rest is in a new run, whose end will tell.

        Raises:
            Unavailable: the database does not answer.
        """
        finished = await self._rows.finished(refs)
        await self._load_versions({row.version_ref for row in finished})
        decisions = _by_execution(await self._rows.decisions([row.ref for row in finished]))
        tasks = _by_execution(await self._rows.tasks([row.ref for row in finished]))
        made: list[Sealable] = []
        refused: list[Unsealable] = []
        for batch in _batches(finished):
            short = [(row.ref, row.last_seq) for row in batch if row.last_seq <= LONG_HISTORY]
            histories = await self._rows.checkpoints(short) if short else {}
            for number, row in enumerate(batch):
                if number % TURN == TURN - 1:
                    await asyncio.sleep(0)
                version = self._versions.get(row.version_ref)
                if version is None:
                    refused.append(Unsealable(row.ref, "Its version is gone."))
                    continue
                steps = await self._steps(row, histories.get(row.id))
                said = _Lines([*map(decision_row, decisions.get(row.id, ()))], [*map(task_row, tasks.get(row.id, ()))])
                revision = decisions[row.id][-1].policy_revision if row.id in decisions else version.policy_revision
                try:
                    made.append(self._sealable(row, version, steps, said, revision))
                except ValueError as error:
                    refused.append(Unsealable(row.ref, str(error)))
        return made, refused

    async def _steps(self, row: FinishedRow, history: Sequence[CheckpointRow] | None) -> _Steps:
        steps = _Steps(hashlib.sha256(), set())
        if history is None:
            async for checkpoint in self._rows.history(row.ref, row.last_seq):
                steps.add(checkpoint)
        else:
            for checkpoint in history:
                steps.add(checkpoint)
        return steps

    async def _load_versions(self, refs: set[VersionRef]) -> None:
        missing = [ref for ref in refs if ref not in self._versions]
        for row in await self._rows.versions(missing) if missing else ():
            self._versions[VersionRef(row.tenant, row.workflow_id, row.version)] = _Version(
                Subject(DEFINITION, _sha256(definition_bytes(row))),
                Subject(MANIFEST, _sha256(row.manifest.encode())),
                row.policy_revision,
            )
        while len(self._versions) > max(VERSIONS_KEPT, len(refs)):
            self._versions.popitem(last=False)

    def _sealable(self, row: FinishedRow, version: _Version, steps: _Steps, said: "_Lines", revision: str) -> Sealable:
        decisions, tasks = said.texts()
        subjects = [
            version.definition,
            version.manifest,
            Subject(EXECUTION, _sha256(object_line("execution", execution_row(row), DISCLOSURE))),
            Subject(STEPS, steps.sha256.hexdigest()),
            Subject(DECISIONS, _sha256(decisions)),
            Subject(HUMAN_TASKS, _sha256(tasks)),
        ]
        statement = Statement(
            workflow_id=str(row.workflow_id),
            version=row.version,
            content_hash=row.content_hash,
            execution=_facts(row),
            policy_revision=revision,
            counts=Counts(len(steps.instances), steps.attempts, len(said.tasks), len(said.decisions)),
            engine_version=self._engine_version,
            subjects=subjects,
        )
        return Sealable(row.ref, row.last_seq, statement.payload(), decisions.decode(), tasks.decode())


@dataclass(frozen=True, slots=True)
class _Lines:
    decisions: list[Row]
    tasks: list[Row]

    def texts(self) -> tuple[bytes, bytes]:
        return lines("policy-decisions", self.decisions, DISCLOSURE), lines("human-tasks", self.tasks, DISCLOSURE)


def definition_bytes(row: VersionRow) -> bytes:
    """`definition.json`: the canonical form, of which the content hash is."""
    return canonical(loads(row.definition))


def _facts(row: FinishedRow) -> ExecutionFacts:
    trigger = execution_row(row).payloads["triggerData"]
    return ExecutionFacts(
        id=str(row.id),
        tenant=row.tenant,
        status=row.status,
        started_at=row.started_at,
        finished_at=row.finished_at,
        trigger_type=row.trigger_type,
        trigger_digest=f"sha256:{trigger.sha256}" if isinstance(trigger, Large) else digest(trigger or b"null"),
    )


def _batches(rows: Sequence[FinishedRow]) -> list[list[FinishedRow]]:
    """Executions whose histories are read together: not more checkpoints at a time than memory should hold."""
    batches: list[list[FinishedRow]] = [[]]
    room = ROWS_AT_ONCE
    for row in rows:
        if row.last_seq > room and batches[-1]:
            batches.append([])
            room = ROWS_AT_ONCE
        batches[-1].append(row)
        room -= min(row.last_seq, LONG_HISTORY)
    return batches


def _by_execution(rows: Sequence[Found]) -> dict[UUID, list[Found]]:
    found: dict[UUID, list[Found]] = {}
    for row in rows:
        found.setdefault(row.execution_id, []).append(row)
    return found


def _sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
