"""Real worker processes, and what may happen to them."""

import asyncio
import contextlib
import multiprocessing
import os
import random
import signal
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from multiprocessing.context import ForkServerProcess
from pathlib import Path

from tests.crash.life import live

ROOT = Path(__file__).parents[2]
FORKS = multiprocessing.get_context("forkserver")
FORKS.set_forkserver_preload(["tests.crash.tether", "tests.crash.life"])

FAILURES = 20
"""Workers may end with an error of their own when a server is down; so many of them cannot work at all."""


class WorkersFailError(AssertionError):
    """Workers end by themselves again and again; the end of their log says why."""


@dataclass(frozen=True, slots=True)
class Death:
    """A worker that was killed, or cut off or frozen for so long that it counts as dead."""

    pid: int
    at: float


@dataclass(frozen=True, slots=True)
class Member:
    """One worker process, and the place in the fleet that it has taken."""

    process: ForkServerProcess
    place: int

    @property
    def pid(self) -> int:
        assert self.process.pid is not None  # it was started
        return self.process.pid

    def end(self) -> None:
        """As by kill -9."""
        self.process.kill()
        self.process.join()


@dataclass(slots=True)
class Fleet:
    """Some workers that are started again when they die.

    Attributes:
        environment: of all of them.
        places: what each place adds to that: links of its own, for example.
        limits: those of their configuration that are not the product's.
        frozen: stopped by SIGSTOP; others have taken their places meanwhile.
    """

    environment: Mapping[str, str]
    log: Path
    size: int
    places: Sequence[Mapping[str, str]] = ()
    limits: Mapping[str, float] = field(default_factory=dict)
    workers: list[Member] = field(default_factory=list)
    frozen: list[Member] = field(default_factory=list)
    failures: int = 0

    def fill(self, crash_points: str = "", *, clock_ahead_s: float = 0.0) -> list[Death]:
        """Start what is missing, the first of them as told. Returns who had died by itself."""
        died = self.reap()
        while len(self.workers) < self.size:
            self.workers.append(self._spawn(crash_points, clock_ahead_s))
            crash_points, clock_ahead_s = "", 0.0
        return died

    def reap(self) -> list[Death]:
        """Forget those that have died by themselves."""
        dead = [worker for worker in self.workers if worker.process.exitcode is not None]
        for worker in dead:
            self.workers.remove(worker)
            self.failures += (worker.process.exitcode or 0) > 0
        if self.failures > FAILURES:
            raise WorkersFailError(self.log.read_text()[-2_000:])
        return [Death(worker.pid, time.time()) for worker in dead]

    def kill_one(self, chance: random.Random) -> Death:
        """As by kill -9."""
        worker = self.workers.pop(chance.randrange(len(self.workers)))
        death = Death(worker.pid, time.time())
        worker.end()
        return death

    def freeze_one(self, chance: random.Random) -> tuple[Death, Callable[[], None]]:
        """SIGSTOP; another one may take its place. Returns what thaws it."""
        worker = self.workers.pop(chance.randrange(len(self.workers)))
        with contextlib.suppress(ProcessLookupError):  # it has come to its crash point this very moment
            os.kill(worker.pid, signal.SIGSTOP)
        self.frozen.append(worker)

        def thaw() -> None:
            if worker not in self.frozen:  # it was killed meanwhile, with all others
                return
            self.frozen.remove(worker)
            self.workers.append(worker)
            with contextlib.suppress(ProcessLookupError):
                os.kill(worker.pid, signal.SIGCONT)

        return Death(worker.pid, time.time()), thaw

    async def stop(self) -> list[int | None]:
        """SIGTERM to all. Returns their exit codes."""
        for worker in self.workers:
            worker.process.terminate()
        for worker in self.workers:
            await asyncio.to_thread(worker.process.join, 60)
        codes = [worker.process.exitcode for worker in self.workers]
        self.workers.clear()
        return codes

    def kill_all(self) -> None:
        """End of a test that failed: leave nothing behind."""
        for worker in (*self.workers, *self.frozen):
            worker.end()
        self.workers.clear()
        self.frozen.clear()

    def _spawn(self, crash_points: str, clock_ahead_s: float) -> Member:
        taken = {worker.place for worker in (*self.workers, *self.frozen)}
        place = min(set(range(len(taken) + 1)) - taken)
        own = self.places[place % len(self.places)] if self.places else {}
        environment = {**self.environment, **own, "MAESTRO_CRASH_POINTS": crash_points}
        arguments = (environment, str(self.log), clock_ahead_s, self.limits)
        process = FORKS.Process(target=live, args=arguments, daemon=True)
        process.start()
        return Member(process, place)
