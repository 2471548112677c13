"""The commands `maestro tasks …`."""

from typing import Final
from uuid import UUID

import click

from engine.services.task_values import CompleteRequest, ReasonRequest, TaskFilter
from engine.services.values import PageRequest
from engine.tasks.states import TaskStatus
from rest_shim.models.human_tasks import HumanTaskBody, TrailBody
from scripts.cli.operator import json_option, perform, read_json, show, show_all, tenant_option

TASK: Final = {
    "id": "Id",
    "title": "Title",
    "status": "Status",
    "owner": "Owner",
    "priority": "Priority",
    "executionId": "Execution",
    "stepId": "Step",
    "dueDate": "Due",
    "slaBreached": "Late",
    "formData": "Form",
}
_ROW: Final = {name: TASK[name] for name in ("id", "title", "status", "owner", "priority", "dueDate", "slaBreached")}
_STEP: Final = {
    "seq": "Seq",
    "at": "At",
    "action": "Action",
    "actor": "By",
    "from": "From",
    "to": "To",
    "reason": "Reason",
}


@click.group()
def tasks() -> None:
    """List, look at and do human tasks."""


@tasks.command("list")
@click.option("--status", type=click.Choice([status.value for status in TaskStatus]))
@click.option("--assignee", help="Only those that this person owns or may claim.")
@click.option("--group", help="Only those of this group.")
@click.option("--execution", "execution_id", type=click.UUID, help="Only of this execution.")
@click.option("--limit", type=click.IntRange(1, 200), default=20, show_default=True)
@tenant_option
@json_option
def list_tasks(  # noqa: PLR0913 - the options of the command
    *,
    status: str | None,
    assignee: str | None,
    group: str | None,
    execution_id: UUID | None,
    limit: int,
    tenant: str,
    as_json: bool,
) -> None:
    """Tasks of a tenant, newest first."""
    wanted = TaskFilter(TaskStatus(status) if status else None, assignee, group, execution_id)
    found = perform(
        tenant, lambda services, actor: services.human_tasks.list(actor, wanted, PageRequest(limit=limit), whole=True)
    )
    show_all([HumanTaskBody.of(task) for task in found.items], as_json=as_json, columns=_ROW)


@tasks.command("get")
@click.argument("task_id", type=click.UUID)
@tenant_option
@json_option
def get_task(task_id: UUID, tenant: str, *, as_json: bool) -> None:
    """One task with its trail."""
    found = perform(tenant, lambda services, actor: services.human_tasks.get(actor, task_id))
    show(HumanTaskBody.of(found), as_json=as_json, columns=TASK)
    if not as_json:
        click.echo()
        show_all([TrailBody.of(entry) for entry in found.trail or ()], as_json=False, columns=_STEP)


@tasks.command("claim")
@click.argument("task_id", type=click.UUID)
@click.option("--reason", default="", help="Stands in the task's trail.")
@tenant_option
@json_option
def claim_task(task_id: UUID, reason: str, tenant: str, *, as_json: bool) -> None:
    """Take a pending task."""
    request = ReasonRequest(reason=reason)
    found = perform(tenant, lambda services, actor: services.human_tasks.claim(actor, task_id, request))
    show(HumanTaskBody.of(found), as_json=as_json, columns=TASK)


@tasks.command("complete")
@click.argument("task_id", type=click.UUID)
@click.option("--form", help="JSON, @file, or @- for standard input.")
@click.option("--comment", default="", help="Kept with the task's comments.")
@tenant_option
@json_option
def complete_task(task_id: UUID, form: str | None, comment: str, tenant: str, *, as_json: bool) -> None:
    """Hand in the form of a task that you own."""
    request = CompleteRequest(form_data=read_json(form), comment=comment)
    found = perform(tenant, lambda services, actor: services.human_tasks.complete(actor, task_id, request))
    show(HumanTaskBody.of(found), as_json=as_json, columns=TASK)


@tasks.command("cancel")
@click.argument("task_id", type=click.UUID)
@click.option("--reason", default="", help="Stands in the task's trail.")
@tenant_option
@json_option
def cancel_task(task_id: UUID, reason: str, tenant: str, *, as_json: bool) -> None:
    """End a task without a result: its step fails."""
    request = ReasonRequest(reason=reason)
    found = perform(tenant, lambda services, actor: services.human_tasks.cancel(actor, task_id, request))
    show(HumanTaskBody.of(found), as_json=as_json, columns=TASK)
