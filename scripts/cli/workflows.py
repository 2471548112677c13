"""The commands `maestro workflows …`."""

from typing import Final
from uuid import UUID

import click

from engine.definitions.semver import Bump
from engine.services.requests import ExecuteRequest, PublishRequest
from engine.services.values import PageRequest, WorkflowFilter
from rest_shim.models.executions import ExecutionBody
from rest_shim.models.workflows import VersionBody, WorkflowBody
from rest_shim.routes.slots import SlotBody
from scripts.cli.executions import EXECUTION
from scripts.cli.operator import json_option, perform, read_json, show, show_all, tenant_option

WORKFLOW: Final = {
    "id": "Id",
    "name": "Name",
    "status": "Status",
    "version": "Version",
    "revision": "Revision",
    "updatedAt": "Updated",
}
VERSION: Final = {"workflowId": "Workflow", "version": "Version", "contentHash": "Content", "createdAt": "Published"}
SLOT: Final = {"slot": "Slot", "executionId": "Execution", "takenAt": "Taken"}


@click.group()
def workflows() -> None:
    """List, create, publish and start workflows."""


@workflows.command("list")
@click.option("--search", help="Part of the name.")
@click.option("--limit", type=click.IntRange(1, 200), default=20, show_default=True)
@tenant_option
@json_option
def list_workflows(search: str | None, limit: int, tenant: str, *, as_json: bool) -> None:
    """Workflows of a tenant, newest first."""
    found = perform(
        tenant, lambda services, actor: services.workflows.list(actor, WorkflowFilter(search), PageRequest(limit=limit))
    )
    show_all([WorkflowBody.of(item) for item in found.items], as_json=as_json, columns=WORKFLOW)


@workflows.command("get")
@click.argument("workflow_id", type=click.UUID)
@tenant_option
@json_option
def get_workflow(workflow_id: UUID, tenant: str, *, as_json: bool) -> None:
    """One workflow; --json has the whole document."""
    found = perform(tenant, lambda services, actor: services.workflows.get(actor, workflow_id))
    show(WorkflowBody.of(found), as_json=as_json, columns=WORKFLOW)


@workflows.command("slots")
@click.argument("workflow_id", type=click.UUID)
@tenant_option
@json_option
def show_slots(workflow_id: UUID, tenant: str, *, as_json: bool) -> None:
    """Who holds the slots of a workflow that limits how many of its executions run at once."""
    found = perform(tenant, lambda services, actor: services.slots.list(actor, workflow_id))
    show_all([SlotBody.of(slot) for slot in found], as_json=as_json, columns=SLOT)


@workflows.command("create")
@click.argument("definition")
@tenant_option
@json_option
def create_workflow(definition: str, tenant: str, *, as_json: bool) -> None:
    """A new draft from a DEFINITION: JSON, @file, or @- for standard input."""
    made = perform(tenant, lambda services, actor: services.workflows.create(actor, read_json(definition)))
    show(WorkflowBody.of(made), as_json=as_json, columns=WORKFLOW)


@workflows.command("publish")
@click.argument("workflow_id", type=click.UUID)
@click.option("--bump", type=click.Choice([bump.value for bump in Bump]), default=Bump.MINOR.value, show_default=True)
@click.option("--summary", default="", help="What changed, for people.")
@tenant_option
@json_option
def publish_workflow(workflow_id: UUID, bump: str, summary: str, tenant: str, *, as_json: bool) -> None:
    """Publish the draft as an immutable version."""
    request = PublishRequest(bump=Bump(bump), change_summary=summary)
    made = perform(tenant, lambda services, actor: services.workflows.publish(actor, workflow_id, request))
    show(VersionBody.of(made), as_json=as_json, columns=VERSION)


@workflows.command("execute")
@click.argument("workflow_id", type=click.UUID)
@click.option("--data", help="Trigger data: JSON, @file, or @- for standard input.")
@click.option("--version", help="Instead of the latest published one.")
@click.option("--idempotency-key", help="Same key and data: the same execution.")
@tenant_option
@json_option
def execute_workflow(
    workflow_id: UUID,
    data: str | None,
    version: str | None,
    idempotency_key: str | None,
    tenant: str,
    *,
    as_json: bool,
) -> None:
    """Start an execution; it is durable when this answers."""
    request = ExecuteRequest(trigger_data=read_json(data), version=version)
    accepted = perform(
        tenant, lambda services, actor: services.executions.execute(actor, workflow_id, request, idempotency_key)
    )
    show(ExecutionBody.of(accepted.execution), as_json=as_json, columns=EXECUTION)
