"""The commands `maestro executions …`."""

from pathlib import Path
from typing import Final
from uuid import UUID

import click

from engine.identity.actor import Actor
from engine.runtime.states import ExecutionStatus
from engine.services.requests import ControlRequest, RetryRequest, SignalRequest
from engine.services.services import Services
from engine.services.values import ExecutionFilter, PageRequest
from rest_shim.models.executions import ExecutionBody, LogBody, StepBody
from scripts.cli.operator import json_option, perform, read_json, show, show_all, tenant_option

EXECUTION: Final = {
    "id": "Id",
    "workflowId": "Workflow",
    "workflowVersion": "Version",
    "status": "Status",
    "currentStep": "Step",
    "startedAt": "Started",
    "completedAt": "Completed",
    "error": "Error",
}
_ROW: Final = {name: title for name, title in EXECUTION.items() if name != "error"}
_STEP: Final = {
    "stepId": "Step",
    "iteration": "Iteration",
    "status": "Status",
    "retryCount": "Retries",
    "error": "Error",
}
_LOG: Final = {"at": "At", "level": "Level", "stepId": "Step", "message": "Message"}


@click.group()
def executions() -> None:
    """List, look at and control executions."""


@executions.command("list")
@click.option("--workflow", "workflow_id", type=click.UUID, help="Only of this workflow.")
@click.option("--status", type=click.Choice([status.value for status in ExecutionStatus]))
@click.option("--limit", type=click.IntRange(1, 200), default=20, show_default=True)
@tenant_option
@json_option
def list_executions(workflow_id: UUID | None, status: str | None, limit: int, tenant: str, *, as_json: bool) -> None:
    """Executions of a tenant, newest first."""
    wanted = ExecutionFilter(workflow_id, ExecutionStatus(status) if status else None)
    found = perform(
        tenant, lambda services, actor: services.executions.list(actor, wanted, PageRequest(limit=limit), whole=as_json)
    )
    show_all([ExecutionBody.of(item) for item in found.items], as_json=as_json, columns=_ROW)


@executions.command("get")
@click.argument("execution_id", type=click.UUID)
@tenant_option
@json_option
def get_execution(execution_id: UUID, tenant: str, *, as_json: bool) -> None:
    """One execution with its steps."""
    found = perform(tenant, lambda services, actor: services.executions.get(actor, execution_id))
    show(ExecutionBody.of(found), as_json=as_json, columns=EXECUTION)
    if not as_json:
        click.echo()
        show_all([StepBody.of(step) for step in found.steps or ()], as_json=False, columns=_STEP)


@executions.command("logs")
@click.argument("execution_id", type=click.UUID)
@tenant_option
@json_option
def show_logs(execution_id: UUID, tenant: str, *, as_json: bool) -> None:
    """What an execution logged."""
    found = perform(tenant, lambda services, actor: services.executions.logs(actor, execution_id))
    show_all([LogBody.of(entry) for entry in found], as_json=as_json, columns=_LOG)


@executions.command("cancel")
@click.argument("execution_id", type=click.UUID)
@click.option("--reason", default="", help="Stands in the audit log.")
@tenant_option
@json_option
def cancel_execution(execution_id: UUID, reason: str, tenant: str, *, as_json: bool) -> None:
    """End an unfinished execution."""
    request = ControlRequest(reason=reason)
    found = perform(tenant, lambda services, actor: services.executions.cancel(actor, execution_id, request))
    show(ExecutionBody.of(found), as_json=as_json, columns=EXECUTION)


@executions.command("pause")
@click.argument("execution_id", type=click.UUID)
@click.option("--reason", default="", help="Stands in the audit log.")
@tenant_option
@json_option
def pause_execution(execution_id: UUID, reason: str, tenant: str, *, as_json: bool) -> None:
    """Hold a queued or running execution."""
    request = ControlRequest(reason=reason)
    found = perform(tenant, lambda services, actor: services.executions.pause(actor, execution_id, request))
    show(ExecutionBody.of(found), as_json=as_json, columns=EXECUTION)


@executions.command("resume")
@click.argument("execution_id", type=click.UUID)
@click.option("--reason", default="", help="Stands in the audit log.")
@tenant_option
@json_option
def resume_execution(execution_id: UUID, reason: str, tenant: str, *, as_json: bool) -> None:
    """Let a paused execution go on."""
    request = ControlRequest(reason=reason)
    found = perform(tenant, lambda services, actor: services.executions.resume(actor, execution_id, request))
    show(ExecutionBody.of(found), as_json=as_json, columns=EXECUTION)


@executions.command("retry")
@click.argument("execution_id", type=click.UUID)
@click.option("--from-step", "from_step_id", help="From this step; else from the failed ones.")
@tenant_option
@json_option
def retry_execution(execution_id: UUID, from_step_id: str | None, tenant: str, *, as_json: bool) -> None:
    """Run failed work again, keeping what is finished."""
    request = RetryRequest(from_step_id=from_step_id)
    found = perform(tenant, lambda services, actor: services.executions.retry(actor, execution_id, request))
    show(ExecutionBody.of(found), as_json=as_json, columns=EXECUTION)


@executions.command("evidence")
@click.argument("execution_id", type=click.UUID)
@click.option("-o", "--output", type=click.Path(dir_okay=False, path_type=Path), required=True, help="Where to put it.")
@tenant_option
def export_evidence(execution_id: UUID, output: Path, tenant: str) -> None:
    """Export the evidence of a finished execution; `./scripts/verify-bundle` checks it."""

    async def save(services: Services, actor: Actor) -> int:
        found = await services.evidence.export(actor, execution_id)
        partial = output.with_name(f"{output.name}.partial")
        size = 0
        try:
            with partial.open("wb") as file:
                async for chunk in found.chunks:
                    size += file.write(chunk)
            partial.replace(output)
        finally:
            partial.unlink(missing_ok=True)
        return size

    size = perform(tenant, save)
    click.echo(f"{output}: {size:,} bytes")


@executions.command("signal")
@click.argument("execution_id", type=click.UUID)
@click.argument("name")
@click.option("--payload", help="JSON, @file, or @- for standard input.")
@tenant_option
@json_option
def signal_execution(execution_id: UUID, name: str, payload: str | None, tenant: str, *, as_json: bool) -> None:
    """Send a signal; it is kept until a step takes it."""
    request = SignalRequest(payload=read_json(payload))
    found = perform(tenant, lambda services, actor: services.executions.signal(actor, execution_id, name, request))
    show(ExecutionBody.of(found), as_json=as_json, columns=EXECUTION)
