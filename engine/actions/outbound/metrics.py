"""Metrics of calls to the outside. Labels are closed sets: no host, connection or tenant ever becomes one."""

from prometheus_client import Counter, Gauge, Histogram

BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10, 30)

CALLS = Counter(
    "maestro_outbound_calls",
    "Calls of steps to the outside, by protocol and how they ended (ok, unhealthy, failed, rejected, abandoned).",
    ["protocol", "outcome"],
)
CALL_SECONDS = Histogram(
    "maestro_outbound_call_duration_seconds",
    "How long calls of steps to the outside took, waiting for a free place included.",
    ["protocol"],
    buckets=BUCKETS,
)
IN_FLIGHT = Gauge("maestro_outbound_calls_in_flight", "Calls of steps that are out now.", ["protocol"])
WAITING = Gauge("maestro_outbound_calls_waiting", "Calls that wait for a place under their concurrency cap.")
CIRCUITS = Gauge("maestro_outbound_circuits", "Circuit breakers that are not closed, by state.", ["state"])
CIRCUIT_CHANGES = Counter("maestro_outbound_circuit_changes", "Changes of circuit breakers, by new state.", ["state"])
