"""What the operator's nouns share: who acts, the use cases, and how answers are printed."""

import asyncio
import getpass
import sys
from collections.abc import Awaitable, Callable, Mapping, Sequence
from pathlib import Path
from typing import TypeVar
from uuid import uuid4

import click
from rich.console import Console
from rich.table import Table

from engine.bootstrap import open_services
from engine.clock import SystemClock
from engine.definitions.reading import read_payload
from engine.errors import ValidationFailed
from engine.identity.actor import Actor
from engine.jsonvalue import Json, dumps
from engine.services.services import Services
from rest_shim.shapes import write
from scripts.cli.environment import command_settings

T = TypeVar("T")
UseCase = Callable[[Services, Actor], Awaitable[T]]
UNBOUNDED = 100_000
"""Columns of a table that nobody's terminal has to hold."""

tenant_option = click.option("--tenant", default="default", show_default=True, help="Whose data.")
json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON, as the REST API answers it.")


def perform(tenant: str, use_case: UseCase[T]) -> T:
    """Answer of a use case, asked by the person at this terminal as an administrator of the tenant.

    Whoever holds the database's password could do anything; going through the services keeps policy and audit.

    Raises:
        ClickException: the request has faults; each is a line of the message.
    """
    actor = Actor(
        tenant=tenant,
        subject=f"operator:{getpass.getuser()}",
        roles=frozenset({"admin"}),
        request_id=str(uuid4()),
        source="command line",
    )

    async def ask() -> T:
        async with open_services(command_settings(), SystemClock()) as services:
            return await use_case(services, actor)

    try:
        return asyncio.run(ask())
    except ValidationFailed as error:
        lines = [f"{fault.path or '/'}: {fault.message} {fault.hint} ({fault.code})" for fault in error.faults]
        raise click.ClickException("\n  ".join(["This is not valid:", *lines])) from error


def read_json(source: str | None) -> Json:
    """JSON given as text, or as `@file`, or as `@-` for standard input; an empty object when nothing is given.

    Raises:
        ValidationFailed: it cannot be read.
    """
    if source is None:
        return {}
    if source == "@-":
        return read_payload(sys.stdin.buffer.read())
    if source.startswith("@"):
        return read_payload(Path(source[1:]).read_bytes())
    return read_payload(source.encode())


def show(body: object, *, as_json: bool, columns: Mapping[str, str]) -> None:
    """Print one body: as JSON, or the named members as lines."""
    content = write(body)
    if as_json or not isinstance(content, dict):
        click.echo(dumps(content))
        return
    for member, title in columns.items():
        click.echo(f"{title:<12} {_cell(content.get(member))}")


def show_all(bodies: Sequence[object], *, as_json: bool, columns: Mapping[str, str]) -> None:
    """Print bodies: as a JSON array, or as a table of the named members."""
    contents = [write(body) for body in bodies]
    if as_json:
        click.echo(dumps(contents))
        return
    table = Table(box=None, header_style="bold", pad_edge=False)
    for member, title in columns.items():
        table.add_column(title, no_wrap=member == "id")
    for content in contents:
        if isinstance(content, dict):
            table.add_row(*(_cell(content.get(member)) for member in columns))
    # What is piped elsewhere has no width to fit into: nothing is cut, so that it can be searched. Names are no markup.
    width = None if sys.stdout.isatty() else UNBOUNDED
    Console(width=width, markup=False).print(table)


def _cell(value: Json) -> str:
    if value is None:
        return "-"
    return value if isinstance(value, str) else dumps(value)
