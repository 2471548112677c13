"""Bodies of executions."""

# ruff: noqa: RUF009 - `wire` makes a dataclass field

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from engine.definitions.model import Priority
from engine.jsonvalue import Json, JsonObject
from engine.runtime.states import ExecutionStatus, StepStatus
from engine.services.published import KEPT_VERSIONS, Newest
from engine.services.requests import (
    BulkAction,
    BulkRequest,
    ControlRequest,
    ExecuteRequest,
    ResolveOutcome,
    ResolveRequest,
    RetryRequest,
    SignalRequest,
)
from engine.services.values import (
    BulkResult,
    ErrorView,
    Execution,
    ExecutionEvent,
    ExecutionFilter,
    LogEntry,
    StepView,
)
from rest_shim.models.paging import CURSOR, DEFAULT_LIMIT, LIMIT, PAGE
from rest_shim.shapes import Lasting, Rule, wire


@dataclass(frozen=True, slots=True)
class ErrorBody:
    """Why a step or an execution failed."""

    code: str = wire("Stable, dotted, lower-case.")
    message: str = wire("What happened.")
    step_id: str | None = wire("The step that brought the execution down.", default=None)
    details: JsonObject | None = wire("Facts of the failure.", default=None)

    @classmethod
    def of(cls, error: ErrorView | None) -> "ErrorBody | None":
        """Body of an error, None of none."""
        return None if error is None else cls(error.code, error.message, error.step_id, error.details)


@dataclass(frozen=True, slots=True)
class StepBody:
    """One step instance of an execution."""

    step_id: str = wire("The step's id in the definition.")
    status: StepStatus = wire("Where it stands.")
    started_at: datetime | None = wire("Start of its first attempt.")
    completed_at: datetime | None = wire("When it reached a final status.")
    input: Json = wire("What it was given.")
    output: Json = wire("What it gave.")
    error: ErrorBody | None = wire("Why it failed.")
    retry_count: int = wire("Attempts after the first.")
    duration: int | None = wire("Milliseconds from start to end.")
    iteration: str | None = wire("Loop indices joined by `.`.")
    parent_step_id: str | None = wire("The loop around it.")

    @classmethod
    def of(cls, step: StepView) -> "StepBody":
        """Body of a step."""
        return cls(
            step_id=step.step_id,
            status=step.status,
            started_at=step.started_at,
            completed_at=step.completed_at,
            input=step.input,
            output=step.output,
            error=ErrorBody.of(step.error),
            retry_count=step.retry_count,
            duration=step.duration_ms,
            iteration=step.iteration,
            parent_step_id=step.parent_step_id,
        )


@dataclass(frozen=True, slots=True)
class ExecutionBody:
    """One run of a published version."""

    id: UUID = wire("Set by the server.")
    workflow_id: UUID = wire("The workflow that runs.")
    workflow_version: str = wire("The version that it is pinned to.")
    status: ExecutionStatus = wire("Where it stands.")
    trigger_type: str = wire("What started it.")
    trigger_data: Json = wire("What it was started with.")
    context: JsonObject = wire("What conditions and templates see.")
    current_step: str | None = wire("The step that moved last.")
    started_by: str = wire("Who started it.")
    created_at: datetime = wire("When it was accepted.")
    started_at: datetime | None = wire("When a worker first took it.")
    completed_at: datetime | None = wire("When it reached a final status.")
    steps: tuple[StepBody, ...] = wire("Its steps as they stand.")
    failed_steps: tuple[str, ...] = wire("Steps whose failure was not handled.")
    error: ErrorBody | None = wire("Why it failed.")
    parent_execution_id: UUID | None = wire("The execution whose subprocess step started it.")
    priority: Priority = wire("Order in which queued executions are taken.")

    @classmethod
    def of(cls, execution: Execution, *, fresh: bool = False) -> "ExecutionBody":
        """Body of an execution; `fresh`: nothing of it has begun, so its steps are like those of all such."""
        steps = execution.steps or ()
        return cls(
            id=execution.id,
            workflow_id=execution.workflow_id,
            workflow_version=execution.workflow_version,
            status=execution.status,
            trigger_type=execution.trigger_type,
            trigger_data=execution.trigger_data,
            context=execution.context or {},
            current_step=execution.current_step,
            started_by=execution.started_by,
            created_at=execution.created_at,
            started_at=execution.started_at,
            completed_at=execution.completed_at,
            steps=_pending(steps) if fresh else tuple(map(StepBody.of, steps)),
            failed_steps=execution.failed_steps,
            error=ErrorBody.of(execution.error),
            parent_execution_id=execution.parent_execution_id,
            priority=execution.priority,
        )


_PENDING: Newest[int, tuple[tuple[StepView, ...], Lasting[StepBody]]] = Newest(KEPT_VERSIONS)


def _pending(steps: tuple[StepView, ...]) -> Lasting[StepBody]:
    """Bodies of the steps of a version before anything has begun; they are the same object in every execution of it."""
    kept = _PENDING.get(id(steps))
    if kept is None:
        kept = (steps, Lasting(map(StepBody.of, steps)))  # with the steps: nothing else can have their identity then
        _PENDING.put(id(steps), kept)
    return kept[1]


@dataclass(frozen=True, slots=True)
class ExecutionQuery:
    """Which executions."""

    workflow_id: UUID | None = wire("Only those of this workflow.", default=None)
    status: ExecutionStatus | None = wire("Only those of this status.", default=None)
    version: str | None = wire(Rule("Only those pinned to this version.", max_length=128), default=None)
    page: int | None = wire(PAGE, default=None)
    limit: int = wire(LIMIT, default=DEFAULT_LIMIT)
    cursor: str | None = wire(CURSOR, default=None)


@dataclass(frozen=True, slots=True)
class ExecuteBody:
    """What to start an execution with."""

    trigger_data: Json = wire(
        Rule("Checked against the version's `inputSchema`.", example={"orderId": 7}), default=None
    )
    version: str | None = wire(Rule("Instead of the latest published one.", max_length=128), default=None)
    priority: Priority | None = wire("Instead of the workflow's own.", default=None)

    def request(self) -> ExecuteRequest:
        """Request of the body."""
        data = {} if self.trigger_data is None else self.trigger_data
        return ExecuteRequest(trigger_data=data, version=self.version, priority=self.priority)


@dataclass(frozen=True, slots=True)
class ControlBody:
    """Why; it stands in the audit log."""

    reason: str | None = wire(Rule("For people.", max_length=2_000), default=None)

    def request(self) -> ControlRequest:
        """Request of the body."""
        return ControlRequest(reason=self.reason or "")


@dataclass(frozen=True, slots=True)
class RetryBody:
    """From where failed work runs again."""

    from_step_id: str | None = wire(
        Rule("From this step on; else from the failed steps.", max_length=1_000), default=None
    )
    node_id: str | None = wire(Rule("Older name of `fromStepId`.", max_length=1_000), default=None)
    restart_successful: bool | None = wire("Also run finished steps behind it again.", default=None)

    def request(self) -> RetryRequest:
        """Request of the body."""
        return RetryRequest(
            from_step_id=self.from_step_id or self.node_id, restart_successful=bool(self.restart_successful)
        )


@dataclass(frozen=True, slots=True)
class SignalBody:
    """What a signal carries."""

    payload: Json = wire("The output of the waiting step.", default=None)

    def request(self) -> SignalRequest:
        """Request of the body."""
        return SignalRequest(payload=self.payload)


@dataclass(frozen=True, slots=True)
class ResolveBody:
    """What became of an in-doubt step."""

    outcome: ResolveOutcome = wire("What a person found out.")
    output: Json = wire("Output of the step, where it completed.", default=None)
    comment: str | None = wire(Rule("How it was found out.", max_length=2_000), default=None)
    iteration: str | None = wire(
        Rule("One instance within loops: indices joined by `.`.", max_length=200), default=None
    )

    def request(self) -> ResolveRequest:
        """Request of the body."""
        return ResolveRequest(
            outcome=self.outcome, output=self.output, comment=self.comment or "", iteration=self.iteration or ""
        )


@dataclass(frozen=True, slots=True)
class BulkFilter:
    """Which executions a bulk operation is for."""

    workflow_id: UUID | None = wire("Only those of this workflow.", default=None)
    status: ExecutionStatus | None = wire("Only those of this status.", default=None)
    version: str | None = wire(Rule("Only those pinned to this version.", max_length=128), default=None)


EVERY_EXECUTION = BulkFilter()


@dataclass(frozen=True, slots=True)
class BulkBody:
    """One operation on all executions that match."""

    action: BulkAction = wire("What to do with them.")
    filter: BulkFilter = wire("Which ones; without it, all.", default=EVERY_EXECUTION)
    reason: str | None = wire(Rule("For people.", max_length=2_000), default=None)

    def request(self) -> BulkRequest:
        """Request of the body."""
        wanted = ExecutionFilter(self.filter.workflow_id, self.filter.status, self.filter.version)
        return BulkRequest(action=self.action, filter=wanted, reason=self.reason or "")


@dataclass(frozen=True, slots=True)
class RefusalBody:
    """Why a bulk operation left one execution alone."""

    execution_id: UUID = wire("Of the execution.")
    code: str = wire("Stable, dotted, lower-case.")
    message: str = wire("The reason.")


@dataclass(frozen=True, slots=True)
class BulkResultBody:
    """What a bulk operation did."""

    done: tuple[UUID, ...] = wire("Executions that it was done to.")
    refused: tuple[RefusalBody, ...] = wire("Executions that it left alone, and why.")
    remaining: bool = wire("True when more match than one call takes: call again.")

    @classmethod
    def of(cls, result: BulkResult) -> "BulkResultBody":
        """Body of a result."""
        refused = tuple(RefusalBody(r.execution_id, r.code, r.message) for r in result.refused)
        return cls(result.done, refused, result.remaining)


@dataclass(frozen=True, slots=True)
class LogBody:
    """One line of an execution's log."""

    at: datetime = wire("When.")
    level: str = wire("`debug`, `info`, `warning` or `error`.")
    message: str = wire("What happened, for people.")
    step_id: str | None = wire("The step that it is about.")
    iteration: str | None = wire("Loop indices joined by `.`.")
    attempt: int | None = wire("Attempt of the step, from 1.")
    fields: JsonObject = wire("Facts, for machines.")

    @classmethod
    def of(cls, entry: LogEntry) -> "LogBody":
        """Body of a log line."""
        return cls(entry.at, entry.level, entry.message, entry.step_id, entry.iteration, entry.attempt, entry.fields)


@dataclass(frozen=True, slots=True)
class EventBody:
    """One recorded transition of an execution."""

    seq: int = wire("The event's id; streams resume after it.")
    at: datetime = wire("When it was recorded.")
    execution_id: UUID = wire("Of the execution.")
    status: str = wire("Status that was reached.")
    step: StepBody | None = wire("The step that moved; null for the execution itself.")
    error: ErrorBody | None = wire("Why it failed.")
    attempt: int = wire("Attempt of the step, from 1.")

    @classmethod
    def of(cls, event: ExecutionEvent) -> "EventBody":
        """Body of an event."""
        step = None if event.step is None else StepBody.of(event.step)
        return cls(
            event.seq, event.at, event.execution_id, event.status, step, ErrorBody.of(event.error), event.attempt
        )
