"""The command `maestro ledger`: the provenance ledger's process, and its keys."""

import asyncio
import os

import click

from engine.errors import ConfigurationError
from engine.settings import load_tracing, process_environment
from engine.telemetry.exporting import recording
from engine.telemetry.logging import configure_logging
from ledger.cli import keys
from ledger.errors import LedgerError
from ledger.serve import serve_ledger
from ledger.settings import LedgerSettings
from scripts.cli.environment import command_environment


@click.group(invoke_without_command=True)
@click.pass_context
def ledger(ctx: click.Context) -> None:
    """Serve the provenance ledger until SIGTERM, or look after its keys."""
    os.environ.update(command_environment())  # the ledger has a reader of its own, and knows no embedded mode
    if ctx.invoked_subcommand is None:
        _serve()


ledger.add_command(keys)


def _serve() -> None:
    configure_logging("ledger")
    try:
        with recording(load_tracing(process_environment()), "ledger"):
            asyncio.run(serve_ledger(LedgerSettings.from_environment()))
    except LedgerError as error:
        raise ConfigurationError(error.message, code=error.code) from error
