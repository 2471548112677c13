"""The commands `maestro audit …`."""

import asyncio
import json
import re
import sys
from collections.abc import Sequence
from typing import Final

import click

from engine.services.audit_verification import ChainReport, Head, tenants_with_entries, verify_chain
from engine.store.database import Database
from scripts.cli.environment import command_settings

_HEAD: Final = re.compile(r"([1-9][0-9]{0,17}):(sha256:[0-9a-f]{64})")


@click.group()
def audit() -> None:
    """Look after the audit log."""


@audit.command()
@click.option("--tenant", "tenants", multiple=True, help="Only this tenant; repeatable. All of them by default.")
@click.option("--head", help="SEQ:HASH of an earlier report of the one --tenant: finds a chain that was cut.")
@click.option("--json", "as_json", is_flag=True, help="One JSON document.")
def verify(tenants: tuple[str, ...], head: str | None, *, as_json: bool) -> None:
    """Compute the hash chains of the audit log again. 0: they hold; 1: something was changed, and what."""
    known = _head(head)
    if known is not None and len(tenants) != 1:
        raise click.UsageError("--head goes with exactly one --tenant.")
    reports = asyncio.run(_verified(tenants, known))
    if as_json:
        click.echo(json.dumps([_document(report) for report in reports], indent=2))
    else:
        for report in reports:
            _show(report)
    sys.exit(1 if any(report.defects for report in reports) else 0)


async def _verified(tenants: Sequence[str], known: Head | None) -> list[ChainReport]:
    database = Database.connect(command_settings().database_url, application_name="maestro audit", pool_size=1)
    try:
        wanted = tenants or await tenants_with_entries(database)
        return [await verify_chain(database, tenant, known) for tenant in wanted]
    finally:
        await database.close()


def _head(text: str | None) -> Head | None:
    if text is None:
        return None
    found = _HEAD.fullmatch(text)
    if found is None:
        raise click.UsageError("--head is SEQ:HASH, as the report says it.")
    return Head(int(found[1]), found[2])


def _show(report: ChainReport) -> None:
    head = "empty" if report.head is None else f"head {report.head.seq}:{report.head.hash}"
    waiting = f", {report.waiting} not chained yet" if report.waiting else ""
    verdict = f"{len(report.defects)} DEFECTS" if report.defects else "holds"
    click.echo(f"{report.tenant}: {verdict}, {report.links} links, {head}{waiting}")
    for defect in report.defects:
        click.echo(f"  {defect}")


def _document(report: ChainReport) -> dict[str, object]:
    head = None if report.head is None else {"seq": report.head.seq, "hash": report.head.hash}
    return {
        "tenant": report.tenant,
        "valid": not report.defects,
        "links": report.links,
        "head": head,
        "waiting": report.waiting,
        "defects": list(report.defects),
    }
