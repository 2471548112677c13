"""The SDK's folder, built once for whoever needs it."""

import fcntl
import shutil
import subprocess
from collections.abc import Mapping
from functools import cache
from pathlib import Path

import pytest

FOLDER = Path(__file__).parents[2] / "sdk" / "typescript"
BINARIES = FOLDER / "node_modules" / ".bin"
WITH_NODE = pytest.mark.skipif(
    shutil.which("npm") is None or not (FOLDER / "node_modules").is_dir(),
    reason="Node 20 and the SDK's npm packages are not here",
)


@cache
def built() -> Path:
    """Folder of what `tsc` makes of the sources, tests and examples; other processes wait for whoever builds."""
    with (FOLDER / "node_modules" / ".build-lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        run(BINARIES / "tsc", "--incremental", "--tsBuildInfoFile", "dist/.tsbuildinfo")
    return FOLDER / "dist"


def run(*command: str | Path, standard_input: str = "", environment: Mapping[str, str] | None = None) -> str:
    """What a command in the SDK's folder prints; it ends within seconds where the machine has nothing else to do."""
    done = subprocess.run(
        command,
        cwd=FOLDER,
        input=standard_input,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
        env=environment,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout
