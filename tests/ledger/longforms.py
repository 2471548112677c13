"""The long forms of the ledger's tests: `python -m tests.ledger.longforms KILLS`; writes `docs/ledger-rounds.md`."""

import os
import platform
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from tests.ledger.figures import VARIABLE, noted

ROOT: Final = Path(__file__).parents[2]
PAGE: Final = ROOT / "docs" / "ledger-rounds.md"
SIZES: Final = "1000,10000,100000,1000000"
TESTS: Final = (
    "tests/ledger/test_killed.py::test_killed_at_random_under_load",
    "tests/provenance/test_killed.py::test_killed_at_random_while_executions_end",
    "tests/ledger/test_cost.py::test_what_is_read_does_not_grow_with_the_log",
)
HEAD: Final = """# Long rounds of the ledger

Written by `./scripts/test --ledger N`, after its tests have passed on this machine. Each kill is a SIGKILL at a moment
drawn by chance. After the last one the whole log is read: indices without gaps, every leaf once, each checkpoint that
was signed the root of the entries before it, and each acknowledged entry where the answer said that it is.
"""
KILLED: Final = """## Killed at random under load

Nothing was lost and nothing was there twice, or this page would not have been written.

| Load | Kills | Entries | Checkpoints | Seconds |
|---|---|---|---|---|"""
COST: Final = """
## What an entry costs as the log grows

Means of 20 calls, each on its own: an append waits for its signed checkpoint and its proof. Hashes are the most that
one call has read: bounded by the height of the tree, not by its size.

| Entries | Append, ms | Proof, ms | Hashes |
|---|---|---|---|"""


def main(kills: int) -> int:
    """Run them; 0 when every one has passed, and the page is written."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "figures.jsonl"
        environment = os.environ | {
            "LEDGER_KILL_ROUNDS": str(kills),
            "LEDGER_COST_SIZES": SIZES,
            VARIABLE: str(file),
        }
        command = [sys.executable, "-m", "pytest", "-v", "--durations=3", *TESTS]
        done = subprocess.run(command, cwd=ROOT, env=environment, check=False)
        if done.returncode == 0:
            PAGE.write_text(page_of(noted(file)), encoding="utf-8")
    return done.returncode


def page_of(figures: Sequence[dict[str, float | str]]) -> str:
    """The page of these figures."""
    machine = f"{os.cpu_count()} cores, {platform.system()} {platform.machine()}, Python {platform.python_version()}"
    rows = [
        HEAD,
        f"Machine: {machine}.\n",
        KILLED,
        *(_row(each, "what", "kills", "entries", "checkpoints", "seconds") for each in figures if "kills" in each),
        COST,
        *(_row(each, "entries", "append_ms", "proof_ms", "hashes") for each in figures if "append_ms" in each),
    ]
    return "\n".join(rows) + "\n"


def _row(figures: dict[str, float | str], *names: str) -> str:
    return f"| {' | '.join(str(figures[name]) for name in names)} |"


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]) if len(sys.argv) > 1 else 100))
