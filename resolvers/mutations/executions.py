"""Mutations of executions: one input each, one call of a service, one result."""

from typing import cast

import strawberry

from engine.definitions.model import Priority
from engine.jsonvalue import Json
from engine.runtime.states import ExecutionStatus
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
from engine.services.values import ExecutionFilter
from resolvers import shapes
from resolvers.info import Info, identifier, identifier_or_none
from schema.fields import mutation
from schema.mutations import executions as graph


@strawberry.type
class ExecutionMutations:
    """Mutations of executions."""

    @mutation("Start an execution; it is durable before it is answered.")
    async def execute_workflow(self, info: Info, input: graph.ExecuteWorkflowInput) -> graph.ExecuteWorkflowResult:
        key = identifier("workflow", input.workflow_id)
        accepted = await info.context.services.executions.execute(
            info.context.actor, key, _execute_request(input), input.idempotency_key
        )
        return graph.ExecuteWorkflowSuccess(execution=shapes.execution(accepted.execution), replayed=accepted.replayed)

    @mutation("Ask for the end of an unfinished execution.")
    async def cancel_execution(self, info: Info, input: graph.CancelExecutionInput) -> graph.CancelExecutionResult:
        key = identifier("execution", input.execution_id)
        request = ControlRequest(reason=input.reason)
        execution = await info.context.services.executions.cancel(info.context.actor, key, request)
        return graph.CancelExecutionSuccess(execution=shapes.execution(execution))

    @mutation("Hold a queued or running execution.")
    async def pause_execution(self, info: Info, input: graph.PauseExecutionInput) -> graph.PauseExecutionResult:
        key = identifier("execution", input.execution_id)
        request = ControlRequest(reason=input.reason)
        execution = await info.context.services.executions.pause(info.context.actor, key, request)
        return graph.PauseExecutionSuccess(execution=shapes.execution(execution))

    @mutation("Let a paused execution go on.")
    async def resume_execution(self, info: Info, input: graph.ResumeExecutionInput) -> graph.ResumeExecutionResult:
        key = identifier("execution", input.execution_id)
        request = ControlRequest(reason=input.reason)
        execution = await info.context.services.executions.resume(info.context.actor, key, request)
        return graph.ResumeExecutionSuccess(execution=shapes.execution(execution))

    @mutation("Run failed work of a finished execution again.")
    async def retry_execution(self, info: Info, input: graph.RetryExecutionInput) -> graph.RetryExecutionResult:
        key = identifier("execution", input.execution_id)
        request = RetryRequest(from_step_id=input.from_step_id, restart_successful=input.restart_successful)
        execution = await info.context.services.executions.retry(info.context.actor, key, request)
        return graph.RetryExecutionSuccess(execution=shapes.execution(execution))

    @mutation("Send a signal; one that comes early is kept.")
    async def signal_execution(self, info: Info, input: graph.SignalExecutionInput) -> graph.SignalExecutionResult:
        key = identifier("execution", input.execution_id)
        request = SignalRequest(payload=cast("Json", input.payload))
        execution = await info.context.services.executions.signal(info.context.actor, key, input.name, request)
        return graph.SignalExecutionSuccess(execution=shapes.execution(execution))

    @mutation("Decide a step whose outcome a crash left unknown.")
    async def resolve_step(self, info: Info, input: graph.ResolveStepInput) -> graph.ResolveStepResult:
        key = identifier("execution", input.execution_id)
        request = _resolve_request(input)
        execution = await info.context.services.executions.resolve(info.context.actor, key, input.step_id, request)
        return graph.ResolveStepSuccess(execution=shapes.execution(execution))

    @mutation("One operation on all executions that match a filter.")
    async def bulk_executions(self, info: Info, input: graph.BulkExecutionsInput) -> graph.BulkExecutionsResult:
        result = await info.context.services.executions.bulk(info.context.actor, _bulk_request(input))
        refused = [
            graph.BulkRefusal(execution_id=strawberry.ID(str(r.execution_id)), code=r.code, message=r.message)
            for r in result.refused
        ]
        done = [strawberry.ID(str(execution_id)) for execution_id in result.done]
        return graph.BulkExecutionsSuccess(done=done, refused=refused, remaining=result.remaining)


def _execute_request(given: graph.ExecuteWorkflowInput) -> ExecuteRequest:
    data = cast("Json", given.trigger_data)
    return ExecuteRequest(
        trigger_data={} if data is None else data,
        version=given.version,
        priority=None if given.priority is None else Priority[given.priority.upper()],
    )


def _resolve_request(given: graph.ResolveStepInput) -> ResolveRequest:
    return ResolveRequest(
        outcome=ResolveOutcome(given.outcome),
        output=cast("Json", given.output),
        comment=given.comment,
        iteration=given.iteration,
    )


def _bulk_request(given: graph.BulkExecutionsInput) -> BulkRequest:
    wanted = ExecutionFilter(
        workflow_id=identifier_or_none("workflow", given.filter.workflow_id),
        status=None if given.filter.status is None else ExecutionStatus(given.filter.status),
        version=given.filter.version,
    )
    return BulkRequest(action=BulkAction(given.action), filter=wanted, reason=given.reason)
