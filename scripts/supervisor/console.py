"""What the command says while it works: one line for each thing that happened."""

import sys
import time


class Console:
    """Lines with the seconds since the start; flushed at once, so that a pipe shows progress too."""

    def __init__(self) -> None:
        self._started = time.monotonic()

    def say(self, line: str) -> None:
        """Print one line of progress."""
        print(f"[{time.monotonic() - self._started:6.1f} s] {line}", flush=True)

    def plain(self, line: str = "") -> None:
        """Print a line that is meant to be read or copied as it is."""
        print(line, flush=True)

    def error(self, message: str) -> None:
        """Print why the command ends, one `error:` line for each line of the message."""
        for line in message.splitlines():
            print(f"error: {line}" if not line.startswith(" ") else line, file=sys.stderr, flush=True)
