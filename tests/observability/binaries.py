"""Where the programs of Debian's package `prometheus` are."""

import shutil
from pathlib import Path
from typing import Final

import pytest

_UNPACKED: Final = Path(__file__).resolve().parents[2] / ".prometheus" / "usr" / "bin"


def find(name: str) -> str:
    """Path of `prometheus` or `promtool`; skips the test where ./scripts/test could not have them."""
    found = shutil.which(name) or shutil.which(name, path=str(_UNPACKED))
    if found is None:
        pytest.skip(f"Debian's package prometheus, which has {name}, cannot be had here")
    return found
