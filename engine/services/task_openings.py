"""Tasks that steps open: from the core's effect to the row that a worker writes in the commit of the step."""

from dataclasses import dataclass, replace
from datetime import datetime
from uuid import UUID

from engine.runtime.effects import OpenTask
from engine.runtime.events import TaskClosed
from engine.runtime.transitions import Failure
from engine.services.task_views import new_task
from engine.store.task_rows import NewTask
from engine.tasks.opening import UnusableTaskError, draft_of, open_task

NOT_OPENED = "task.config_invalid"
ENGINE = "engine"
"""Who opens tasks of steps, on behalf of whoever started the execution."""


@dataclass(frozen=True, slots=True)
class Origin:
    """Whose step opens the task."""

    execution_id: UUID
    workflow_id: UUID
    started_by: str


def opening_of(effect: OpenTask, origin: Origin, task_id: UUID, now: datetime) -> NewTask | TaskClosed:
    """The task to write; or the news that fails the step, where its config has no use as it was filled in."""
    name = effect.key.path.rsplit("/", 1)[-1]
    try:
        draft = draft_of(effect.config, name, origin.started_by)
    except UnusableTaskError as error:
        failure = Failure(NOT_OPENED, f"No task could be opened: {error}")
        return TaskClosed(effect.key, effect.generation, task_id, "failed", failure=failure)
    made = new_task(draft, open_task(task_id, draft, now), now, origin.started_by, ENGINE)
    return replace(
        made,
        on_behalf_of=origin.started_by,
        execution_id=origin.execution_id,
        workflow_id=origin.workflow_id,
        step_path=effect.key.path,
        iteration=effect.key.iteration,
        generation=effect.generation,
        context=effect.input,
    )
