"""Views: what readers see of a state."""

from dataclasses import dataclass
from datetime import datetime

from engine.jsonvalue import Json, JsonObject
from engine.runtime.context import root_context
from engine.runtime.plan import Plan
from engine.runtime.retries import elapsed_ms
from engine.runtime.starting import snapshot
from engine.runtime.state import ExecutionState, StepState
from engine.runtime.states import StepKey, StepStatus
from engine.runtime.transitions import Failure


@dataclass(frozen=True, slots=True)
class StepRecord:
    """One step instance as `Execution.steps` shows it.

    Attributes:
        step_id: the last part of its path.
        iteration: loop indices joined by `.`; None outside of loops.
        parent_step_id: path of the loop around it; None outside of loops.
        input: None where the step got all of the context.
        duration_ms: from its first attempt to its end; None while it is not decided.
    """

    step_id: str
    path: str
    status: StepStatus
    generation: int
    retry_count: int
    started_at: datetime | None = None
    completed_at: datetime | None = None
    duration_ms: int | None = None
    input: Json = None
    output: Json = None
    failure: Failure | None = None
    iteration: str | None = None
    parent_step_id: str | None = None


def context_of(plan: Plan, state: ExecutionState) -> JsonObject:
    """The context of the execution as a whole; a copy that later steps do not change."""
    if state.root is None or state.root.context is None:
        return root_context(plan, state, {})
    return snapshot(state.root.context)


def steps_of(plan: Plan, state: ExecutionState) -> tuple[StepRecord, ...]:
    """Every step in the order of the document, pending ones too; those in loops once per iteration that began."""
    inside: dict[str, list[StepState]] = {}
    for step in state.steps.values():
        if step.scope.owner is not None:
            inside.setdefault(step.key.path, []).append(step)
    records: list[StepRecord] = []
    for node in plan.by_path.values():
        if node.scope.owner is not None:
            found = sorted(inside.get(node.path, ()), key=lambda step: _position(step.key))
            records.extend(_record(step) for step in found)
            continue
        root_step = state.steps.get(node.root_key)
        if root_step is None:
            records.append(StepRecord(node.step_id, node.path, StepStatus.PENDING, 0, 0))
        else:
            records.append(_record(root_step))
    return tuple(records)


def _position(key: StepKey) -> tuple[int, ...]:
    return tuple(map(int, key.iteration.split(".")))


def _record(step: StepState) -> StepRecord:
    owner = step.node.scope.owner
    duration = None
    if step.started_at is not None and step.finished_at is not None:
        duration = elapsed_ms(step.started_at, step.finished_at)
    return StepRecord(
        step_id=step.node.step_id,
        path=step.key.path,
        status=step.status,
        generation=step.generation,
        retry_count=max(step.attempt - 1, 0),
        started_at=step.started_at,
        completed_at=step.finished_at,
        duration_ms=duration,
        input=step.input,
        output=step.output,
        failure=step.failure,
        iteration=None if owner is None else step.key.iteration,
        parent_step_id=None if owner is None else owner.path,
    )
