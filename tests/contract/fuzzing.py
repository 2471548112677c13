"""Calls that schemathesis draws from the whole OpenAPI document by a seed, sent to a server whose answers must fit it.

`./scripts/test --contract-cases N` sends at least N of them to a stack of its own and keeps what came of it in
`docs/contract-cases.md`; a smaller draw is part of every run of the tests.
"""

import json
import math
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import click

from federation.export import OPENAPI
from tests.docs.stack import started, stranger

PAGE: Final = Path(__file__).parents[2] / "docs" / "contract-cases.md"
_NOT_HELD: Final = ("positive_data_acceptance", "negative_data_rejection", "use_after_free")
"""A schema cannot say that a graph has no cycle, or that a key was used before: such calls are refused, as documented.
Definitions of older forms break it and are taken, as documented. What is deleted is archived, and stays to be read."""
_TOO_MUCH: Final = frozenset({"if", "then", "allOf"})
"""Rules between members of a definition that schemathesis cannot draw values for; the server holds to them."""


@dataclass(frozen=True, slots=True)
class Target:
    """A server, and the token of an administrator there."""

    url: str
    token: str


@dataclass(frozen=True, slots=True)
class Draw:
    """What to draw.

    Attributes:
        examples: calls an operation, at most, in each phase that draws.
        phases: of schemathesis.
        left_out: operations that are not called.
    """

    seed: int
    examples: int
    phases: tuple[str, ...]
    left_out: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of a draw.

    Attributes:
        breaches: kinds of answers that should not have been, with how many of each there were.
        said: all that schemathesis printed.
    """

    cases: int
    operations: int
    breaches: tuple[str, ...]
    said: str
    seconds: float


def drawable(document: dict[str, Any]) -> dict[str, Any]:
    """The document without the rules that no values can be drawn for."""
    schemas = {
        name: _loosened(schema) if "Definition" in name else schema
        for name, schema in document["components"]["schemas"].items()
    }
    return {**document, "components": {**document["components"], "schemas": schemas}}


def _loosened(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _loosened(one) for name, one in value.items() if name not in _TOO_MUCH}
    return [_loosened(one) for one in value] if isinstance(value, list) else value


def command_of(target: Target, draw: Draw, folder: Path) -> list[str]:
    """The command that plays a draw, and writes its report into a folder."""
    (folder / "openapi.json").write_text(json.dumps(drawable(json.loads(OPENAPI.read_text("utf-8")))))
    program = str(Path(sys.executable).with_name("schemathesis"))
    options = [
        *("--url", target.url, "--header", f"Authorization: Bearer {target.token}"),
        *("--seed", str(draw.seed), "--max-examples", str(draw.examples), "--phases", ",".join(draw.phases)),
        *("--exclude-checks", ",".join(_NOT_HELD), "--request-timeout", "60", "--generation-database", "none"),
        *("--suppress-health-check", "all", "--no-shrink", "--warnings", "off", "--no-color", "--continue-on-failure"),
        *("--report", "json", "--report-json-path", str(folder / "report.json"), "--report-dir", str(folder)),
    ]
    for name in draw.left_out:
        options += ["--exclude-operation-id", name]
    return [program, "run", str(folder / "openapi.json"), *options]


def outcome_of(folder: Path, said: str) -> Outcome:
    """What the report in a folder says."""
    report = json.loads((folder / "report.json").read_text("utf-8"))
    breaches = [f"{one['count']} x {one['title']}" for one in report["failures"]]
    errors = report["test_cases"]["errored"] + report["operations"]["errored"]
    if errors or (report["exit_code"] and not breaches):
        breaches.append(f"{errors} x not played")
    return Outcome(
        cases=report["test_cases"]["generated"],
        operations=report["operations"]["tested"],
        breaches=tuple(breaches),
        said=said,
        seconds=report["running_time"],
    )


def play(target: Target, draw: Draw) -> Outcome:
    """Play a draw to its end."""
    with tempfile.TemporaryDirectory() as folder:
        command = command_of(target, draw, Path(folder))
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
        if not (Path(folder) / "report.json").exists():
            raise RuntimeError(done.stdout + done.stderr)
        return outcome_of(Path(folder), done.stdout)


def record(outcomes: Sequence[tuple[Draw, Outcome]]) -> None:
    """Add to the page what came of draws."""
    rows = [
        f"| {draw.seed} | {outcome.cases:,} | {outcome.operations} | {', '.join(outcome.breaches) or 'none'} |"
        f" {outcome.seconds:.0f} |\n"
        for draw, outcome in outcomes
    ]
    PAGE.write_text(PAGE.read_text("utf-8") + "".join(rows), "utf-8")


@click.command()
@click.argument("cases", type=click.IntRange(min=1))
@click.option("--seed", type=click.IntRange(min=0), default=None)
def main(cases: int, seed: int | None) -> None:
    """Send at least so many calls to a stack of its own; 0 when every answer fits the document."""
    operations = sum(len(methods) for methods in json.loads(OPENAPI.read_text("utf-8"))["paths"].values())
    chosen = int(time.time()) if seed is None else seed
    draw = Draw(chosen, math.ceil(cases / operations), ("examples", "coverage", "fuzzing", "stateful"))
    with tempfile.TemporaryDirectory(prefix="maestro-contract-") as folder:
        Path(folder).chmod(0o755)
        environment = stranger(Path(folder))
        with started(environment):
            maestro = str(Path(sys.executable).with_name("maestro"))
            made = subprocess.run([maestro, "token"], env=environment, capture_output=True, text=True, check=True)
            target = Target(f"http://127.0.0.1:{environment['MAESTRO_PORT']}", made.stdout.strip())
            outcome = play(target, draw)
    click.echo(re.sub(r"(?m)^\s+curl .*\n", "", outcome.said) if outcome.breaches else outcome.said)
    record([(draw, outcome)])
    if outcome.cases < cases:
        raise click.ClickException(f"Only {outcome.cases} calls were made.")
    sys.exit(1 if outcome.breaches else 0)


if __name__ == "__main__":
    main()
