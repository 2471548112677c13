"""The checks of the repository, each a program that ends with 0 when it is content."""

import subprocess
import sys
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parents[2]
_BIN: Final = Path(sys.executable).parent


@dataclass(frozen=True, slots=True)
class Gate:
    """One check.

    Attributes:
        name: what it looks after.
        arguments: program of the environment and its arguments.
    """

    name: str
    arguments: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a check ended; `output` is what it said."""

    gate: Gate
    is_content: bool
    output: str
    seconds: float


STATIC: Final = (
    Gate("lint", ("ruff", "check", "--quiet", ".")),
    Gate("format", ("ruff", "format", "--quiet", "--check", ".")),
    Gate("import rules", ("lint-imports",)),
)
TYPES: Final = Gate("types", ("mypy",))


def run_static() -> list[Outcome]:
    """All checks that read the source only: types beside the others, on two cores."""
    with ThreadPoolExecutor(2) as pool:
        types = pool.submit(run_gate, TYPES)
        others = [run_gate(gate) for gate in STATIC]
        return [*others, types.result()]


def run_gate(gate: Gate) -> Outcome:
    """Run one check to its end."""
    started = time.monotonic()
    program: Sequence[str | Path] = (_BIN / gate.arguments[0], *gate.arguments[1:])
    done = subprocess.run(program, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    return Outcome(gate, done.returncode == 0, done.stdout, time.monotonic() - started)
