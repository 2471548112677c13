"""Results for people: on the screen, and as a table in a page."""

from collections.abc import Sequence
from pathlib import Path
from typing import Final

from rich.console import Console
from rich.table import Table

from scripts.benchmark.reports import machine
from scripts.load.running import Result

BEGIN: Final = "<!-- loads: written by ./scripts/k6/run --markdown, not by hand -->"
END: Final = "<!-- end of loads -->"
_COLUMNS: Final = ("load", "promise", "rate", "requests", "failed", "median", "p95", "p99", "kept")


def show(results: Sequence[Result]) -> None:
    """Print a table."""
    table = Table(
        *(column for column in _COLUMNS if column != "promise"), box=None, header_style="bold", pad_edge=False
    )
    for result in results:
        name, _, *rest = _cells(result)
        table.add_row(name, *rest)
    Console().print(table)


def write(page: Path, results: Sequence[Result], *, busy: bool) -> None:
    """Put a table into the place of the page that is kept for it.

    Raises:
        ValueError: the page has no such place.
    """
    text = page.read_text()
    before, begin, rest = text.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise ValueError(f"{page} has no place for loads: {BEGIN} … {END}")
    page.write_text(f"{before}{BEGIN}\n{_markdown(results, busy=busy)}{END}{after}")


def _markdown(results: Sequence[Result], *, busy: bool) -> str:
    facts = machine()
    others = ", while others used the same cores: times are longer than on a quiet machine" if busy else ""
    where = f"{facts['cores']} cores ({facts['architecture']}, {facts['system']})"
    lines = [
        f"Measured on {where}, all processes on the same cores as k6{others}.",
        "",
        f"| {' | '.join(_COLUMNS)} |",
        f"|{'---|' * len(_COLUMNS)}",
        *(f"| {' | '.join(_cells(result))} |" for result in results),
    ]
    return "\n".join(lines) + "\n"


def _cells(result: Result) -> tuple[str, ...]:
    median, p95, p99 = (f"{value:.1f} ms" for value in result.quantiles_ms)
    kept = "yes" if result.is_kept else "**no**"
    rate = f"{result.rate}/s for {result.seconds} s"
    return (
        f"`{result.load.name}`",
        result.load.asked,
        rate,
        f"{result.requests:,}",
        f"{result.failed:.2%}",
        median,
        p95,
        p99,
        kept,
    )
