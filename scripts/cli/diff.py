"""The command `maestro diff`."""

import sys
from pathlib import Path
from typing import Final
from uuid import UUID

import click

from engine.definitions.changes import Diff
from engine.definitions.diff import diff as compare
from engine.identity.actor import Actor
from engine.jsonvalue import JsonObject, dumps
from engine.services.services import Services
from scripts.cli.definitions import local_definition, read_file
from scripts.cli.operator import perform, tenant_option
from scripts.cli.server_side import lines_of, server_side

_DIFFERS: Final = 3


@click.command()
@click.argument("older")
@click.argument("newer", required=False)
@click.option("--exit-code", "tells", is_flag=True, help="End with 3 where something differs.")
@tenant_option
@click.option("--json", "as_json", is_flag=True, help="Print JSON, as the REST API answers it.")
def diff(older: str, newer: str | None, tenant: str, *, tells: bool, as_json: bool) -> None:
    """What differs between two definitions, and the smallest bump that allows it.

    OLDER and NEWER are definition files, or workflows by id: the draft, or a version as in `<id>@1.2.0`. One file alone
    is compared with the latest published version of the workflow of its name.
    """
    changes = _compared(older, newer, tenant)
    if as_json:
        click.echo(dumps(changes.as_json()))
    else:
        for line in lines_of(changes):
            click.echo(line)
        bump = changes.suggested_bump
        click.echo("Nothing differs." if bump is None else f"Smallest bump: {bump.value}.")
    if tells and changes.changes:
        sys.exit(_DIFFERS)


def _compared(older: str, newer: str | None, tenant: str) -> Diff:
    if newer is not None:
        return compare(_definition(older, tenant), _definition(newer, tenant))
    document = _definition(older, tenant)
    sent = read_file(Path(older)) if Path(older).is_file() else document

    async def published(services: Services, actor: Actor) -> JsonObject:
        found = await server_side(services, actor, sent if isinstance(sent, dict) else document)
        if found is None:
            raise click.ClickException(f"No workflow is called {document['name']!r} on the server.")
        return found.workflow.definition if found.published is None else found.published

    return compare(perform(tenant, published), document)


def _definition(source: str, tenant: str) -> JsonObject:
    named, _, version = source.partition("@")
    try:
        workflow_id = UUID(named)
    except ValueError:
        return local_definition(read_file(Path(source)), source).document

    async def stored(services: Services, actor: Actor) -> JsonObject:
        if version and version != "draft":
            return (await services.workflows.version(actor, workflow_id, version)).definition
        return (await services.workflows.get(actor, workflow_id)).definition

    return perform(tenant, stored)
