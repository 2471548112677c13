"""One run at a time for one data folder."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from engine.errors import ConfigurationError


@contextmanager
def sole_use(data: Path) -> Iterator[None]:
    """Hold the data folder. The kernel gives it back when this process ends, however it ends.

    Raises:
        ConfigurationError: another run holds it; nothing was touched.
    """
    data.mkdir(parents=True, exist_ok=True)
    file = os.open(data / "run.lock", os.O_RDWR | os.O_CREAT, 0o644)
    try:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = os.read(file, 32).decode().strip() or "unknown"
            raise ConfigurationError(
                f"Another run (process {holder}) uses {data}. Stop it first, or set MAESTRO_DATA_DIR and MAESTRO_PORT.",
                code="run.already_running",
            ) from None
        os.truncate(file, 0)
        os.pwrite(file, f"{os.getpid()}\n".encode(), 0)
        yield
    finally:
        os.close(file)
