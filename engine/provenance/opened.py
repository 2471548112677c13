"""A bundle opened for a replay. It is read, not trusted: `./scripts/verify-bundle` says whether it is genuine."""

import tarfile
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Final
from uuid import UUID

import orjson

from engine.definitions.building import build_definition
from engine.definitions.catalogue import ActionCatalogue
from engine.errors import MalformedRequest
from engine.jsonvalue import Json
from engine.provenance.bundle import DEFINITION, EXECUTION, STEPS
from engine.provenance.disclosure import is_masked
from engine.provenance.replay import Recorded
from engine.runtime.plan import Plan, compile_plan
from engine.runtime.state import ExecutionHeader
from engine.runtime.states import ExecutionStatus, StepKey, StepStatus
from engine.runtime.transitions import ExecutionTransition, Failure, StepTransition

UNREADABLE: Final = "bundle.unreadable"
LIMIT_BYTES: Final = 256 * 1024 * 1024
_NAMES: Final = (DEFINITION, EXECUTION, STEPS)


@dataclass(frozen=True, slots=True)
class Opened:
    """What a replay needs of a bundle."""

    plan: Plan
    header: ExecutionHeader
    status: str
    recorded: tuple[Recorded, ...]
    hidden_trigger: bool


def opened(file: Path) -> Opened:
    """Read a bundle.

    Raises:
        MalformedRequest: it is no bundle, or one of another format.
    """
    members = _members(file)
    try:
        execution = orjson.loads(members[EXECUTION])
        plan = compile_plan(build_definition(orjson.loads(members[DEFINITION]), ActionCatalogue.of()))
        return Opened(
            plan=plan,
            header=_header(execution),
            status=execution["status"],
            recorded=tuple(_recorded(orjson.loads(line)) for line in members[STEPS].splitlines()),
            hidden_trigger=_is_hidden(execution["triggerData"]),
        )
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        message = f"The members of {file} cannot be read ({type(error).__name__}: {error})."
        raise MalformedRequest(message, code=UNREADABLE) from error


def _members(file: Path) -> dict[str, bytes]:
    try:
        with tarfile.open(file, "r|gz") as archive:
            found = dict(_contents(archive))
    except (tarfile.TarError, EOFError, OSError) as error:
        raise MalformedRequest(f"{file} is no evidence bundle ({error}).", code=UNREADABLE) from error
    missing = [name for name in _NAMES if name not in found]
    if missing:
        raise MalformedRequest(f"{file} has no member {missing[0]}.", code=UNREADABLE)
    return found


def _contents(archive: tarfile.TarFile) -> Iterator[tuple[str, bytes]]:
    """Content of the members that count; nothing is written to disk."""
    room = LIMIT_BYTES
    for info in archive:
        room -= info.size
        if room < 0:
            raise tarfile.TarError(f"it unpacks to more than {LIMIT_BYTES} bytes")
        name = info.name.partition("/")[2]
        file = archive.extractfile(info) if info.isreg() and name in _NAMES else None
        if file is not None:
            yield name, file.read()


def _header(execution: dict[str, Any]) -> ExecutionHeader:
    parent, started_at = execution["parentExecutionId"], execution["startedAt"]
    return ExecutionHeader(
        id=UUID(execution["id"]),
        tenant=execution["tenant"],
        workflow_id=UUID(execution["workflowId"]),
        version=execution["workflowVersion"],
        trigger_type=execution["triggerType"],
        trigger_data=execution["triggerData"],
        started_by=execution["startedBy"],
        started_at=None if started_at is None else datetime.fromisoformat(started_at),
        priority=execution["priority"],
        parent_execution_id=None if parent is None else UUID(parent),
    )


def _recorded(line: dict[str, Any]) -> Recorded:
    shown = (line["input"], line["output"], line["failure"], line["detail"])
    digests = (line.get("inputDigest"), line.get("outputDigest"))
    failure = None if line["failure"] is None else _failure(line["failure"])
    at = datetime.fromisoformat(line["at"])
    hidden = any(_is_hidden(each) for each in shown)
    if line["stepPath"] == "":
        facts = line["detail"] or {}
        move = ExecutionTransition(
            seq=line["seq"],
            status=ExecutionStatus(line["status"]),
            at=at,
            failure=failure,
            failed_steps=tuple(facts.get("failedSteps", ())),
            detail=facts.get("facts"),
        )
        return Recorded(move, digests, hidden)
    transition = StepTransition(
        seq=line["seq"],
        key=StepKey(line["stepPath"], line["iteration"]),
        status=StepStatus(line["status"]),
        at=at,
        generation=line["generation"],
        attempt=line["attempt"],
        input=line["input"],
        output=line["output"],
        failure=failure,
        detail=line["detail"],
    )
    return Recorded(transition, digests, hidden)


def _failure(value: dict[str, Any]) -> Failure:
    return Failure(value["code"], value["message"], value.get("details"))


def _is_hidden(shown: Json) -> bool:
    return (isinstance(shown, dict) and "withheld" in shown and "bytes" in shown) or is_masked(shown)
