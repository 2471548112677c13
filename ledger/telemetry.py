"""What the ledger counts and times."""

import asyncio
import time
from typing import Final

from opentelemetry import trace
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector

_SECONDS = (0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
_HTTP_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10)
_DATABASE_SECONDS = (0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 5, 10)
_LAG_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5)
_LAG_EVERY_S: Final = 0.25

# One of each for the process, whose parts do not know each other; every page shows them. The names and labels are those
# that API and workers use, so that one panel shows all processes.
DATABASE_SECONDS: Final = Histogram(
    "db_client_operation_duration_seconds",
    "Time of transactions.",
    ("db_system_name", "db_operation_name"),
    buckets=_DATABASE_SECONDS,
    registry=None,
)
DATABASE_CONNECTIONS: Final = Gauge(
    "db_client_connection_count",
    "Connections of the pool.",
    ("db_system_name", "db_client_connection_state"),
    registry=None,
)
BATCH_SIZE: Final = Histogram(
    "maestro_ledger_batch_size",
    "Entries of one append, which share a checkpoint.",
    buckets=(1, 2, 5, 10, 25, 50, 100, 250, 500, 1000),
    registry=None,
)
EVENT_LOOP_LAG_SECONDS: Final = Histogram(
    "maestro_event_loop_lag_seconds",
    "How much later than asked for the event loop wakes a sleeper.",
    buckets=_LAG_SECONDS,
    registry=None,
)


class Metrics:
    """The instruments of one app, and the page of the process."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        ProcessCollector(registry=self.registry)
        for shared in (DATABASE_SECONDS, DATABASE_CONNECTIONS, BATCH_SIZE, EVENT_LOOP_LAG_SECONDS):
            self.registry.register(shared)
        self.http_seconds = Histogram(
            "http_server_request_duration_seconds",
            "Time from the request to the start of its answer.",
            ("http_route", "http_request_method", "http_response_status_code"),
            buckets=_HTTP_SECONDS,
            registry=self.registry,
        )
        self.registered = Counter(
            "maestro_ledger_registrations", "Entries asked for.", ["kind", "outcome"], registry=self.registry
        )
        self.append_seconds = Histogram(
            "maestro_ledger_append_duration_seconds",
            "From a request read to its checkpoint published.",
            buckets=_SECONDS,
            registry=self.registry,
        )
        self.refused = Counter(
            "maestro_ledger_refusals", "Requests refused, by error code.", ["code"], registry=self.registry
        )
        self.newest = Gauge(
            "maestro_ledger_last_registration_timestamp_seconds",
            "When an entry was last proved.",
            registry=self.registry,
        )


def exemplar() -> dict[str, str] | None:
    """What leads from a bucket of a histogram to a trace: the current span, if it is recorded."""
    context = trace.get_current_span().get_span_context()
    if not context.is_valid or not context.trace_flags.sampled:
        return None
    return {"trace_id": f"{context.trace_id:032x}", "span_id": f"{context.span_id:016x}"}


async def watch_loop_lag() -> None:
    """Measure for ever how late the event loop is, a few times a second."""
    while True:
        asked_at = time.perf_counter()
        await asyncio.sleep(_LAG_EVERY_S)
        EVENT_LOOP_LAG_SECONDS.observe(max(0.0, time.perf_counter() - asked_at - _LAG_EVERY_S))
