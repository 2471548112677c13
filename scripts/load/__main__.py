"""`./scripts/k6/run`, once the environment is there."""

import sys
from pathlib import Path
from typing import Final

import click

from engine.jsonvalue import dumps
from scripts.benchmark.stack import Shape, running_stack
from scripts.load.loads import LIMITS, LOADS
from scripts.load.report import show, write
from scripts.load.running import BINARY, Result, Size, prepare, read, run

_FOLDER: Final = Path(".bench") / "k6"


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.argument("names", nargs=-1, type=click.Choice(list(LOADS)))
@click.option(
    "--duration", "duration_s", type=click.IntRange(min=2), default=60, show_default=True, help="Seconds a rate."
)
@click.option(
    "--json", "folder", type=click.Path(file_okay=False, path_type=Path), default=_FOLDER, help="Where summaries go."
)
@click.option(
    "--markdown",
    "page",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Page to put the table into.",
)
@click.option("--report", is_flag=True, help="Run nothing: tell of the summaries that are there.")
@click.option("--busy", is_flag=True, help="Others use the machine: the page then says so.")
def main(names: tuple[str, ...], duration_s: int, folder: Path, page: Path | None, *, report: bool, busy: bool) -> None:
    """Put load on a stack of its own; NAMES choose, else all of them. 0 if every promise was kept."""
    if not BINARY.exists() and not report:
        raise click.ClickException("k6 could not be installed here; the lines above say why.")
    folder.mkdir(parents=True, exist_ok=True)
    results: list[Result] = []
    for name in names or LOADS:
        if report:
            results += [read(LOADS[name], file) for file in [folder / f"{name}.json"] if file.exists()]
            continue
        print(f"{name}: starting a stack, then {LOADS[name].asked} ...", flush=True)
        results.append(_measured(name, Size(duration_s), folder.absolute()))
    show(results)
    if page is not None:
        write(page, results, busy=busy)
    sys.exit(0 if all(result.is_kept for result in results) else 1)


def _measured(name: str, size: Size, folder: Path) -> Result:
    """Each load has a fresh stack: none pays for what another has left."""
    limits = folder / "limits.yaml"
    limits.write_text(dumps(LIMITS))  # JSON is YAML
    with running_stack(Shape(environment={"MAESTRO_QOS_FILE": str(limits)})) as stack:
        return run(name, stack, prepare(stack), size, folder)


main(prog_name="./scripts/k6/run")
