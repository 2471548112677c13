"""What a worker counts. Children of labels are looked up once, here: a step may cost no look-up."""

import asyncio
import logging
from collections.abc import Iterable, Mapping
from typing import Final

from prometheus_client import Counter, Gauge, Histogram

from engine.actions.interface import Result, Succeeded
from engine.errors import Unavailable
from engine.services.dead_letter_values import DeadLetterKind
from engine.store import gauges
from engine.store.hot import HotConnection
from engine.store.outbox import EXECUTION_EVENT, EXECUTION_NOTICE, LEDGER_EXECUTION
from engine.store.outgoing import LEDGER_VERSION
from engine.tasks.states import OPEN
from engine.telemetry.metrics import (
    DEAD_LETTERS_OPEN,
    HUMAN_TASKS_BREACHED,
    HUMAN_TASKS_OPEN,
    LEDGER_OLDEST_SECONDS,
    OUTBOX_OLDEST_SECONDS,
    OUTBOX_WAITING,
    STEP_SECONDS,
    STEPS,
)

_log = logging.getLogger(__name__)

GAUGES_S: Final = 5.0
UNKNOWN: Final = "unknown"
_LEDGER_TOPICS: Final = frozenset({LEDGER_EXECUTION, LEDGER_VERSION})
_TOPICS: Final = (*sorted(_LEDGER_TOPICS), EXECUTION_EVENT, EXECUTION_NOTICE)


class StepMeters:
    """Attempts by action type and outcome. Types are those of the registry; whatever else a definition names is one."""

    def __init__(self, action_types: Iterable[str]) -> None:
        names = (*action_types, UNKNOWN)
        self._succeeded: dict[str, Counter] = {name: STEPS.labels(name, "succeeded") for name in names}
        self._failed: dict[str, Counter] = {name: STEPS.labels(name, "failed") for name in names}
        self._seconds: dict[str, Histogram] = {name: STEP_SECONDS.labels(name) for name in names}

    def came(self, action_type: str, result: Result) -> None:
        """An attempt has an outcome."""
        found = self._succeeded if isinstance(result, Succeeded) else self._failed
        (found.get(action_type) or found[UNKNOWN]).inc()

    def took(self, action_type: str, seconds: float, exemplar: dict[str, str] | None) -> None:
        """An attempt that waited for something is over; what leads to its trace becomes the exemplar of its bucket."""
        self._seconds[action_type].observe(seconds, exemplar)


class Gauges:
    """Shows now and then what only the tables know. An odd name that is gone from them is not shown any more."""

    def __init__(self, connection: HotConnection) -> None:
        self._connection = connection

    async def run(self) -> None:
        """Look for ever."""
        while True:
            try:
                await self.run_once()
            except Unavailable as error:
                _log.warning("The tables could not be counted.", extra={"action": "gauges", "error": error.code})
            await asyncio.sleep(GAUGES_S)

    async def run_once(self) -> None:
        """One look.

        Raises:
            Unavailable: the database does not answer; the last values stand.
        """
        counted = await gauges.look(self._connection)
        waiting = counted.outbox
        _show(OUTBOX_OLDEST_SECONDS, _TOPICS, {topic: found.oldest_s for topic, found in waiting.items()})
        _show(OUTBOX_WAITING, _TOPICS, {topic: found.count for topic, found in waiting.items()})
        unregistered = (found.oldest_s for topic, found in waiting.items() if topic in _LEDGER_TOPICS)
        LEDGER_OLDEST_SECONDS.set(max(unregistered, default=0.0))
        _show(DEAD_LETTERS_OPEN, DeadLetterKind, counted.dead_letters)
        _show(HUMAN_TASKS_OPEN, OPEN, counted.tasks.by_status)
        HUMAN_TASKS_BREACHED.set(counted.tasks.breached)


def _show(gauge: Gauge, usual: Iterable[str], values: Mapping[str, float]) -> None:
    """Show what was found; the usual names are 0 where nothing was, so that calm is seen to be calm."""
    shown = {**dict.fromkeys(usual, 0.0), **values}
    for name, value in shown.items():
        gauge.labels(name).set(value)
    # One by one, and never all at once: a scrape in between, from the thread that serves it, would see nothing.
    seen = [name for metric in gauge.collect() for sample in metric.samples for name in sample.labels.values()]
    for name in seen:
        if name not in shown:
            gauge.remove(name)
