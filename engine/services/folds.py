"""Steps and context of executions, for readers: their recorded transitions folded again by the core."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from engine.jsonvalue import JsonObject
from engine.runtime.fold import apply
from engine.runtime.plan import Plan
from engine.runtime.state import ExecutionHeader, ExecutionState
from engine.runtime.transitions import Transition
from engine.runtime.view import context_of, steps_of
from engine.services.execution_views import step_of
from engine.services.published import KEPT_VERSIONS, Newest, Published
from engine.services.values import StepView
from engine.store.executions import ExecutionRow


@dataclass(frozen=True, slots=True)
class Folded:
    """What an execution's recorded transitions come to."""

    steps: tuple[StepView, ...]
    context: JsonObject


class Folds:
    """Folds executions, with the plans of their versions at hand."""

    def __init__(self, published: Published) -> None:
        self._published = published
        self._pending: Newest[tuple[str, UUID, str], tuple[StepView, ...]] = Newest(KEPT_VERSIONS)

    async def of(self, row: ExecutionRow, recorded: Sequence[Transition]) -> Folded:
        """Every step, pending ones too, and the context as the next step of the outermost scope would see it."""
        plan = (await self._published.version(row.tenant, row.workflow_id, row.workflow_version)).plan
        state = ExecutionState.new(_header(row))
        for transition in recorded:
            apply(plan, state, transition)
        steps = _steps(plan, state) if recorded else self._pending_steps(row, plan, state)
        return Folded(steps, context_of(plan, state))

    def _pending_steps(self, row: ExecutionRow, plan: Plan, state: ExecutionState) -> tuple[StepView, ...]:
        """Steps before anything has begun: the same for every execution of a version."""
        version = (row.tenant, row.workflow_id, row.workflow_version)
        kept = self._pending.get(version)
        if kept is None:
            kept = _steps(plan, state)
            self._pending.put(version, kept)
        return kept


def _steps(plan: Plan, state: ExecutionState) -> tuple[StepView, ...]:
    return tuple(map(step_of, steps_of(plan, state)))


def _header(row: ExecutionRow) -> ExecutionHeader:
    return ExecutionHeader(
        id=row.id,
        tenant=row.tenant,
        workflow_id=row.workflow_id,
        version=row.workflow_version,
        trigger_type=row.trigger_type,
        trigger_data=row.trigger_data,
        started_by=row.started_by,
        started_at=row.started_at,
        priority=row.priority,
        parent_execution_id=row.parent_execution_id,
    )
