"""The command `maestro trace`."""

from pathlib import Path

import click

from engine.errors import ConfigurationError, NotFound
from engine.settings import load_tracing, process_environment
from scripts.traces.drawing import draw, traces_of
from scripts.traces.reading import read_folder


@click.command()
@click.argument("subject", metavar="EXECUTION_OR_TRACE_ID")
@click.option(
    "--dir",
    "folder",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="Where the files are; MAESTRO_TRACE_DIR if not given.",
)
def trace(subject: str, folder: Path | None) -> None:
    """Draw a trace as text, from the files that processes write which have MAESTRO_TRACE_DIR set.

    Lines with ~ are of other traces: something that was done for several at once. Lines with -> are links.
    """
    found = folder or load_tracing(process_environment()).folder
    if found is None:
        raise ConfigurationError("Name the folder with --dir, or set MAESTRO_TRACE_DIR.")
    spans = read_folder(found)
    traces = traces_of(spans, subject.lower())
    if not traces:
        raise NotFound("trace", subject)
    for trace_id in traces:
        for line in draw(spans, trace_id):
            click.echo(line)
        click.echo()
