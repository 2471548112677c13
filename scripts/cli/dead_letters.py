"""The commands `maestro dead-letters …`."""

from typing import Final
from uuid import UUID

import click

from engine.services.dead_letter_values import DeadLetterFilter, DeadLetterKind, DeadLetterStatus
from engine.services.requests import ControlRequest
from engine.services.values import PageRequest
from rest_shim.models.dead_letters import DeadLetterBody
from scripts.cli.operator import json_option, perform, show, show_all, tenant_option

LETTER: Final = {
    "id": "Id",
    "kind": "Kind",
    "subject": "Subject",
    "executionId": "Execution",
    "code": "Code",
    "message": "Message",
    "deliveries": "Deliveries",
    "status": "Status",
    "createdAt": "Given up",
    "redrivenBy": "Redriven by",
    "payload": "Payload",
    "history": "History",
}
_ROW: Final = {
    name: LETTER[name] for name in ("id", "kind", "executionId", "code", "deliveries", "status", "createdAt")
}


@click.group("dead-letters")
def dead_letters() -> None:
    """List, inspect and redrive work that was given up. Messages of nobody belong to the tenant '*'."""


@dead_letters.command("list")
@click.option("--status", type=click.Choice([status.value for status in DeadLetterStatus]))
@click.option("--kind", type=click.Choice([kind.value for kind in DeadLetterKind]))
@click.option("--execution", "execution_id", type=click.UUID, help="Only about this execution.")
@click.option("--limit", type=click.IntRange(1, 200), default=20, show_default=True)
@tenant_option
@json_option
def list_letters(
    status: str | None, kind: str | None, execution_id: UUID | None, limit: int, tenant: str, *, as_json: bool
) -> None:
    """Dead letters of a tenant, newest first."""
    wanted = DeadLetterFilter(
        DeadLetterStatus(status) if status else None, DeadLetterKind(kind) if kind else None, execution_id
    )
    found = perform(tenant, lambda services, actor: services.dead_letters.list(actor, wanted, PageRequest(limit=limit)))
    show_all([DeadLetterBody.of(letter) for letter in found.items], as_json=as_json, columns=_ROW)


@dead_letters.command("get")
@click.argument("letter_id", type=click.UUID)
@tenant_option
@json_option
def get_letter(letter_id: UUID, tenant: str, *, as_json: bool) -> None:
    """One dead letter with its cause, its payload and its whole history."""
    found = perform(tenant, lambda services, actor: services.dead_letters.get(actor, letter_id))
    show(DeadLetterBody.of(found), as_json=as_json, columns=LETTER)


@dead_letters.command("redrive")
@click.argument("letter_id", type=click.UUID)
@click.option("--reason", default="", help="Stands in the audit log.")
@tenant_option
@json_option
def redrive_letter(letter_id: UUID, reason: str, tenant: str, *, as_json: bool) -> None:
    """Put it back: the execution is retried, the message rung for again, the parcel sent again."""
    request = ControlRequest(reason=reason)
    found = perform(tenant, lambda services, actor: services.dead_letters.redrive(actor, letter_id, request))
    show(DeadLetterBody.of(found), as_json=as_json, columns=LETTER)
