"""The command `maestro apply`: definitions as files, brought to the server."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from pathlib import Path
from typing import Final
from uuid import UUID

import click

from engine.definitions.diff import diff
from engine.definitions.hashing import content_of
from engine.definitions.normaliser import normalise
from engine.errors import Fault
from engine.identity.actor import Actor
from engine.jsonvalue import Json, JsonObject, dumps
from engine.services.requests import PublishRequest
from engine.services.services import Services
from scripts.cli.definitions import faulty, read_file
from scripts.cli.operator import perform, tenant_option
from scripts.cli.server_side import ServerSide, lines_of, server_side


class Step(StrEnum):
    """What becomes of a file's workflow."""

    CREATE = "create"
    UPDATE = "update"
    NONE = "unchanged"


@dataclass(frozen=True, slots=True)
class Planned:
    """What is to be done for one file.

    Attributes:
        changes: lines for people.
        bump: the smallest that the changes allow; None: nothing to compare with.
        version: that was published, or is published already.
    """

    file: Path
    document: JsonObject
    step: Step
    server: ServerSide | None
    changes: tuple[str, ...] = ()
    bump: str | None = None
    workflow_id: UUID | None = None
    version: str | None = None

    def as_json(self) -> JsonObject:
        """For programs."""
        return {
            "file": str(self.file),
            "name": self.document.get("name"),
            "step": self.step.value,
            "bump": self.bump,
            "workflowId": None if self.workflow_id is None else str(self.workflow_id),
            "version": self.version,
        }


_MARKS: Final = {Step.CREATE: "+", Step.UPDATE: "~", Step.NONE: "="}


@click.command()
@click.option("-f", "--file", "sources", required=True, multiple=True, type=click.Path(exists=True, path_type=Path))
@click.option("--dry-run", is_flag=True, help="Say what would be done, and do nothing.")
@click.option("--summary", default="Applied from files.", show_default=True, help="What changed, for people.")
@tenant_option
@click.option("--json", "as_json", is_flag=True, help="Print JSON: one object for each file.")
def apply(sources: tuple[Path, ...], summary: str, tenant: str, *, dry_run: bool, as_json: bool) -> None:
    """Create, update and publish workflows so that they are as the files say.

    -f names a definition file or a folder of `*.json`. A file stands for the workflow of its `id`, else of its name.
    All files are validated before the first is applied; what is published already is left alone, so that applying
    again does nothing.
    """
    files = _files(sources)
    documents = [(file, _object(file)) for file in files]

    async def work(services: Services, actor: Actor) -> list[Planned]:
        await validate(services, actor, documents)
        plans = [await plan_of(services, actor, file, document) for file, document in documents]
        return plans if dry_run else [await carry_out(services, actor, plan, summary) for plan in plans]

    plans = perform(tenant, work)
    if as_json:
        click.echo(dumps([plan.as_json() for plan in plans]))
        return
    for plan in plans:
        _show(plan, dry_run=dry_run)


def _files(sources: Sequence[Path]) -> list[Path]:
    found = [file for one in sources for file in (sorted(one.rglob("*.json")) if one.is_dir() else [one])]
    if not found:
        raise click.ClickException("There is no *.json file to apply.")
    return list(dict.fromkeys(found))


def _object(file: Path) -> JsonObject:
    document = read_file(file)
    if not isinstance(document, dict):
        raise click.ClickException(f"{file} holds no JSON object.")
    return document


async def validate(services: Services, actor: Actor, documents: Sequence[tuple[Path, JsonObject]]) -> None:
    """Let the server check all documents.

    Raises:
        ClickException: some have faults; each is a line of the message.
    """
    wrong: list[tuple[Path, tuple[Fault, ...]]] = []
    for file, document in documents:
        faults = await services.workflows.validate(actor, content_of(document))
        if faults:
            wrong.append((file, faults))
    if wrong:
        raise click.ClickException("\n".join(faulty(str(file), faults).message for file, faults in wrong))


async def plan_of(services: Services, actor: Actor, file: Path, document: JsonObject) -> Planned:
    """What is to be done so that the server has what a file says."""
    server = await server_side(services, actor, document)
    if server is None:
        return Planned(file, document, Step.CREATE, None)
    workflow = server.workflow
    before = workflow.definition if server.published is None else server.published
    changes = diff(before, content_of(document))
    same = not changes.changes and server.published is not None
    return Planned(
        file,
        document,
        Step.NONE if same else Step.UPDATE,
        server,
        tuple(lines_of(changes)),
        None if changes.suggested_bump is None else changes.suggested_bump.value,
        workflow.id,
        workflow.published_version,
    )


async def carry_out(services: Services, actor: Actor, plan: Planned, summary: str) -> Planned:
    """The plan once it is done, with the workflow and the version that it led to."""
    if plan.step is Step.NONE:
        return plan
    content: Json = normalise(content_of(plan.document)).document
    if plan.server is None:
        workflow = await services.workflows.create(actor, content)
    else:
        before = plan.server.workflow
        workflow = await services.workflows.update(actor, before.id, content, before.revision)
    request = PublishRequest(change_summary=summary, expected_revision=workflow.revision)
    version = await services.workflows.publish(actor, workflow.id, request)
    return replace(plan, workflow_id=workflow.id, version=version.version)


def _show(plan: Planned, *, dry_run: bool) -> None:
    what = f"would {plan.step}" if dry_run and plan.step is not Step.NONE else plan.step.value
    version = "" if dry_run or plan.version is None else f" {plan.version}"
    bump = f" ({plan.bump})" if plan.bump else ""
    click.echo(f"{_MARKS[plan.step]} {plan.document.get('name')}{version}: {what}{bump}  [{plan.file}]")
    for line in plan.changes:
        click.echo(f"    {line}")
