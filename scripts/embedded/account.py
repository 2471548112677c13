"""Who the embedded servers run as, and whether that account can reach its files."""

import os
import pwd
import stat
from dataclasses import dataclass
from pathlib import Path

from engine.errors import ConfigurationError

# PostgreSQL refuses to run as root. `nobody` exists on every system, so nothing is added to the machine.
_UNPRIVILEGED = "nobody"


@dataclass(frozen=True, slots=True)
class Account:
    """An operating-system account that a child process is switched to."""

    name: str
    uid: int
    gid: int


def unprivileged_account() -> Account | None:
    """The account that servers run as when we are root; `None` when they simply run as ourselves."""
    if os.geteuid() != 0:
        return None
    entry = pwd.getpwnam(_UNPRIVILEGED)
    return Account(entry.pw_name, entry.pw_uid, entry.pw_gid)


def own_folder(folder: Path, account: Account | None) -> None:
    """Make `folder`, private to the account that its server runs as."""
    folder.mkdir(parents=True, exist_ok=True)
    if account is not None:
        os.chown(folder, account.uid, account.gid)
    folder.chmod(0o700)


def require_reachable(path: Path, account: Account | None) -> None:
    """Check that the account may walk down to `path`.

    Raises:
        ConfigurationError: a parent folder is closed to it; the message names the folder and the cure.
    """
    if account is None:
        return
    for parent in reversed(path.resolve().parents):
        mode = parent.stat()
        if mode.st_uid == account.uid and mode.st_mode & stat.S_IXUSR:
            continue
        if not mode.st_mode & stat.S_IXOTH:
            raise ConfigurationError(
                f"The embedded servers run as {account.name!r} because we are root, and {account.name!r} cannot walk "
                f"through {parent} to {path}. Run `chmod o+x {parent}`, or move the project and MAESTRO_DATA_DIR to a "
                "folder that everybody may traverse.",
                code="embedded.folder_unreachable",
            )
