"""The command `maestro worker`."""

import click

from engine.services.zeroes import show_zeroes
from engine.settings import load_tracing, process_environment
from engine.telemetry.exporting import recording
from engine.telemetry.logging import configure_logging
from scripts.cli.environment import command_settings
from workers.process import serve_worker


@click.command()
def worker() -> None:
    """Advance executions until SIGTERM: takes nothing more then, and lets steps under way finish for a while."""
    settings = command_settings()
    configure_logging("worker")
    show_zeroes()
    with recording(load_tracing(process_environment()), "worker"):
        serve_worker(settings)
