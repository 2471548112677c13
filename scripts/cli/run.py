"""The command `maestro run`."""

import sys
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from uuid import UUID

import click

from engine.identity.actor import Actor
from engine.jsonvalue import JsonObject, dumps
from engine.runtime.states import ExecutionStatus
from engine.services.requests import ExecuteRequest
from engine.services.services import Services
from engine.services.values import ExecutionEvent
from scripts.cli.apply import carry_out, plan_of, validate
from scripts.cli.definitions import read_file
from scripts.cli.operator import perform, read_json, tenant_option

Show = Callable[[ExecutionEvent], None]
_COLOURS = {"completed": "green", "failed": "red", "running": "blue", "waiting": "yellow", "in_doubt": "red"}


@click.command()
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--data", help="Trigger data: JSON, @file, or @- for standard input.")
@tenant_option
@click.option("--json", "as_json", is_flag=True, help="Print JSON: one line for each change.")
def run(file: Path, data: str | None, tenant: str, *, as_json: bool) -> None:
    """Start the definition of FILE on the running stack and watch its steps live.

    It is applied first, as by `maestro apply`. Leaving with Ctrl-C leaves the execution running. Exit code 0 only if it
    completed.
    """
    document = read_file(file)
    if not isinstance(document, dict):
        raise click.ClickException(f"{file} holds no JSON object.")
    request = ExecuteRequest(trigger_data=read_json(data))
    show = _show_json if as_json else _show

    async def work(services: Services, actor: Actor) -> str:
        workflow_id = await _applied(services, actor, file, document)
        accepted = await services.executions.execute(actor, workflow_id, request, None)
        if not as_json:
            click.echo(f"execution {accepted.execution.id}")
        return await follow(services.executions.events(actor, accepted.execution.id), show)

    if perform(tenant, work) != ExecutionStatus.COMPLETED.value:
        sys.exit(1)


async def follow(events: AsyncIterator[ExecutionEvent], show: Show) -> str:
    """Show each change of an execution as it comes; returns the status that it ends with."""
    status = ExecutionStatus.QUEUED.value
    async for event in events:
        show(event)
        if event.step is None:
            status = event.status
    return status


async def _applied(services: Services, actor: Actor, file: Path, document: JsonObject) -> UUID:
    await validate(services, actor, [(file, document)])
    done = await carry_out(services, actor, await plan_of(services, actor, file, document), "Run from a file.")
    if done.workflow_id is None:
        raise click.ClickException(f"{file} could not be applied.")
    return done.workflow_id


def _show(event: ExecutionEvent) -> None:
    status = event.status if event.step is None else event.step.status.value
    what = "execution" if event.step is None else event.step.step_id
    if event.step is not None and event.step.iteration is not None:
        what += f"[{event.step.iteration}]"
    attempt = f" attempt {event.attempt}" if event.attempt > 1 else ""
    error = "" if event.error is None else f"  {event.error.message} ({event.error.code})"
    shown = click.style(f"{status:<10}", fg=_COLOURS.get(status))
    click.echo(f"{event.at:%H:%M:%S.%f} {shown} {what}{attempt}{error}")


def _show_json(event: ExecutionEvent) -> None:
    step = event.step
    line: JsonObject = {
        "seq": event.seq,
        "at": event.at.isoformat(),
        "executionId": str(event.execution_id),
        "status": event.status if step is None else step.status.value,
        "stepId": None if step is None else step.step_id,
        "iteration": None if step is None else step.iteration,
        "attempt": event.attempt,
        "error": None if event.error is None else event.error.code,
    }
    click.echo(dumps(line))
