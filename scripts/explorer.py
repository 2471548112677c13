"""Fetches GraphiQL for the page at `/graphql`: npm's package files, by name, held to the hashes of the lock.

Nothing of it is committed. Without npm, or without a registry, the product's own small page stays.
"""

import hashlib
import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from federation.explorer.page import FOLDER, STAMP, VENDOR

LOCK: Final = FOLDER / "packages.lock"
PATIENCE_S: Final = 120.0
LOOK_S: Final = 0.5


@dataclass(frozen=True, slots=True)
class Package:
    """A package file of npm, and what the page takes out of it."""

    name: str
    version: str
    sha512: str
    files: Sequence[str]

    @property
    def archive(self) -> str:
        """Name of the file that `npm pack` writes."""
        return f"{self.name}-{self.version}.tgz"


def locked(lock: Path = LOCK) -> list[Package]:
    """The packages of the lock."""
    lines = [line.split() for line in lock.read_text("utf-8").splitlines() if line and not line.startswith("#")]
    return [Package(name, version, sha512, files) for name, version, sha512, *files in lines]


def is_current(packages: Sequence[Package], vendor: Path = VENDOR) -> bool:
    """Whether the files of just these packages are there."""
    stamp = vendor / STAMP
    return stamp.is_file() and stamp.read_text("utf-8") == _stamp(packages)


def fetch(packages: Sequence[Package], vendor: Path = VENDOR, npm: str = "npm") -> None:
    """Put the files into the folder, all or none.

    Raises:
        OSError: they cannot be had, or a package is not the one that the lock names.
    """
    vendor.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=vendor) as folder:
        scratch = Path(folder)
        _pack(packages, scratch, npm)
        found = [(Path(file).name, content) for each in packages for file, content in _files(each, scratch)]
        for name, content in found:
            (vendor / name).write_bytes(content)
    (vendor / STAMP).write_text(_stamp(packages), "utf-8")


def _pack(packages: Sequence[Package], folder: Path, npm: str) -> None:
    """Have npm fetch the package files; it ends with whoever started this process, too."""
    names = [f"{each.name}@{each.version}" for each in packages]
    parent, waited_s = os.getppid(), 0.0
    with subprocess.Popen(
        [npm, "pack", "--silent", "--ignore-scripts", *names], cwd=folder, stdout=subprocess.DEVNULL
    ) as process:
        while process.poll() is None:
            if os.getppid() != parent or waited_s > PATIENCE_S:
                process.kill()
            try:
                process.wait(LOOK_S)
            except subprocess.TimeoutExpired:
                waited_s += LOOK_S
    if process.returncode != 0:
        raise OSError("npm cannot fetch them")


def _files(package: Package, folder: Path) -> list[tuple[str, bytes]]:
    archive = folder / package.archive
    if hashlib.sha512(archive.read_bytes()).hexdigest() != package.sha512:
        raise OSError(f"{package.archive} is not the package of the lock")
    with tarfile.open(archive) as opened:
        members = [(file, opened.extractfile(f"package/{file}")) for file in package.files]
        return [(file, member.read()) for file, member in members if member is not None]


def _stamp(packages: Sequence[Package]) -> str:
    return "\n".join(f"{each.name} {each.sha512}" for each in packages)


def main() -> int:
    """Fetch what is not there; 0 also where it cannot be had, which is said."""
    packages = locked()
    npm = shutil.which("npm")
    if is_current(packages) or npm is None:
        return 0
    try:
        fetch(packages, npm=npm)
    except (OSError, KeyError, tarfile.TarError) as error:
        print(f"  GraphiQL cannot be fetched here ({error}): /graphql shows a page of its own.", file=sys.stderr)
    return 0


if __name__ == "__main__":
    sys.exit(main())
