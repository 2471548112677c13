"""Traffic control of calls to the outside: every call, whatever its protocol, goes out through `Traffic.call`.

It takes a place under the cap of its connection and host, asks the circuit breaker, and accounts for how the call
ended.
"""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from enum import StrEnum

from engine.actions.outbound.circuits import Circuits, Place
from engine.actions.outbound.errors import OutboundError
from engine.actions.outbound.metrics import CALL_SECONDS, CALLS, IN_FLIGHT, WAITING
from engine.clock import Clock
from engine.telemetry.tracing import exemplar

DEFAULT_CONCURRENCY = 16


class Protocol(StrEnum):
    """What is spoken on a connection that the guard opened."""

    HTTP = "http"
    SMTP = "smtp"
    POSTGRESQL = "postgresql"


@dataclass(slots=True)
class Call:
    """One call that is out; whoever makes it says here when the far side answered but is not well."""

    unhealthy: bool = False


@dataclass(slots=True)
class _Cap:
    free: asyncio.Semaphore
    users: int = field(default=0)


class Traffic:
    """Concurrency caps and circuit breakers of this process. It belongs to one event loop."""

    def __init__(self, circuits: Circuits, clock: Clock) -> None:
        self._circuits = circuits
        self._clock = clock
        self._caps: dict[tuple[Place, int], _Cap] = {}

    @asynccontextmanager
    async def call(
        self, place: Place, protocol: Protocol, *, deadline: float, concurrency: int | None = None
    ) -> AsyncIterator[Call]:
        """Hold a place for one call; waits for it until `deadline` (on the event loop's clock).

        Raises:
            OutboundError: the circuit is open, or no place became free in time.
        """
        began = self._clock.monotonic()
        async with self._place(place, concurrency or DEFAULT_CONCURRENCY, deadline):
            pause_s = self._circuits.admit(place)
            if pause_s is not None:
                CALLS.labels(protocol, "rejected").inc()
                raise OutboundError(
                    "outbound.circuit_open",
                    f"{place.host!r} kept failing and is left alone for now.",
                    retryable=True,
                    retry_after_ms=int(pause_s * 1000),
                )
            with self._counted(place, protocol) as call:
                yield call
        CALL_SECONDS.labels(protocol).observe(self._clock.monotonic() - began, exemplar())

    @asynccontextmanager
    async def _place(self, place: Place, concurrency: int, deadline: float) -> AsyncIterator[None]:
        key = (place, concurrency)
        cap = self._caps.setdefault(key, _Cap(asyncio.Semaphore(concurrency)))
        cap.users += 1
        try:
            with WAITING.track_inprogress():
                await _acquire(cap.free, place, deadline)
            try:
                yield
            finally:
                cap.free.release()
        finally:
            cap.users -= 1
            if cap.users == 0:
                del self._caps[key]

    @contextmanager
    def _counted(self, place: Place, protocol: Protocol) -> Iterator[Call]:
        """Tell breaker and metrics how the body ended; cancellation says nothing of the far side."""
        call = Call()
        outcome = "abandoned"
        try:
            with IN_FLIGHT.labels(protocol).track_inprogress():
                yield call
            outcome = "unhealthy" if call.unhealthy else "ok"
        except OutboundError as exc:
            outcome = "unhealthy" if exc.unhealthy else "failed"
            raise
        finally:
            CALLS.labels(protocol, outcome).inc()
            if outcome in {"ok", "unhealthy"}:
                self._circuits.settle(place, healthy=outcome == "ok")
            else:
                self._circuits.abandon(place)


async def _acquire(free: asyncio.Semaphore, place: Place, deadline: float) -> None:
    try:
        async with asyncio.timeout_at(deadline):
            await free.acquire()
    except TimeoutError as exc:
        raise OutboundError(
            "outbound.saturated", f"Too many calls to {place.host!r} are out already.", retryable=True
        ) from exc
