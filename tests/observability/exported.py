"""Names of all series that processes export, from the instruments themselves."""

from importlib import import_module

from prometheus_client import REGISTRY, CollectorRegistry
from prometheus_client.metrics import Counter, Histogram, MetricWrapperBase

from federation.middleware.metrics import HttpMetrics
from ledger.telemetry import Metrics

_MODULES = ("engine.actions.outbound.metrics", "engine.triggers.metrics", "engine.telemetry.metrics")
_OF_THE_PROCESS = {"process_cpu_seconds_total", "process_resident_memory_bytes", "process_open_fds"}


def exported_names() -> set[str]:
    """Every name that a scrape of API, worker and ledger can hold and that a query may use."""
    for module in _MODULES:
        import_module(module)
    http = CollectorRegistry()
    HttpMetrics(http)
    found = set(_OF_THE_PROCESS)
    for registry in (REGISTRY, http, Metrics().registry):
        for collector in list(registry._collector_to_names):
            if isinstance(collector, MetricWrapperBase):
                found |= _names(collector)
    return found


def _names(collector: MetricWrapperBase) -> set[str]:
    name = collector._name
    if isinstance(collector, Counter):
        return {f"{name}_total"}
    if isinstance(collector, Histogram):
        return {f"{name}_bucket", f"{name}_sum", f"{name}_count"}
    return {name}
