"""Real worker processes, and what may happen to them."""

import asyncio
import contextlib
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).parents[2]
_PROGRAM = """
from engine.settings import load, process_environment
from engine.telemetry.logging import configure_logging
from workers.process import serve_worker
configure_logging("maestro worker")
serve_worker(load(process_environment()))
"""


FAILURES = 20
"""Workers may end with an error of their own when a server is down; so many of them cannot work at all."""


class WorkersFailError(AssertionError):
    """Workers end by themselves again and again; the end of their log says why."""


@dataclass(frozen=True, slots=True)
class Death:
    """A worker that was killed, or frozen for so long that it counts as dead."""

    pid: int
    at: float


@dataclass(slots=True)
class Fleet:
    """Some workers that are started again when they die."""

    environment: dict[str, str]
    log: Path
    size: int
    workers: list[subprocess.Popen[bytes]] = field(default_factory=list)
    failures: int = 0

    def fill(self, crash_points: str = "") -> list[Death]:
        """Start what is missing, `crash_points` armed in the first that is started. Returns who had died by itself."""
        died = self.reap()
        while len(self.workers) < self.size:
            self.workers.append(self._spawn(crash_points))
            crash_points = ""
        return died

    def reap(self) -> list[Death]:
        """Forget those that have died by themselves."""
        dead = [worker for worker in self.workers if worker.poll() is not None]
        for worker in dead:
            self.workers.remove(worker)
            self.failures += worker.returncode > 0
        if self.failures > FAILURES:
            raise WorkersFailError(self.log.read_text()[-2_000:])
        return [Death(worker.pid, time.time()) for worker in dead]

    def kill_one(self, chance: random.Random) -> Death:
        """As by kill -9."""
        worker = self.workers.pop(chance.randrange(len(self.workers)))
        worker.kill()
        death = Death(worker.pid, time.time())
        worker.wait()
        return death

    def freeze_one(self, chance: random.Random) -> tuple[Death, Callable[[], None]]:
        """SIGSTOP. Returns what thaws it."""
        worker = chance.choice(self.workers)
        worker.send_signal(signal.SIGSTOP)

        def thaw() -> None:
            with contextlib.suppress(ProcessLookupError):
                worker.send_signal(signal.SIGCONT)

        return Death(worker.pid, time.time()), thaw

    async def stop(self) -> list[int]:
        """SIGTERM to all. Returns their exit codes."""
        for worker in self.workers:
            worker.send_signal(signal.SIGTERM)
        codes = [await asyncio.to_thread(worker.wait, 60) for worker in self.workers]
        self.workers.clear()
        return codes

    def kill_all(self) -> None:
        """End of a test that failed: leave nothing behind."""
        for worker in self.workers:
            worker.kill()
            worker.wait()
        self.workers.clear()

    def _spawn(self, crash_points: str) -> subprocess.Popen[bytes]:
        # Bytecode is kept between starts: compiling everything again would be most of a worker's start.
        cache = {"PYTHONDONTWRITEBYTECODE": "", "PYTHONPYCACHEPREFIX": str(self.log.parent / "bytecode")}
        environment = {**os.environ, **cache, **self.environment, "MAESTRO_CRASH_POINTS": crash_points}
        with self.log.open("ab") as log:
            return subprocess.Popen([sys.executable, "-c", _PROGRAM], env=environment, cwd=ROOT, stderr=log)
