"""`./scripts/run`, once the environment is there."""

import sys

import click

from engine.settings import process_environment
from scripts.supervisor.console import Console
from scripts.supervisor.run import Options, Run


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--once", is_flag=True, help="End after the sample job: 0 only if it completed.")
@click.option("--no-demo", is_flag=True, help="Serve only, without the sample job.")
@click.option("--trace", "draws_trace", is_flag=True, help="Record spans, and draw the trace of the sample job.")
def main(*, once: bool, no_demo: bool, draws_trace: bool) -> None:
    """Start Maestro with all it needs, run the sample job on real input, and serve until Ctrl-C."""
    if once and no_demo:
        raise click.UsageError("--once ends with the sample job's result, and --no-demo leaves that job out.")
    options = Options(once=once, demo=not no_demo, draws_trace=draws_trace)
    sys.exit(Run(options, process_environment(), Console()).execute())


main(prog_name="./scripts/run")
