"""The TypeScript SDK: what is generated is what the interfaces say, it builds strictly, and its own tests pass."""

import shutil
import subprocess
from pathlib import Path

import pytest

FOLDER = Path(__file__).parents[2] / "sdk" / "typescript"
WITH_NODE = pytest.mark.skipif(
    shutil.which("npm") is None or not (FOLDER / "node_modules").is_dir(),
    reason="Node 20 and the SDK's npm packages are not here",
)


@WITH_NODE
@pytest.mark.parametrize("script", ["check", "test"])
def test_the_sdk_is_well(script: str) -> None:
    done = subprocess.run(
        ["npm", "run", "--silent", script],
        cwd=FOLDER,
        capture_output=True,
        text=True,
        timeout=180,
        check=False,
    )

    assert done.returncode == 0, done.stdout + done.stderr


def test_the_lock_names_no_addresses() -> None:
    assert '"resolved"' not in (FOLDER / "package-lock.json").read_text("utf-8")
