"""Definition files on this machine, checked as the server checks them."""

import asyncio
from dataclasses import dataclass
from pathlib import Path

import click

from engine.actions.builtin import load_registry
from engine.actions.connections.values import Connection
from engine.actions.outbound.allow import AllowList
from engine.actions.registry import ActionRegistry
from engine.actions.tools import make_tools
from engine.clock import SystemClock
from engine.definitions.checking import Checked, check
from engine.definitions.model import Definition
from engine.definitions.reading import read_document
from engine.errors import Fault, MaestroError, NotFound, ValidationFailed
from engine.jsonvalue import Json, JsonObject


class _NoConnections:
    """Commands run no action; they know their names and schemas."""

    async def resolve(self, tenant: str, name: str) -> Connection:  # noqa: ARG002 - the interface of all resolvers
        raise NotFound("connection", name)


@dataclass(frozen=True, slots=True)
class LocalDefinition:
    """A definition without faults."""

    definition: Definition
    document: JsonObject


def installed_actions() -> ActionRegistry:
    """The actions of this installation; those that reach outside cannot be run."""

    async def load() -> ActionRegistry:
        tools = make_tools(AllowList.parse(()), _NoConnections(), SystemClock())
        try:
            return load_registry(tools)
        finally:
            await tools.close()

    return asyncio.run(load())


def check_document(document: Json) -> Checked:
    """What a document turns out to be here; calls of other workflows are left to the server."""
    return check(document, installed_actions().catalogue())


def local_definition(document: Json, named: str) -> LocalDefinition:
    """A checked document.

    Raises:
        ClickException: it has faults; each is a line of the message.
    """
    checked = check_document(document)
    if checked.definition is None:
        raise faulty(named, checked.faults)
    return LocalDefinition(checked.definition, checked.normalised)


def read_file(path: Path) -> Json:
    """The JSON of a file.

    Raises:
        ClickException: it cannot be read.
    """
    try:
        return read_document(path.read_bytes())
    except OSError as error:
        raise click.ClickException(f"{path} cannot be read: {error.strerror}.") from error
    except ValidationFailed as error:
        raise faulty(str(path), error.faults) from error
    except MaestroError as error:
        raise click.ClickException(f"{path}: {error.message}") from error


def faulty(named: str, faults: tuple[Fault, ...]) -> click.ClickException:
    """The error for a document with faults."""
    lines = [f"{fault.path or '/'}: {fault.message} {fault.hint} ({fault.code})" for fault in faults]
    return click.ClickException("\n  ".join([f"{named} is not valid:", *lines]))
