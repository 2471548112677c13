"""Where figures are written: a table for people, the file of `--json`, and the places of a document that are theirs."""

import json
import os
import platform
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from engine.jsonvalue import Json, JsonObject
from scripts.benchmark.figures import LOWER, Figure
from scripts.benchmark.misses import misses
from scripts.benchmark.peers import side_by_side

TABLE = "figures"
"""Part of the document that the table has; each kind of long run has one of its own, by its name."""
LONG_RUNS = ("workers_", "apis_", "rows_", "soak_", "cost_")
"""How names of figures of long runs begin."""


def machine() -> JsonObject:
    """What the figures were measured on, without anything that names one machine."""
    return {
        "cores": os.cpu_count() or 0,
        "architecture": platform.machine(),
        "system": platform.system(),
        "python": platform.python_version(),
    }


def write_json(path: Path, limits: JsonObject, figures: Sequence[Figure], *, is_table: bool) -> None:
    """The file of `--json`. The table takes the place of an earlier one, and leaves figures of long runs as they are.

    Args:
        path: of the file.
        limits: of the machine in this run.
        figures: of this run.
        is_table: False: of long runs.
    """
    document: JsonObject = {"machine": {**machine(), "limits": limits}}
    before: Any = {"machine": document["machine"], "figures": []}
    if path.exists():
        before = json.loads(path.read_text())
    if not is_table:
        document["machine"] = before["machine"]
    measured = {figure.name for figure in figures}
    kept: list[Json] = [
        each
        for each in before["figures"]
        if each["name"] not in measured and not (is_table and not each["name"].startswith(LONG_RUNS))
    ]
    found: list[Json] = [figure.as_json() for figure in figures]
    document["figures"] = [*found, *kept] if is_table else [*kept, *found]
    path.write_text(json.dumps(document, indent=1) + "\n")


def print_table(limits: JsonObject, figures: Sequence[Figure]) -> None:
    """The figures as a table for people."""
    table = Table(title=f"Measured on {machine()['cores']} cores", title_justify="left")
    for heading in ("figure", "value", "unit", "target", "met", "limit", "rounds", "note"):
        table.add_column(heading, overflow="fold")
    for figure in figures:
        met = {True: "yes", False: "NO", None: ""}[figure.is_met]
        value = "none" if figure.value is None else f"{figure.value:,.2f}"
        table.add_row(
            figure.name,
            value,
            figure.unit,
            _target(figure),
            met,
            "" if figure.limit is None else f"{figure.limit:,.1f}",
            " ".join(f"{entry:,.2f}" for entry in figure.rounds),
            figure.reason or figure.note,
        )
    console = Console(width=160)
    console.print(table)
    console.print("Limits of the machine in this run:", ", ".join(f"{name} {value}" for name, value in limits.items()))


def begin(part: str) -> str:
    """The line in front of a part of the document."""
    return f"<!-- {part}: written by ./scripts/bench --markdown, not by hand -->"


def end(part: str) -> str:
    """The line behind a part of the document."""
    return f"<!-- end of {part} -->"


def write_markdown(
    path: Path, part: str, limits: JsonObject, figures: Sequence[Figure], *, quick: bool, busy: bool
) -> None:
    """Put the figures in place of those between the two marks of a part; the rest of the document stays as it is.

    Raises:
        ValueError: the document has not the marks.
    """
    head, _, rest = path.read_text().partition(begin(part))
    _, mark, tail = rest.partition(end(part))
    if not mark:
        raise ValueError(f"{path} has no place for figures: two lines, {begin(part)} and {end(part)}")
    text = _markdown(limits, figures, quick=quick, busy=busy)
    if part == TABLE:
        text += side_by_side(figures) + misses(figures)
    path.write_text(f"{head}{begin(part)}\n{text}{end(part)}{tail}")


def _markdown(limits: JsonObject, figures: Sequence[Figure], *, quick: bool, busy: bool) -> str:
    facts = machine()
    speeds = ", ".join(f"{name.replace('_', ' ')} {value:,}" for name, value in limits.items())
    lines = [
        f"Measured on {facts['cores']} cores ({facts['architecture']}, {facts['system']}, CPython {facts['python']})"
        + (", smaller sizes (`--quick`)" if quick else "")
        + (", while others used the same cores: times are longer than on a quiet machine" if busy else "")
        + ".",
        "",
        *((f"Limits of the machine in the same run: {speeds}.", "") if speeds else ()),
        "| figure | value | target | met | limit | rounds | note |",
        "|---|---|---|---|---|---|---|",
        *(_row(figure) for figure in figures),
        *(
            line
            for figure in figures
            if figure.shown
            for line in ("", f"`{figure.name}`:", "", "```", figure.shown, "```")
        ),
    ]
    return "\n".join(lines) + "\n"


def _row(figure: Figure) -> str:
    cells = (
        f"`{figure.name}`",
        "none" if figure.value is None else f"{figure.value:,g} {figure.unit}",
        _target(figure),
        {True: "yes", False: "**no**", None: ""}[figure.is_met],
        "" if figure.limit is None else f"{figure.limit:,.0f}",
        " ".join(f"{entry:,g}" for entry in figure.rounds),
        (figure.reason or figure.note).replace("|", "/"),
    )
    return "| " + " | ".join(cells) + " |"


def _target(figure: Figure) -> str:
    sign = "<=" if figure.better == LOWER else ">="
    return "" if figure.target is None else f"{sign} {figure.target:g}"
