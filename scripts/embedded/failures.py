"""Turn what a server wrote before it died into one clear sentence."""

import shutil
from pathlib import Path

from engine.errors import ConfigurationError

_NEEDED_BYTES = 200 * 1024 * 1024


class PortTaken(Exception):
    """The chosen port was taken by somebody else between the choice and the start."""


def require_space(folder: Path) -> None:
    """Refuse to start on a disk that is about to be full.

    Raises:
        ConfigurationError: less than 200 MiB are free.
    """
    free = shutil.disk_usage(folder).free
    if free < _NEEDED_BYTES:
        raise ConfigurationError(
            f"The disk that holds {folder} has {free // 1024 // 1024} MiB left; the embedded servers need at least "
            f"{_NEEDED_BYTES // 1024 // 1024} MiB. Free some space, or set MAESTRO_DATA_DIR to another disk.",
            code="embedded.disk_full",
        )


def explain_death(server: str, log: Path, offset: int) -> Exception:
    """What to raise for a server that ended during its start, from what it logged after `offset` bytes."""
    with log.open("rb") as handle:
        handle.seek(offset)
        said = handle.read().decode(errors="replace")
    if "ddress already in use" in said:
        return PortTaken(server)
    if "No space left on device" in said:
        return ConfigurationError(
            f"{server} cannot start: the disk is full. Free some space, or set MAESTRO_DATA_DIR to another disk.",
            code="embedded.disk_full",
        )
    last = "\n  ".join(said.strip().splitlines()[-8:])
    return ConfigurationError(
        f"{server} ended while it started. Its last words, from {log}:\n  {last}", code="embedded.start_failed"
    )
