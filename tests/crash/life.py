"""What a forked process becomes: a whole worker, as `maestro worker` is one, or a whole ledger.

Everything is imported in the fork server, so that a worker that replaces a killed one is there within a few hundredths
of a second: what rounds measure is how soon work goes on, not how soon Python starts.
"""

import asyncio
import ctypes
import os
import signal
from collections.abc import Mapping
from datetime import datetime, timedelta
from functools import partial
from typing import Final
from unittest.mock import patch

from engine.actions.builtin import load_registry
from engine.actions.interface import ActionContext, Effect, Result
from engine.actions.registry import ActionRegistry
from engine.actions.tools import ActionTools
from engine.clock import SystemClock
from engine.jsonvalue import JsonObject
from engine.policy import watcher
from engine.policy.bundle import Bundle
from engine.settings import load, process_environment
from engine.telemetry.logging import configure_logging
from ledger.serve import serve_ledger
from ledger.settings import LedgerSettings
from workers import process
from workers.config import WorkerConfig

_PR_SET_PDEATHSIG = 1
_OPEN = os.O_APPEND | os.O_CREAT | os.O_WRONLY


class Poison:
    """An action that takes its whole process with it, at each attempt."""

    name = "poison"
    effect = Effect.WRITE
    config_schema: Final[JsonObject] = {"type": "object"}

    async def run(self, context: ActionContext) -> Result:
        os.kill(os.getpid(), signal.SIGKILL)
        raise AssertionError(context)  # nobody gets here


def live(environment: Mapping[str, str], log: str, clock_ahead_s: float, limits: Mapping[str, float]) -> None:
    """Be a worker until killed or asked to end, its machine's clock ahead of everybody's by so much.

    `limits` are those of its `WorkerConfig` that are not the product's.
    """
    _begin(environment, log)
    configure_logging("maestro worker")
    with (
        patch.object(process, "SystemClock", lambda: _ShiftedClock(clock_ahead_s)),
        patch.object(process, "WorkerConfig", partial(WorkerConfig, **limits)),  # type: ignore[arg-type]
        patch.object(process, "load_registry", with_poison),
        patch.object(watcher, "admit", _admitted),
    ):
        process.serve_worker(load(process_environment()))


def keep_the_log(environment: Mapping[str, str], log: str) -> None:
    """Be a ledger until killed or asked to end."""
    _begin(environment, log)
    asyncio.run(serve_ledger(LedgerSettings.from_environment()))


class _ShiftedClock(SystemClock):
    """The clock of a machine that somebody has set wrong."""

    def __init__(self, ahead_s: float) -> None:
        self._ahead = timedelta(seconds=ahead_s)

    def now(self) -> datetime:
        return super().now() + self._ahead


def with_poison(tools: ActionTools) -> ActionRegistry:
    """The actions of the product, and one that kills."""
    registry = load_registry(tools)
    found = [action for name in registry.names() if (action := registry.get(name)) is not None]
    return ActionRegistry((*found, Poison()))


async def _admitted(_bundle: Bundle) -> None:
    """The repository's own bundle: to judge it anew takes another Python process, for each worker that starts."""


def _begin(environment: Mapping[str, str], log: str) -> None:
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, int(signal.SIGKILL), 0, 0, 0)  # no orphan when a test is killed
    descriptor = os.open(log, _OPEN)
    os.dup2(descriptor, 1)
    os.dup2(descriptor, 2)
    os.environ.update(environment)
