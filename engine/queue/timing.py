"""How long commands to Redis take, by the name of what they do. Reads that wait for news are not among them."""

import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Final

from engine.telemetry.metrics import DATABASE_SECONDS, REDIS_FAILURES
from engine.telemetry.tracing import exemplar, exemplar_among

_SYSTEM: Final = "redis"


class Timing:
    """The figures of one operation; look it up once, beside its only user."""

    def __init__(self, operation: str) -> None:
        self._seconds = DATABASE_SECONDS.labels(_SYSTEM, operation)
        self._failures = REDIS_FAILURES.labels(operation)

    @contextmanager
    def measured(self, traceparents: Iterable[str | None] | None = None) -> Iterator[None]:
        """Time the block; one that ends with an exception counts as a command without an answer.

        `traceparents` are the trace contexts of those for whom it is done; None: of the caller, whose span is current.
        """
        began = time.perf_counter()
        try:
            yield
        except Exception:
            self._failures.inc()
            raise
        seconds = time.perf_counter() - began
        self._seconds.observe(seconds, exemplar() if traceparents is None else exemplar_among(traceparents))
