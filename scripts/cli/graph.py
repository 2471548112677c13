"""The command `maestro graph`."""

from dataclasses import asdict
from pathlib import Path
from typing import Final
from uuid import UUID

import click

from engine.errors import NotFound
from engine.identity.actor import Actor
from engine.jsonvalue import Json, JsonObject, dumps
from engine.services.services import Services
from scripts.cli.definitions import local_definition, read_file
from scripts.cli.operator import perform, tenant_option
from scripts.graphs.mermaid import mermaid_of
from scripts.graphs.model import Graph, StepMark, graph_of
from scripts.graphs.svg import svg_of

_FORMATS: Final = ("mermaid", "svg", "json")
_Found = tuple[JsonObject, tuple[StepMark, ...] | None, str]


@click.command()
@click.argument("source")
@click.option("--format", "form", type=click.Choice(_FORMATS), help="Else by the name of the output, else mermaid.")
@click.option("-o", "--output", type=click.Path(dir_okay=False, path_type=Path), help="Write to a file instead.")
@click.option("--version", help="Of a workflow; else its draft.")
@tenant_option
@click.option("--json", "as_json", is_flag=True, help="Short for --format json.")
def graph(
    source: str, form: str | None, output: Path | None, version: str | None, tenant: str, *, as_json: bool
) -> None:
    """Draw a definition or an execution.

    SOURCE is a definition file, or the id of a workflow or of an execution; an execution's steps show their states in
    colour.
    """
    document, marks, title = _found(source, version, tenant)
    picture = graph_of(local_definition(document, source).definition, marks)
    by_name = "svg" if output is not None and output.suffix == ".svg" else "mermaid"
    text = _written(picture, "json" if as_json else form or by_name, title)
    if output is None:
        click.echo(text, nl=False)
    else:
        output.write_text(text, encoding="utf-8")


def _written(picture: Graph, form: str, title: str) -> str:
    if form == "svg":
        return svg_of(picture, title)
    return dumps(asdict(picture)) + "\n" if form == "json" else mermaid_of(picture)


def _found(source: str, version: str | None, tenant: str) -> _Found:
    try:
        wanted = UUID(source)
    except ValueError:
        document: Json = read_file(Path(source))
        name = document.get("name") if isinstance(document, dict) else None
        return (document if isinstance(document, dict) else {}), None, str(name or source)
    return perform(tenant, lambda services, actor: _stored(services, actor, wanted, version))


async def _stored(services: Services, actor: Actor, wanted: UUID, version: str | None) -> _Found:
    """An execution of that id, else a workflow of it."""
    try:
        execution = await services.executions.get(actor, wanted)
    except NotFound:
        workflow = await services.workflows.get(actor, wanted)
        if version is None:
            return workflow.definition, None, workflow.name
        published = await services.workflows.version(actor, wanted, version)
        return published.definition, None, f"{workflow.name} {version}"
    published = await services.workflows.version(actor, execution.workflow_id, execution.workflow_version)
    marks = tuple(StepMark(step.step_id, step.status) for step in execution.steps or ())
    title = f"{published.definition['name']} {published.version}: {execution.status.value}"
    return published.definition, marks, title
