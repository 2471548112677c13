"""Admission: whether a start of an execution is let in. Decided in the process, on a picture that is refreshed beside.

Three refusals: over the budget of its class (429), more unfinished executions than its tenant may have (429), and more
to do than the workers can keep up with (503), which meets the lower classes first.
"""

import asyncio
import logging
import math
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from typing import Final

from engine.clock import Clock
from engine.errors import Overloaded, RateLimited, Unavailable
from engine.qos.classes import CLASSES, ClassOfService
from engine.qos.live import LiveQos
from engine.qos.meters import Meters
from engine.store.flows import QueueLoad, SystemLoad, measure
from engine.store.hot import HotConnection
from engine.telemetry.metrics import (
    ADMISSION_REFUSALS,
    EXECUTIONS_UNFINISHED,
    QUEUE_DEPTH,
    QUEUE_OLDEST_SECONDS,
)

_log = logging.getLogger(__name__)

MEASURE_S: Final = 1.0
IDLE_S: Final = 5.0
"""Between two measurements while nobody starts anything here and nothing waits; the first start ends it."""
MEASURE_SHARE: Final = 20
"""A measurement that takes long is made more rarely: never more than one part in so many of the time."""
JITTER: Final = 0.2
LONGEST_WAIT_S: Final = 60
IDLE: Final = QueueLoad(0, 0.0)
NOTHING: Final = SystemLoad({}, {})


class Admission:
    """Lets starts in, or says when to come back."""

    def __init__(self, qos: LiveQos, meters: Meters, draw: Callable[[], float]) -> None:
        self._qos = qos
        self._meters = meters
        self._draw = draw
        self._load = NOTHING
        self._since: Counter[str] = Counter()
        self._asked = asyncio.Event()

    def saw(self, load: SystemLoad) -> None:
        """A new picture of how much there is to do."""
        self._load = load
        self._since.clear()
        self._asked.clear()

    async def asked(self) -> None:
        """Return once somebody has wanted to start something since the last picture."""
        await self._asked.wait()

    def class_for(self, tenant: str, asked: str | None) -> str:
        """The class of an execution, of a tenant whose workflow asks for one."""
        return self._qos.current.service.class_for(tenant, asked).name

    def admit(self, tenant: str, qos_class: str) -> None:
        """Let a start in, and count it.

        Raises:
            Overloaded: there is more to do than the workers keep up with.
            RateLimited: the tenant is over a budget of its class.
        """
        found = self._qos.current.classes[qos_class]
        self._asked.set()
        self._refuse_overload(found)
        self._refuse_too_many(found, tenant)
        wait_s = self._meters.take(found.requests, tenant)
        if wait_s > 0.0:
            ADMISSION_REFUSALS.labels(found.name, "requests").inc()
            budget = found.requests
            raise RateLimited(
                f"The tenant starts more executions than its class {found.name!r} may.",
                policy=budget.name,
                retry_after_s=self._drawn_out(wait_s),
                quota=budget.quota,
                window_s=budget.window_s,
            )
        self._since[tenant] += 1

    def _refuse_overload(self, found: ClassOfService) -> None:
        pressure = self._qos.current.backpressure
        depth = sum(queue.depth for queue in self._load.queues.values()) + self._since.total()
        limit = math.floor(pressure.queue_depth * found.shed_at_depth)
        own = self._load.queues.get(found.name, IDLE)
        longest_s = found.queue_age_target_s * pressure.age_factor
        if depth >= limit:
            policy, quota = "queue-depth", limit
        elif own.depth >= pressure.least_depth and own.oldest_s > longest_s:
            policy, quota = "queue-age", longest_s
        else:
            return
        ADMISSION_REFUSALS.labels(found.name, policy).inc()
        wait_s = self._drawn_out(min(LONGEST_WAIT_S, max(1.0, own.oldest_s / pressure.age_factor)))
        message = "There is more to do than can be kept up with; what was accepted goes on."
        raise Overloaded(message, retry_after_s=wait_s, policy=policy, quota=quota)

    def _refuse_too_many(self, found: ClassOfService, tenant: str) -> None:
        unfinished = self._load.unfinished.get(tenant, 0) + self._since[tenant]
        if unfinished < found.concurrent_executions:
            return
        ADMISSION_REFUSALS.labels(found.name, "executions").inc()
        raise RateLimited(
            f"The tenant has {unfinished} unfinished executions; its class {found.name!r} allows"
            f" {found.concurrent_executions}.",
            policy=f"executions-{found.name}",
            retry_after_s=self._drawn_out(1.0),
            quota=found.concurrent_executions,
        )

    def _drawn_out(self, wait_s: float) -> int:
        return max(1, math.ceil(wait_s * (1 + JITTER * self._draw())))


class LoadWatch:
    """Measures the load for an admission, again and again."""

    def __init__(self, connection: HotConnection, admission: Admission, clock: Clock) -> None:
        self._connection = connection
        self._admission = admission
        self._clock = clock
        self._pause_s = MEASURE_S

    async def run(self) -> None:
        """Measure for ever."""
        while True:
            is_busy = True
            try:
                is_busy = any(queue.depth for queue in (await self.run_once()).queues.values())
            except Unavailable as error:
                _log.warning("The load could not be measured.", extra={"action": "admission", "error": error.code})
            await asyncio.sleep(self._pause_s)
            if not is_busy:
                await self._wait_idly()

    async def _wait_idly(self) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(IDLE_S - MEASURE_S):
                await self._admission.asked()

    async def run_once(self) -> SystemLoad:
        """One measurement.

        Raises:
            Unavailable: the database does not answer; the last picture stands.
        """
        asked_at = self._clock.monotonic()
        load = await measure(self._connection)
        self._pause_s = max(MEASURE_S, MEASURE_SHARE * (self._clock.monotonic() - asked_at))
        self._admission.saw(load)
        EXECUTIONS_UNFINISHED.set(sum(load.unfinished.values()))
        for name in CLASSES:
            queue = load.queues.get(name, IDLE)
            QUEUE_DEPTH.labels(name).set(queue.depth)
            QUEUE_OLDEST_SECONDS.labels(name).set(queue.oldest_s)
        return load
