"""Steps and context of executions, for readers: their recorded transitions folded again by the core."""

from collections.abc import Sequence
from dataclasses import dataclass

from engine.jsonvalue import JsonObject
from engine.runtime.fold import apply
from engine.runtime.state import ExecutionHeader, ExecutionState
from engine.runtime.transitions import Transition
from engine.runtime.view import context_of, steps_of
from engine.services.execution_views import step_of
from engine.services.published import Published
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

    async def of(self, row: ExecutionRow, recorded: Sequence[Transition]) -> Folded:
        """Every step, pending ones too, and the context as the next step of the outermost scope would see it."""
        plan = (await self._published.version(row.tenant, row.workflow_id, row.workflow_version)).plan
        state = ExecutionState.new(_header(row))
        for transition in recorded:
            apply(plan, state, transition)
        return Folded(tuple(map(step_of, steps_of(plan, state))), context_of(plan, state))


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
