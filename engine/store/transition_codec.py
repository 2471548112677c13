"""Transitions of the core as rows of `step_checkpoints`: each row is one transition, never changed."""

from datetime import datetime
from typing import Any
from uuid import UUID

from engine.jsonvalue import Json, JsonObject, dumps, loads
from engine.runtime.states import EXECUTION_KEY, ExecutionStatus, StepKey, StepStatus
from engine.runtime.transitions import ExecutionTransition, StepTransition, Transition
from engine.store.event_codec import decode_failure, encode_failure

CheckpointRow = tuple[
    str,
    UUID,
    int,
    str,
    str,
    int,
    int,
    str,
    datetime,
    str | None,
    str | None,
    str | None,
    str | None,
    int,
]
"""tenant, execution, seq, path, iteration, generation, attempt, status, at, input, output, failure, detail, epoch"""

_FAILED_STEPS = "failedSteps"
_FACTS = "facts"


def encode_row(tenant: str, execution_id: UUID, epoch: int, transition: Transition) -> CheckpointRow:
    """The row that records a transition under a lease epoch."""
    if isinstance(transition, StepTransition):
        seq, (path, iteration), status, at, generation, attempt, given, output, failure, facts = transition
        return (
            tenant,
            execution_id,
            seq,
            path,
            iteration,
            generation,
            attempt,
            status,
            at,
            None if given is None else dumps(given),
            None if output is None else dumps(output),
            None if failure is None else dumps(encode_failure(failure)),
            None if facts is None else dumps(facts),
            epoch,
        )
    detail = _execution_detail(transition)
    return (
        tenant,
        execution_id,
        transition.seq,
        "",
        "",
        0,
        0,
        transition.status,
        transition.at,
        None,
        None,
        None if transition.failure is None else dumps(encode_failure(transition.failure)),
        None if detail is None else dumps(detail),
        epoch,
    )


def decode_row(row: Any) -> Transition:
    """The transition that a row of the statement `history` records."""
    failure = decode_failure(_json(row["failure"]))
    detail: Any = _json(row["detail"])
    if row["step_path"] == EXECUTION_KEY.path:
        found: dict[str, Any] = detail or {}
        return ExecutionTransition(
            seq=row["seq"],
            status=ExecutionStatus(row["status"]),
            at=row["at"],
            failure=failure,
            failed_steps=tuple(found.get(_FAILED_STEPS, ())),
            detail=found.get(_FACTS),
        )
    return StepTransition(
        seq=row["seq"],
        key=StepKey(row["step_path"], row["iteration"]),
        status=StepStatus(row["status"]),
        at=row["at"],
        generation=row["generation"],
        attempt=row["attempt"],
        input=_json(row["input"]),
        output=_json(row["output"]),
        failure=failure,
        detail=detail,
    )


def _execution_detail(transition: ExecutionTransition) -> JsonObject | None:
    found: JsonObject = {}
    if transition.failed_steps:
        found[_FAILED_STEPS] = list(transition.failed_steps)
    if transition.detail is not None:
        found[_FACTS] = transition.detail
    return found or None


def _json(text: str | None) -> Json:
    return None if text is None else loads(text)
