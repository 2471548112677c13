"""The README, followed as a stranger follows it: each of its commands is run, in order, on one started stack."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

from scripts.embedded.ports import free_port
from tests.docs.documents import ROOT, Block, blocks

pytestmark = [pytest.mark.processes, pytest.mark.server]
START, *STEPS = blocks(ROOT / "README.md", "sh")
_MARK: Final = "=== end of block ==="
_STARTING_COMMANDS: Final = {
    "./scripts/run",
    "./scripts/run --once",
    "./scripts/run --no-demo",
    "./scripts/test",
    "./scripts/test --fast",
}


@pytest.fixture(scope="module")
def stranger(servers_folder: Path) -> dict[str, str]:
    """The environment of somebody who has just cloned: nothing of ours is set but where the data goes."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("MAESTRO_")}
    places = {"MAESTRO_DATA_DIR": str(servers_folder / "readme"), "TMPDIR": str(servers_folder)}
    return {**kept, **places, "MAESTRO_PORT": str(free_port())}


@pytest.fixture(scope="module")
def stack(stranger: dict[str, str]) -> Iterator[dict[str, str]]:
    with subprocess.Popen(
        ["./scripts/run", "--no-demo"],
        cwd=ROOT,
        env=stranger,
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    ) as process:
        assert process.stdout is not None
        said: list[str] = []
        for line in process.stdout:
            said.append(line)
            if "Serving until Ctrl-C." in line:
                break
        assert "Serving" in said[-1], "".join(said)
        yield stranger
        process.send_signal(signal.SIGINT)
        assert process.wait(60) == 0


def test_the_starting_commands_are_those_that_are_run_here_and_in_the_tests_of_the_supervisor() -> None:
    lines = [line.partition("#")[0].strip() for line in START.text.splitlines()]
    assert set(lines) == _STARTING_COMMANDS


def test_every_later_command_works_in_order_on_one_stack(stack: dict[str, str]) -> None:
    script = "".join(f"{block.text}\necho '{_MARK}'\n" for block in STEPS)
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", script],
        cwd=ROOT,
        env=stack,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
    outputs = done.stdout.split(_MARK)
    assert len(outputs) == len(STEPS) + 1
    assert [missing for block, output in zip(STEPS, outputs, strict=False) for missing in _missing(block, output)] == []


def _missing(block: Block, output: str) -> list[str]:
    return [promised for promised in block.prints if promised not in output]


def test_once_runs_the_sample_and_ends_well(stranger: dict[str, str]) -> None:
    elsewhere = {
        **stranger,
        "MAESTRO_DATA_DIR": stranger["MAESTRO_DATA_DIR"] + "-once",
        "MAESTRO_PORT": str(free_port()),
    }
    done = subprocess.run(
        ["./scripts/run", "--once"], cwd=ROOT, env=elsewhere, capture_output=True, text=True, timeout=240, check=False
    )
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"


def test_the_test_command_takes_what_the_readme_says() -> None:
    command = [sys.executable, "-m", "scripts.checks", "--fast", "--help"]  # the script behind ./scripts/test
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    assert "--fast" in done.stdout
