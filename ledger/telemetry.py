"""What the ledger counts and times."""

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

_SECONDS = (0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)


class Metrics:
    """The instruments of one process."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
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
