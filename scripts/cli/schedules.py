"""The commands `maestro schedules …`."""

from datetime import UTC, datetime
from typing import Final
from uuid import UUID

import click

from engine.definitions.model import Overlap
from engine.services.schedule_values import BackfillRequest, HoldRequest, ReconcileRequest
from engine.services.values import PageRequest
from rest_shim.models.schedules import BackfilledBody, ReconciledBody, ScheduleBody, TickBody
from scripts.cli.operator import json_option, perform, show, show_all, tenant_option

SCHEDULE: Final = {
    "id": "Id",
    "workflowId": "Workflow",
    "cron": "Cron",
    "timezone": "Zone",
    "status": "Status",
    "nextTickAt": "Next tick",
}
_TICK: Final = {
    "tickAt": "Tick",
    "status": "Status",
    "count": "Count",
    "driftMs": "Drift",
    "executionId": "Execution",
    "reason": "Reason",
}
_RECONCILED: Final = {name: name.capitalize() for name in ("created", "updated", "removed", "unchanged", "recovered")}
_INSTANTS: Final = click.DateTime(["%Y-%m-%dT%H:%M:%S%z", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%d"])


@click.group()
def schedules() -> None:
    """List, reconcile, hold and backfill schedules."""


@schedules.command("list")
@click.option("--workflow", "workflow_id", type=click.UUID, help="Only of this workflow.")
@click.option("--limit", type=click.IntRange(1, 200), default=20, show_default=True)
@tenant_option
@json_option
def list_schedules(workflow_id: UUID | None, limit: int, tenant: str, *, as_json: bool) -> None:
    """Schedules of a tenant."""
    page = PageRequest(limit=limit)
    found = perform(tenant, lambda services, actor: services.schedules.list(actor, workflow_id, page))
    show_all([ScheduleBody.of(item) for item in found.items], as_json=as_json, columns=SCHEDULE)


@schedules.command("ticks")
@click.argument("schedule_id", type=click.UUID)
@click.option("--limit", type=click.IntRange(1, 200), default=20, show_default=True)
@tenant_option
@json_option
def list_ticks(schedule_id: UUID, limit: int, tenant: str, *, as_json: bool) -> None:
    """What became of the ticks of a schedule, newest first."""
    page = PageRequest(limit=limit)
    found = perform(tenant, lambda services, actor: services.schedules.ticks(actor, schedule_id, page))
    show_all([TickBody.of(item) for item in found.items], as_json=as_json, columns=_TICK)


@schedules.command("reconcile")
@click.option("--dry-run", is_flag=True, help="Only say what would be done.")
@tenant_option
@json_option
def reconcile_schedules(tenant: str, *, dry_run: bool, as_json: bool) -> None:
    """Make schedules equal to the triggers of published, active workflows."""
    request = ReconcileRequest(dry_run=dry_run)
    found = perform(tenant, lambda services, actor: services.schedules.reconcile(actor, request))
    show(ReconciledBody.of(found), as_json=as_json, columns=_RECONCILED)


@schedules.command("pause")
@click.argument("schedule_id", type=click.UUID)
@click.option("--reason", default="", help="Stands in the audit log.")
@tenant_option
@json_option
def pause_schedule(schedule_id: UUID, reason: str, tenant: str, *, as_json: bool) -> None:
    """Hold a schedule."""
    request = HoldRequest(reason=reason)
    found = perform(tenant, lambda services, actor: services.schedules.pause(actor, schedule_id, request))
    show(ScheduleBody.of(found), as_json=as_json, columns=SCHEDULE)


@schedules.command("resume")
@click.argument("schedule_id", type=click.UUID)
@click.option("--reason", default="", help="Stands in the audit log.")
@tenant_option
@json_option
def resume_schedule(schedule_id: UUID, reason: str, tenant: str, *, as_json: bool) -> None:
    """Let a schedule go on."""
    request = HoldRequest(reason=reason)
    found = perform(tenant, lambda services, actor: services.schedules.resume(actor, schedule_id, request))
    show(ScheduleBody.of(found), as_json=as_json, columns=SCHEDULE)


@schedules.command("backfill")
@click.argument("schedule_id", type=click.UUID)
@click.option("--from", "start", type=_INSTANTS, required=True, help="The first instant; UTC without an offset.")
@click.option("--to", "end", type=_INSTANTS, required=True, help="The last instant.")
@click.option("--overlap", type=click.Choice([one.value for one in Overlap]), help="Instead of the schedule's own.")
@tenant_option
@json_option
def backfill_schedule(
    schedule_id: UUID, start: datetime, end: datetime, overlap: str | None, tenant: str, *, as_json: bool
) -> None:
    """Start the ticks of a range that have not been started, both ends included."""
    request = BackfillRequest(
        start=_aware(start), end=_aware(end), overlap=None if overlap is None else Overlap(overlap)
    )
    found = perform(tenant, lambda services, actor: services.schedules.backfill(actor, schedule_id, request))
    show(BackfilledBody.of(found), as_json=as_json, columns={"asked": "Asked", "alreadyStarted": "Already"})


def _aware(instant: datetime) -> datetime:
    return instant if instant.tzinfo is not None else instant.replace(tzinfo=UTC)
