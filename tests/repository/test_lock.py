"""The lock is what pyproject.toml compiles to."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
COMPILE = ["pip", "compile", "pyproject.toml", "--group", "dev", "--universal", "--generate-hashes"]


def _uv() -> str:
    beside = [ROOT / ".tools" / "bin" / "uv", Path(sys.executable).with_name("uv")]
    found = next((str(path) for path in beside if path.exists()), shutil.which("uv"))
    if found is None:
        pytest.skip("uv is not installed")
    return found


def _packages(text: str) -> list[str]:
    return [line for line in text.splitlines() if not line.startswith("#")]


def test_the_lock_is_what_the_project_compiles_to(tmp_path: Path) -> None:
    lock = tmp_path / "requirements.lock"
    shutil.copy(ROOT / "requirements.lock", lock)  # pins that still fit are kept: a new release is no fault
    command = [_uv(), *COMPILE, "--no-emit-index-url", "--quiet", "--output-file", str(lock)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode != 0 and any(sign in done.stderr for sign in ("Failed to fetch", "error sending request")):
        pytest.skip("the package index does not answer")
    assert done.returncode == 0, done.stderr
    assert _packages(lock.read_text()) == _packages((ROOT / "requirements.lock").read_text())
