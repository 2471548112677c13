"""Inputs and results of what starts and controls executions."""

from typing import Annotated

import strawberry

from schema.enums import ExplainedEnum, enum
from schema.executions import Execution, ExecutionStatus, Priority
from schema.mutations.workflows import Failure
from schema.scalars import JSON, SemVer


@enum("What a person says became of an in-doubt attempt.")
class ResolveOutcome(ExplainedEnum):
    """What became of an in-doubt attempt."""

    completed = "completed", "It happened; `output` is what came of it."
    failed = "failed", "It did not happen, and is not to be tried again."
    retry = "retry", "It did not happen: try it again."


@enum("Operations that work on many executions at once.")
class BulkAction(ExplainedEnum):
    cancel = "cancel", "Ask for their ends."
    pause = "pause", "Hold them."
    resume = "resume", "Let them go on."
    retry = "retry", "Run their failed work again."


@strawberry.input(description="What to start an execution with.")
class ExecuteWorkflowInput:
    workflow_id: strawberry.ID = strawberry.field(description="Of the workflow.")
    version: SemVer | None = strawberry.field(default=None, description="Instead of the latest published one.")
    trigger_data: JSON | None = strawberry.field(default=None, description="Checked against `inputSchema`.")
    priority: Priority | None = strawberry.field(default=None, description="Instead of the workflow's own.")
    idempotency_key: str | None = strawberry.field(
        default=None, description="Makes the call repeatable for 24 hours: same key and input, same execution."
    )


@strawberry.input(description="An execution to end.")
class CancelExecutionInput:
    execution_id: strawberry.ID = strawberry.field(description="Of the execution.")
    reason: str = strawberry.field(default="", description="Stands in the audit log.")


@strawberry.input(description="An execution to hold.")
class PauseExecutionInput:
    execution_id: strawberry.ID = strawberry.field(description="Of the execution.")
    reason: str = strawberry.field(default="", description="Stands in the audit log.")


@strawberry.input(description="An execution to let go on.")
class ResumeExecutionInput:
    execution_id: strawberry.ID = strawberry.field(description="Of the execution.")
    reason: str = strawberry.field(default="", description="Stands in the audit log.")


@strawberry.input(description="An execution whose failed work is to run again.")
class RetryExecutionInput:
    execution_id: strawberry.ID = strawberry.field(description="Of the execution.")
    from_step_id: str | None = strawberry.field(default=None, description="From this step; else from the failed ones.")
    restart_successful: bool = strawberry.field(default=False, description="Also run finished steps behind it again.")


@strawberry.input(description="A signal.")
class SignalExecutionInput:
    execution_id: strawberry.ID = strawberry.field(description="Of the execution.")
    name: str = strawberry.field(description="Of the signal; a wait step names it.")
    payload: JSON | None = strawberry.field(default=None, description="The output of the waiting step.")


@strawberry.input(description="What became of an in-doubt step.")
class ResolveStepInput:
    execution_id: strawberry.ID = strawberry.field(description="Of the execution.")
    step_id: str = strawberry.field(description="The step's id in the definition.")
    outcome: ResolveOutcome = strawberry.field(description="What a person found out.")
    output: JSON | None = strawberry.field(default=None, description="Output of the step, where it completed.")
    comment: str = strawberry.field(default="", description="How it was found out.")
    iteration: str = strawberry.field(default="", description="One instance within loops: indices joined by `.`.")


@strawberry.input(description="Which executions.")
class ExecutionFilterInput:
    workflow_id: strawberry.ID | None = strawberry.field(default=None, description="Only those of this workflow.")
    status: ExecutionStatus | None = strawberry.field(default=None, description="Only those of this status.")
    version: SemVer | None = strawberry.field(default=None, description="Only those pinned to this version.")


@strawberry.input(description="One operation on all executions that match.")
class BulkExecutionsInput:
    action: BulkAction = strawberry.field(description="What to do with them.")
    filter: ExecutionFilterInput = strawberry.field(description="Which ones.")
    reason: str = strawberry.field(default="", description="Stands in the audit log.")


@strawberry.type(description="The execution is accepted: it is durable.")
class ExecuteWorkflowSuccess:
    execution: Execution = strawberry.field(description="The execution.")
    replayed: bool = strawberry.field(description="True where an earlier call with the same key started it.")


@strawberry.type(description="The end is asked for.")
class CancelExecutionSuccess:
    execution: Execution = strawberry.field(description="The execution.")


@strawberry.type(description="The execution is held.")
class PauseExecutionSuccess:
    execution: Execution = strawberry.field(description="The execution.")


@strawberry.type(description="The execution goes on.")
class ResumeExecutionSuccess:
    execution: Execution = strawberry.field(description="The execution.")


@strawberry.type(description="The failed work runs again.")
class RetryExecutionSuccess:
    execution: Execution = strawberry.field(description="The execution.")


@strawberry.type(description="The signal is kept until a step takes it.")
class SignalExecutionSuccess:
    execution: Execution = strawberry.field(description="The execution.")


@strawberry.type(description="The step is decided.")
class ResolveStepSuccess:
    execution: Execution = strawberry.field(description="The execution.")


@strawberry.type(description="Why a bulk operation left one execution alone.")
class BulkRefusal:
    execution_id: strawberry.ID = strawberry.field(description="Of the execution.")
    code: str = strawberry.field(description="Stable, dotted, lower-case.")
    message: str = strawberry.field(description="The reason.")


@strawberry.type(description="What a bulk operation did.")
class BulkExecutionsSuccess:
    done: list[strawberry.ID] = strawberry.field(description="Executions that it was done to.")
    refused: list[BulkRefusal] = strawberry.field(description="Executions that it left alone, and why.")
    remaining: bool = strawberry.field(description="True when more match than one call takes: call again.")


ExecuteWorkflowResult = Annotated[
    ExecuteWorkflowSuccess | Failure,
    strawberry.union("ExecuteWorkflowResult", description="Outcome of executeWorkflow."),
]
CancelExecutionResult = Annotated[
    CancelExecutionSuccess | Failure,
    strawberry.union("CancelExecutionResult", description="Outcome of cancelExecution."),
]
PauseExecutionResult = Annotated[
    PauseExecutionSuccess | Failure, strawberry.union("PauseExecutionResult", description="Outcome of pauseExecution.")
]
ResumeExecutionResult = Annotated[
    ResumeExecutionSuccess | Failure,
    strawberry.union("ResumeExecutionResult", description="Outcome of resumeExecution."),
]
RetryExecutionResult = Annotated[
    RetryExecutionSuccess | Failure, strawberry.union("RetryExecutionResult", description="Outcome of retryExecution.")
]
SignalExecutionResult = Annotated[
    SignalExecutionSuccess | Failure,
    strawberry.union("SignalExecutionResult", description="Outcome of signalExecution."),
]
ResolveStepResult = Annotated[
    ResolveStepSuccess | Failure, strawberry.union("ResolveStepResult", description="Outcome of resolveStep.")
]
BulkExecutionsResult = Annotated[
    BulkExecutionsSuccess | Failure, strawberry.union("BulkExecutionsResult", description="Outcome of bulkExecutions.")
]
