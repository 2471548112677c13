"""A stack started as a reader of the documentation starts it."""

import os
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from scripts.embedded.ports import free_port
from tests.docs.documents import ROOT, Block

MARK: Final = "=== end of block ==="


def stranger(folder: Path) -> dict[str, str]:
    """The environment of somebody who has just cloned: nothing of ours is set but where the data goes."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("MAESTRO_")}
    return {**kept, "MAESTRO_DATA_DIR": str(folder / "readme"), "TMPDIR": str(folder), "MAESTRO_PORT": str(free_port())}


@contextmanager
def started(environment: dict[str, str]) -> Iterator[None]:
    """`./scripts/run --no-demo`, until Ctrl-C at the end."""
    with subprocess.Popen(
        ["./scripts/run", "--no-demo"],
        cwd=ROOT,
        env=environment,
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
        yield
        process.send_signal(signal.SIGINT)
        assert process.wait(120) == 0


def run_blocks(steps: list[Block], environment: dict[str, str]) -> None:
    """Run blocks of a page one after another in one shell.

    Raises:
        AssertionError: one fails, or does not print what it promises.
    """
    script = "".join(f"{block.text}\necho '{MARK}'\n" for block in steps)
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", script],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
    outputs = done.stdout.split(MARK)
    assert len(outputs) == len(steps) + 1
    missing = [
        promised
        for block, output in zip(steps, outputs, strict=False)
        for promised in block.prints
        if promised not in output
    ]
    assert missing == [], done.stdout
