"""The product's processes as children: started, watched, restarted with back-off, stopped."""

import signal
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from scripts.embedded.process import Command, spawn, wait_or_kill

_FIRST_PAUSE_S = 0.25
_LONGEST_PAUSE_S = 30.0
_STEADY_S = 60.0  # who ran this long starts again without a pause
_LAST_WORDS = 12


@dataclass(frozen=True, slots=True)
class Ending:
    """A child that ended without being asked.

    Attributes:
        name: of the child.
        code: exit code; negative: the signal that killed it.
        pause_s: until it is started again.
    """

    name: str
    code: int
    pause_s: float


class Child:
    """One process of the product."""

    def __init__(self, name: str, log: Path, command: Command, clock: Callable[[], float] = time.monotonic) -> None:
        self.name = name
        self.log = log
        self._command = command
        self._clock = clock
        self._process: subprocess.Popen[bytes] | None = None
        self._started_at = 0.0
        self._pause_s = 0.0
        self._due_at: float | None = None
        self._log_offset = 0

    @property
    def pid(self) -> int | None:
        """Process id while it runs."""
        return self._process.pid if self._process is not None and self._process.poll() is None else None

    def start(self) -> None:
        """Start it now."""
        self._log_offset = self.log.stat().st_size if self.log.exists() else 0
        self._process = spawn(self._command)
        self._started_at = self._clock()
        self._due_at = None

    def watch(self) -> Ending | None:
        """Look after it once: report an end that nobody asked for, and start it again when its pause is over."""
        if self._due_at is not None:
            if self._clock() >= self._due_at:
                self.start()
            return None
        if self._process is None:
            return None
        code = self._process.poll()
        if code is None:
            return None
        if self._clock() - self._started_at >= _STEADY_S:
            self._pause_s = 0.0
        ending = Ending(self.name, code, self._pause_s)
        self._due_at = self._clock() + self._pause_s
        self._pause_s = min(max(self._pause_s * 2, _FIRST_PAUSE_S), _LONGEST_PAUSE_S)
        self._process = None
        return ending

    def ask_to_stop(self) -> None:
        """Ask it to end, without waiting: many can then end at the same time. It is not started again."""
        self._due_at = None
        if self._process is not None and self._process.poll() is None:
            self._process.terminate()

    def stop(self, *, patience_s: float) -> None:
        """Ask it to end, wait for it, end it by force when patience is over. It is not started again."""
        self.ask_to_stop()
        if self._process is not None:
            wait_or_kill(self._process, patience_s=patience_s)
            self._process = None

    def last_words(self) -> str:
        """The last lines that it logged since its last start."""
        try:
            with self.log.open("rb") as file:
                file.seek(self._log_offset)
                lines = file.read().decode(errors="replace").strip().splitlines()
        except FileNotFoundError:
            return ""
        return "\n".join(f"  {line}" for line in lines[-_LAST_WORDS:])


def describe_end(code: int) -> str:
    """An exit code as people say it."""
    if code < 0:
        try:
            return f"was killed by {signal.Signals(-code).name}"
        except ValueError:
            return f"was killed by signal {-code}"
    return f"ended with exit code {code}"
