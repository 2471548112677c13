"""The command `maestro doctor`."""

import asyncio
import sys
from dataclasses import asdict
from typing import Final

import click

from engine.jsonvalue import dumps
from scripts.cli.environment import command_environment
from scripts.doctor.examination import examine
from scripts.doctor.findings import Finding, Health

_COLOURS: Final = {Health.OK: "green", Health.WARNING: "yellow", Health.FAILED: "red", Health.SKIPPED: "bright_black"}


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Print the findings as a JSON array.")
def doctor(*, as_json: bool) -> None:
    """Look at settings, database, clock, Redis, policy and ledger, and name what is wrong.

    Changes nothing. Exit code 0: all is well (warnings included); 1: something has failed.
    """
    findings = asyncio.run(examine(command_environment()))
    if as_json:
        click.echo(dumps([{**asdict(each), "health": each.health.value} for each in findings]))
    else:
        for each in findings:
            _show(each)
    if any(each.health is Health.FAILED for each in findings):
        sys.exit(1)


def _show(finding: Finding) -> None:
    health = click.style(f"{finding.health:<8}", fg=_COLOURS[finding.health])
    code = "" if finding.health in (Health.OK, Health.SKIPPED) else f" ({finding.code})"
    click.echo(f"{health} {finding.subject:<9} {finding.message}{code}")
    if finding.remedy:
        click.echo(f"{'':<18} → {finding.remedy}")
