"""The limits in force: read again when their file changes. A bad file changes nothing, and it is said why."""

import asyncio
import logging
from pathlib import Path
from typing import Final

from engine.errors import ConfigurationError
from engine.qos.file import Qos, load
from engine.telemetry.metrics import QOS_RELOADS

_log = logging.getLogger(__name__)

LOOK_S: Final = 2.0
Stamp = tuple[int, int] | None


class LiveQos:
    """Whoever needs a limit asks for `current` each time.

    Attributes:
        current: what is in force.
        fault: why the newest file is not; None: it is.
    """

    def __init__(self, path: Path | None = None, current: Qos | None = None) -> None:
        """Limits of a file, or without one those given, for ever.

        Raises:
            ConfigurationError: the file cannot be used; at boot there is no earlier one to keep.
        """
        self._path = path
        self._seen = self._stamp()
        self.current = current or (Qos() if path is None else load(path))
        self.fault: str | None = None

    def look_again(self) -> bool:
        """Read the file if it has changed. Returns whether new limits came into force."""
        stamp = self._stamp()
        if self._path is None or stamp == self._seen:
            return False
        self._seen = stamp
        try:
            self.current = load(self._path)
        except ConfigurationError as error:
            self.fault = error.message
            QOS_RELOADS.labels("refused").inc()
            _log.error("New limits are refused, the old ones stay: %s", error.message, extra={"action": "qos.reload"})
            return False
        self.fault = None
        QOS_RELOADS.labels("accepted").inc()
        _log.info("New limits are in force.", extra={"action": "qos.reload"})
        return True

    async def run(self) -> None:
        """Look for ever."""
        while True:
            await asyncio.sleep(LOOK_S)
            self.look_again()

    def _stamp(self) -> Stamp:
        try:
            status = self._path.stat() if self._path is not None else None
        except OSError:
            return None
        return None if status is None else (status.st_mtime_ns, status.st_size)
