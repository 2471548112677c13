"""The command `maestro actions`."""

import asyncio

import click
import orjson

from engine.actions.builtin import load_registry
from engine.actions.connections.values import Connection
from engine.actions.outbound.allow import AllowList
from engine.actions.reference import reference_page
from engine.actions.registry import ActionRegistry
from engine.actions.tools import make_tools
from engine.clock import SystemClock
from engine.errors import NotFound


class _NoConnections:
    async def resolve(self, tenant: str, name: str) -> Connection:  # noqa: ARG002 - the interface of all resolvers
        raise NotFound("connection", name)


@click.command()
@click.option("--markdown", is_flag=True, help="As the page docs/actions.md.")
def actions(*, markdown: bool) -> None:
    """List the actions that steps may use, those of installed packages included, with their config schemas."""
    registry = asyncio.run(_registry())
    if markdown:
        click.echo(reference_page(registry), nl=False)
        return
    listed = [
        {"name": name, "effect": str(registry.effects()[name]), "configSchema": schema}
        for name, schema in registry.schemas().items()
    ]
    click.echo(orjson.dumps(listed, option=orjson.OPT_INDENT_2).decode())


async def _registry() -> ActionRegistry:
    tools = make_tools(AllowList(), _NoConnections(), SystemClock())
    try:
        return load_registry(tools)
    finally:
        await tools.close()
