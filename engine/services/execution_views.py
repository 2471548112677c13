"""Executions as their readers get them: rows, steps, events and log lines."""

from uuid import UUID

from engine.definitions.model import Priority
from engine.jsonvalue import JsonObject
from engine.runtime.states import ExecutionStatus, StepStatus
from engine.runtime.transitions import ExecutionTransition, Failure, StepTransition, Transition
from engine.runtime.view import StepRecord
from engine.services.values import ErrorView, Execution, ExecutionEvent, LogEntry, StepView
from engine.store.executions import ExecutionRow, LogRow

_LEVELS = {StepStatus.FAILED: "error", StepStatus.IN_DOUBT: "warning"}


def step_of(record: StepRecord) -> StepView:
    """A step as readers get it."""
    parent = record.parent_step_id
    return StepView(
        step_id=record.step_id,
        status=record.status,
        started_at=record.started_at,
        completed_at=record.completed_at,
        input=record.input,
        output=record.output,
        error=error_of(record.failure),
        retry_count=record.retry_count,
        iteration=record.iteration,
        parent_step_id=None if parent is None else _id_of(parent),
    )


def _id_of(path: str) -> str:
    """Id of the step at a path through the loops around it."""
    return path.rsplit("/", 1)[-1]


def error_of(failure: Failure | None) -> ErrorView | None:
    """A failure as readers get it."""
    if failure is None:
        return None
    step_id = failure.details.get("stepId") if failure.details is not None else None
    named = _id_of(step_id) if isinstance(step_id, str) else None
    return ErrorView(failure.code, failure.message, named, failure.details)


def execution_of(
    row: ExecutionRow, steps: tuple[StepView, ...] | None = None, context: JsonObject | None = None
) -> Execution:
    """An execution as readers get it, with steps and context where they are given."""
    return Execution(
        id=row.id,
        workflow_id=row.workflow_id,
        workflow_version=row.workflow_version,
        status=ExecutionStatus(row.status),
        trigger_type=row.trigger_type,
        trigger_data=row.trigger_data,
        priority=Priority(row.priority),
        current_step=None if row.current_step is None else _id_of(row.current_step),
        started_by=row.started_by,
        created_at=row.created_at,
        started_at=row.started_at,
        completed_at=row.finished_at,
        failed_steps=tuple(dict.fromkeys(map(_id_of, row.failed_steps))),
        error=error_of(row.failure),
        parent_execution_id=row.parent_execution_id,
        steps=steps,
        context=context,
    )


def event_of(execution_id: UUID, transition: Transition) -> ExecutionEvent:
    """A transition as streams send it."""
    return ExecutionEvent(
        seq=transition.seq,
        at=transition.at,
        execution_id=execution_id,
        status=transition.status.value,
        step=_step_at(transition) if isinstance(transition, StepTransition) else None,
        error=error_of(transition.failure),
        attempt=transition.attempt if isinstance(transition, StepTransition) else 0,
    )


def _step_at(transition: StepTransition) -> StepView:
    """A step as one transition alone shows it."""
    *around, step_id = transition.key.path.split("/")
    status = transition.status
    return StepView(
        step_id=step_id,
        status=status,
        started_at=transition.at if status is StepStatus.RUNNING else None,
        completed_at=transition.at if status.is_final else None,
        input=transition.input,
        output=transition.output,
        error=error_of(transition.failure),
        retry_count=max(transition.attempt - 1, 0),
        iteration=transition.key.iteration or None,
        parent_step_id=around[-1] if around else None,
    )


def log_of(transition: Transition) -> LogEntry:
    """A transition as a line of the log."""
    failure = transition.failure
    reason = "" if failure is None else f": {failure.message}"
    if isinstance(transition, ExecutionTransition):
        level = "error" if transition.status is ExecutionStatus.FAILED else "info"
        message = f"The execution is {transition.status.value}{reason}"
        return LogEntry(transition.at, level, message, None, None, None, {"seq": transition.seq})
    *_, step_id = transition.key.path.split("/")
    retrying = transition.status is StepStatus.WAITING and failure is not None
    return LogEntry(
        at=transition.at,
        level="warning" if retrying else _LEVELS.get(transition.status, "info"),
        message=f"Step {step_id!r} is {transition.status.value.replace('_', ' ')}{reason}",
        step_id=step_id,
        iteration=transition.key.iteration or None,
        attempt=transition.attempt or None,
        fields={"seq": transition.seq} if failure is None else {"seq": transition.seq, "code": failure.code},
    )


def written_line(row: LogRow) -> LogEntry:
    """A line that the execution itself wrote."""
    step_id = None if row.step_path is None else _id_of(row.step_path)
    return LogEntry(row.at, row.level, row.message, step_id, row.iteration or None, row.attempt, row.fields)
