"""What must hold for the tree as a whole."""

import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
# Written in parts: this file is searched too.
REGISTRY_HOSTS = [
    ".".join(parts)
    for parts in (
        ("pypi", "org"),
        ("files", "pythonhosted", "org"),
        ("registry", "npmjs", "org"),
        ("registry", "yarnpkg", "com"),
        ("proxy", "golang", "org"),
        ("index", "crates", "io"),
    )
]


def _git(*arguments: str) -> str:
    done = subprocess.run(["git", *arguments], cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        pytest.skip("not a git checkout")
    return done.stdout


def _tracked() -> list[Path]:
    return [path for name in _git("ls-files", "-z").split("\0") if name and (path := ROOT / name).is_file()]


def test_no_tracked_file_names_a_package_registry() -> None:
    pattern = re.compile("|".join(re.escape(host) for host in REGISTRY_HOSTS).encode())
    assert [str(path.relative_to(ROOT)) for path in _tracked() if pattern.search(path.read_bytes())] == []


def test_no_lock_file_with_addresses_is_tracked() -> None:
    names = {path.name for path in _tracked()}
    assert not names & {"uv.lock", "poetry.lock", "yarn.lock", "pnpm-lock.yaml"}
    locks = [path for path in _tracked() if path.name == "package-lock.json" or path.suffix == ".lock"]
    assert locks
    assert [path.name for path in locks if re.search(rb"https?://[^\"\s]+\.(whl|tgz|tar\.gz)", path.read_bytes())] == []


def test_every_locked_package_is_pinned_and_hashed() -> None:
    for name in (
        "requirements.lock",
        *(f"scripts/{each}.lock" for each in ("bootstrap", "oracle", "schemas", "k6/k6")),
    ):
        entries = re.split(r"\n(?=[A-Za-z0-9])", (ROOT / name).read_text())
        packages = [entry for entry in entries if not entry.startswith("#")]
        assert packages
        assert [entry.splitlines()[0] for entry in packages if "==" not in entry or "--hash=sha256:" not in entry] == []


def test_scripts_can_be_run() -> None:
    listed = _git("ls-files", "--stage", "scripts/run", "scripts/test", "scripts/k6/run", ".ci/run").splitlines()
    assert [line.split()[0] for line in listed] == ["100755"] * 4
