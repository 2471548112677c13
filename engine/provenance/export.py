"""An export: the data members made again from what is stored, held against what was signed, then packed."""

import asyncio
import base64
from collections.abc import AsyncIterator
from datetime import datetime

import orjson

from engine.errors import Conflict
from engine.provenance.bundle import DataMembers, EvidenceSource, Seal, bundle_chunks, data_members
from engine.provenance.members import Row, object_line
from engine.provenance.rows import execution_row, step_row
from engine.provenance.sealing import DISCLOSURE, definition_bytes
from engine.store.evidence import CheckpointRow, FinishedRow, SealRow, VersionRow

CHANGED = "evidence.changed"


async def made_again(
    row: FinishedRow, version: VersionRow, seal: SealRow, history: AsyncIterator[CheckpointRow]
) -> DataMembers:
    """The data members of sealed evidence; the caller closes them.

    Raises:
        Conflict: they are not what was signed: something stored has changed, and nothing is exported in its name.
    """
    source = EvidenceSource(
        definition=definition_bytes(version),
        manifest=version.manifest.encode(),
        execution=object_line("execution", execution_row(row), DISCLOSURE),
        human_tasks=seal.human_tasks.encode(),
        policy_decisions=seal.policy_decisions.encode(),
        steps=_rows(history),
    )
    data = await data_members(source, DISCLOSURE)
    attested = _subjects(seal.envelope)
    changed = sorted(member.name for member in data.members if attested.get(member.name) != member.sha256)
    if changed:
        data.close()
        message = f"What is stored is not what was signed: {', '.join(changed)}. The ledger has the signed Statement."
        raise Conflict(message, code=CHANGED, facts={"members": changed, "logIndex": seal.log_index})
    return data


async def packed(
    execution_id: str, finished_at: datetime, data: DataMembers, seal: SealRow, version_proof: str
) -> AsyncIterator[bytes]:
    """The archive, piece by piece; compressing happens beside the event loop. Closes the members."""
    keys = {name: pem.encode() for name, pem in orjson.loads(seal.keys).items()}
    stored = Seal(seal.envelope.encode(), seal.proof.encode(), version_proof.encode(), keys)
    pieces = bundle_chunks(execution_id, finished_at, data.members, stored)
    try:
        while piece := await asyncio.to_thread(next, pieces, b""):
            yield piece
    finally:
        data.close()


def _subjects(envelope: str) -> dict[str, str]:
    statement = orjson.loads(base64.b64decode(orjson.loads(envelope)["payload"]))
    return {each["name"]: each["digest"]["sha256"] for each in statement["subject"]}


async def _rows(history: AsyncIterator[CheckpointRow]) -> AsyncIterator[Row]:
    async for row in history:
        yield step_row(row)
