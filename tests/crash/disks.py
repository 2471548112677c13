"""A small disk of the suite's own, which can be full.

It lies in memory: rounds kill processes and never the machine, so that what a server has written is there for the next
one, and no round waits for the disks of whoever shares the machine.
"""

import contextlib
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

SIZE_MB = 1_500
_CHUNK = bytes(4_000_000)


@dataclass(frozen=True, slots=True)
class Disk:
    """A mounted file system of a fixed size."""

    folder: Path

    def fill(self) -> None:
        """Leave no free page: the next one that anybody wants is refused with ENOSPC."""
        ballast = self.folder / "ballast"
        room = max(0, shutil.disk_usage(self.folder).free - len(_CHUNK))
        subprocess.run(["fallocate", "-l", str(room), ballast], check=False)
        with ballast.open("ab", buffering=0) as file, contextlib.suppress(OSError):
            while file.write(_CHUNK):
                pass

    def free(self) -> None:
        """Give the room back."""
        (self.folder / "ballast").unlink()


@contextmanager
def small_disk(folder: Path) -> Iterator[Disk | None]:
    """A disk mounted in `folder` for as long as the block lasts; None: this machine or account may not mount one."""
    folder.mkdir(parents=True)
    mount = ["mount", "-t", "tmpfs", "-o", f"size={SIZE_MB}m,mode=0755", "maestro-crash", str(folder)]
    try:
        is_mounted = subprocess.run(mount, check=False, capture_output=True).returncode == 0
    except FileNotFoundError:
        is_mounted = False
    if not is_mounted:
        yield None
        return
    try:
        yield Disk(folder)
    finally:
        subprocess.run(["umount", "--lazy", folder], check=True)
