"""Calls that schemathesis draws from the whole OpenAPI document by a seed, sent to a server whose answers must fit it.

`./scripts/test --contract-cases N` sends at least N of them to a stack of its own and keeps what came of it in
`docs/contract-cases.md`; a smaller draw is part of every run of the tests.
"""

import json
import math
import os
import re
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

import click

from federation.export import OPENAPI
from tests.docs.stack import started, stranger

ROOT: Final = Path(__file__).parents[2]
PAGE: Final = ROOT / "docs" / "contract-cases.md"
OPERATIONS: Final = frozenset(
    f"{method.upper()} {path}"
    for path, methods in json.loads(OPENAPI.read_text("utf-8"))["paths"].items()
    for method in methods
)
FOLLOWING: Final = 25
"""Draws along the links, each with a seed of its own: one ends as soon as a call has another outcome than before."""
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
        operations: that were called.
        succeeded: of those, the ones that had a success at least once. A server that refuses all breaks no schema.
        followed: calls with an identifier out of an answer before.
        breaches: kinds of answers that should not have been, with how many of each there were.
        said: all that schemathesis printed.
    """

    cases: int
    operations: int
    succeeded: frozenset[str]
    followed: int
    breaches: tuple[str, ...]
    said: str
    seconds: float

    def plus(self, other: "Outcome") -> "Outcome":
        """Both together; the operations are those of the first."""
        return Outcome(
            self.cases + other.cases,
            self.operations,
            self.succeeded | other.succeeded,
            self.followed + other.followed,
            self.breaches + other.breaches,
            self.said + other.said,
            self.seconds + other.seconds,
        )


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
        *("--report", "json,ndjson", "--report-dir", str(folder)),
        *("--report-json-path", str(folder / "report.json"), "--report-ndjson-path", str(folder / "calls.ndjson")),
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
    calls = list(_calls(folder / "calls.ndjson"))
    return Outcome(
        cases=report["test_cases"]["generated"],
        operations=report["operations"]["tested"],
        succeeded=OPERATIONS & {call.operation for call in calls if 200 <= call.status < 300},
        followed=sum(call.is_followed for call in calls),
        breaches=tuple(breaches),
        said=said,
        seconds=report["running_time"],
    )


@dataclass(frozen=True, slots=True)
class _Call:
    operation: str
    status: int
    is_followed: bool


def _calls(report: Path) -> Iterator[_Call]:
    """The calls that were answered."""
    for line in report.read_text("utf-8").splitlines():
        recorder = json.loads(line).get("ScenarioFinished", {}).get("recorder", {})
        for name, interaction in recorder.get("interactions", {}).items():
            if interaction["response"] is not None:
                case = recorder["cases"][name]["value"]
                drawn = (case["meta"] or {}).get("pool_draws")
                yield _Call(f"{case['method']} {case['path']}", interaction["response"]["status_code"], bool(drawn))


def environment() -> dict[str, str]:
    """Where the command finds what it is told besides the document."""
    return {**os.environ, "SCHEMATHESIS_HOOKS": "tests.contract.hooks", "PYTHONPATH": str(ROOT)}


def play(target: Target, draw: Draw) -> Outcome:
    """Play a draw to its end."""
    with tempfile.TemporaryDirectory() as folder:
        command = command_of(target, draw, Path(folder))
        done = subprocess.run(command, cwd=folder, env=environment(), capture_output=True, text=True, check=False)
        if not (Path(folder) / "report.json").exists():
            raise RuntimeError(done.stdout + done.stderr)
        return outcome_of(Path(folder), done.stdout)


def record(draw: Draw, outcome: Outcome) -> None:
    """Add to the page what came of a draw."""
    row = (
        f"| {draw.seed} | {outcome.cases:,} | {outcome.operations} | {len(outcome.succeeded)} | {outcome.followed:,} |"
        f" {', '.join(outcome.breaches) or 'none'} | {outcome.seconds:.0f} |\n"
    )
    PAGE.write_text(PAGE.read_text("utf-8") + row, "utf-8")


@click.command()
@click.argument("cases", type=click.IntRange(min=1))
@click.option("--seed", type=click.IntRange(min=0), default=None)
def main(cases: int, seed: int | None) -> None:
    """Send at least so many calls to a stack of its own; 0 when every answer fits the document."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))  # what was started is stopped then too
    chosen = int(time.time()) if seed is None else seed
    draw = Draw(chosen, math.ceil(cases / len(OPERATIONS)), ("examples", "coverage", "fuzzing"))
    with tempfile.TemporaryDirectory(prefix="maestro-contract-") as folder:
        Path(folder).chmod(0o755)
        environment = stranger(Path(folder))
        with started(environment):
            maestro = str(Path(sys.executable).with_name("maestro"))
            made = subprocess.run(
                [maestro, "token", "--role", "admin"], env=environment, capture_output=True, text=True, check=True
            )
            target = Target(f"http://127.0.0.1:{environment['MAESTRO_PORT']}", made.stdout.strip())
            click.echo(f"Drawing from {len(OPERATIONS)} operations with seed {chosen}; this takes minutes ...")
            outcome = play(target, draw)
            for number in range(FOLLOWING):
                click.echo(f"{outcome.cases:,} calls; along the links, {number + 1} of {FOLLOWING} ...")
                outcome = outcome.plus(play(target, replace(draw, seed=chosen + number, phases=("stateful",))))
    click.echo(re.sub(r"(?m)^\s+curl .*\n", "", outcome.said) if outcome.breaches else outcome.said)
    record(draw, outcome)
    if outcome.cases < cases:
        raise click.ClickException(f"Only {outcome.cases} calls were made.")
    sys.exit(1 if outcome.breaches else 0)


if __name__ == "__main__":
    main()
