"""Running pytest: its output is passed on as it comes, and what it skipped is remembered."""

import os
import re
import subprocess
import sys
from collections import Counter
from dataclasses import dataclass
from typing import Final

from scripts.checks.gates import ROOT

_SKIPPED: Final = re.compile(r"^SKIPPED \[(\d+)\] \S+?(?:: )(.+)$")
_NOTHING_COLLECTED: Final = 5


@dataclass(frozen=True, slots=True)
class Suite:
    """A part of the tests.

    Attributes:
        name: for the summary.
        selection: pytest's marker expression.
        parallel: whether its tests may share the machine with one another.
    """

    name: str
    selection: str
    parallel: bool


@dataclass(frozen=True, slots=True)
class SuiteOutcome:
    """How a suite ended.

    Attributes:
        closing: pytest's last line.
        skipped: reasons, with how many tests each left out.
    """

    suite: Suite
    is_content: bool
    closing: str
    skipped: tuple[str, ...]


FAST: Final = (Suite("unit and property tests", "not server and not processes", parallel=True),)
# Tests that start whole processes measure time limits: they have the machine to themselves.
FULL: Final = (
    Suite("unit, property and integration tests", "not processes", parallel=True),
    Suite("tests of whole processes", "processes", parallel=False),
)


def run_suite(suite: Suite) -> SuiteOutcome:
    """Run a suite to its end."""
    arguments = [sys.executable, "-m", "pytest", "-q", "-m", suite.selection]
    if suite.parallel:
        arguments += ["-n", "2", "--dist", "loadscope"]
    skipped: Counter[str] = Counter()
    closing = ""
    with subprocess.Popen(arguments, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as process:
        assert process.stdout is not None  # noqa: S101  asked for two lines above; tells the type checker
        for line in process.stdout:
            print(line, end="", flush=True)
            if found := _SKIPPED.match(line.strip()):
                skipped[found[2]] += int(found[1])
            closing = line.strip() or closing
    is_content = process.returncode in {0, _NOTHING_COLLECTED}
    return SuiteOutcome(suite, is_content, closing, tuple(f"{n} x {reason}" for reason, n in skipped.items()))


def run_crash_rounds(count: int, seed: int | None, *, is_hard: bool) -> int:
    """Play random crash rounds; each is recorded by its seed when it ends. Returns 0 when no invariant was broken."""
    options = [] if seed is None else ["--seed", str(seed)]
    options += ["--hard"] if is_hard else []
    arguments = [sys.executable, "-m", "tests.crash", str(count), *options]
    return subprocess.run(arguments, cwd=ROOT, check=False).returncode


def run_contract_cases(count: int, seed: int | None) -> int:
    """Send so many calls drawn from the OpenAPI document to a stack of its own. Returns 0 when every answer fits it."""
    options = [] if seed is None else ["--seed", str(seed)]
    arguments = [sys.executable, "-m", "tests.contract.fuzzing", str(count), *options]
    return subprocess.run(arguments, cwd=ROOT, check=False).returncode


def run_trigger_rounds(seconds: int) -> int:
    """So many seconds of every-second ticks on the real clock, and every fuzzed set of headers sent to a webhook.

    Returns 0 when no tick was lost or doubled and no answer was a fault of ours.
    """
    chosen = "every_second_on_the_real_clock or five_workers or foresaw or ten_thousand or rotation_under_load"
    files = ["tests/workers/test_schedules.py", "tests/services/test_schedules.py", "tests/webhooks"]
    arguments = [sys.executable, "-m", "pytest", "-v", "--all-headers", "--durations", "5", "-k", chosen, *files]
    environment = os.environ | {"MAESTRO_LONG_SCHEDULES": str(seconds)}
    return subprocess.run(arguments, cwd=ROOT, check=False, env=environment).returncode


def run_ledger_rounds(kills: int) -> int:
    """Kill ledgers so often under load, and measure appends up to a million entries. Returns 0 when all has held."""
    return subprocess.run(
        [sys.executable, "-m", "tests.ledger.longforms", str(kills)], cwd=ROOT, check=False
    ).returncode
