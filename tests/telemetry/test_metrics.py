"""Every instrument of the product, held to its names, its labels and its page."""

import re
from importlib import import_module

import httpx
import pytest
from prometheus_client import REGISTRY, CollectorRegistry
from prometheus_client.openmetrics.exposition import generate_latest

from engine.errors import ConfigurationError
from engine.queue.timing import Timing
from engine.telemetry.metrics import LABELS, STEPS
from engine.telemetry.serving import serving_metrics
from federation.middleware.metrics import METHODS, HttpMetrics
from ledger.telemetry import Metrics
from rest_shim.routes.table import ROUTES
from scripts.embedded.ports import LOOPBACK, free_port
from workers.meters import UNKNOWN, StepMeters

OWN = re.compile(r"(maestro|http_server|db_client|messaging)_[a-z_]+")
FROM_THE_LIBRARY = ("python_", "process_")


def instruments() -> dict[str, tuple[str, ...]]:
    """Names and labels of all that is exported, by all processes."""
    for module in ("engine.actions.outbound.metrics", "engine.triggers.metrics", "engine.telemetry.metrics"):
        import_module(module)
    http = CollectorRegistry()
    HttpMetrics(http)
    found: dict[str, tuple[str, ...]] = {}
    for registry in (REGISTRY, http, Metrics().registry):
        for collector in list(registry._collector_to_names):
            name, labels = getattr(collector, "_name", None), getattr(collector, "_labelnames", ())
            if name is not None and not name.startswith(FROM_THE_LIBRARY):
                found[name] = tuple(labels)
    return found


def test_every_name_is_ours_and_every_label_has_a_closed_set_of_values() -> None:
    found = instruments()

    assert len(found) > 40
    assert [name for name in found if not OWN.fullmatch(name)] == []
    assert {label for labels in found.values() for label in labels} - LABELS == set()


def test_no_label_is_an_identifier_or_a_tenant() -> None:
    assert [label for label in LABELS if label.endswith("_id") or label in {"tenant", "path", "workflow", "user"}] == []


def test_a_step_of_an_action_that_nobody_knows_makes_no_new_series() -> None:
    from engine.actions.interface import Failed  # noqa: PLC0415 - beside its only use

    meters = StepMeters(("noop",))
    before = REGISTRY.get_sample_value("maestro_steps_total", {"action_type": UNKNOWN, "outcome": "failed"}) or 0

    meters.came("whatever-a-client-wrote", Failed("action.unknown", "?"))

    after = REGISTRY.get_sample_value("maestro_steps_total", {"action_type": UNKNOWN, "outcome": "failed"})
    assert after == before + 1
    types = {sample.labels["action_type"] for metric in STEPS.collect() for sample in metric.samples}
    assert "whatever-a-client-wrote" not in types


def test_a_route_is_its_template_and_an_odd_method_is_other() -> None:
    registry = CollectorRegistry()
    metrics = HttpMetrics(registry)

    metrics.observe({"method": "BREW", "maestro.route": "/api/workflows/{id}"}, 405, 0.1)

    labels = {"http_route": "/api/workflows/{id}", "http_request_method": "_OTHER", "http_response_status_code": "405"}
    assert registry.get_sample_value("http_server_request_duration_seconds_count", labels) == 1
    assert "BREW" not in METHODS
    assert {route.template for route in ROUTES if "{" not in route.template} <= {route.path for route in ROUTES}


def test_a_command_that_redis_answers_is_timed_and_one_that_it_does_not_is_a_failure() -> None:
    timing = Timing("set")
    labels = {"db_system_name": "redis", "db_operation_name": "set"}

    def figures() -> tuple[float, float]:
        timed = REGISTRY.get_sample_value("db_client_operation_duration_seconds_count", labels)
        return timed or 0, REGISTRY.get_sample_value("maestro_redis_failures_total", {"operation": "set"}) or 0

    before = figures()
    with timing.measured():
        pass
    with pytest.raises(ConnectionError), timing.measured():
        raise ConnectionError

    assert figures() == (before[0] + 1, before[1] + 1)


def test_an_answer_within_a_recorded_span_leads_to_its_trace(monkeypatch: pytest.MonkeyPatch) -> None:
    registry = CollectorRegistry()
    metrics = HttpMetrics(registry)
    monkeypatch.setattr("federation.middleware.metrics.exemplar", lambda: {"trace_id": "abc"})

    metrics.observe({"method": "GET", "maestro.route": "/api/workflows"}, 200, 0.02)

    assert b'# {trace_id="abc"} 0.02' in generate_latest(registry)  # type: ignore[no-untyped-call]  # not typed there


def test_a_process_without_a_door_serves_its_counts_until_it_ends() -> None:
    port = free_port()
    with serving_metrics(LOOPBACK, port):
        headers = {"accept": "application/openmetrics-text"}
        answer = httpx.get(f"http://{LOOPBACK}:{port}/metrics", headers=headers, timeout=60)
    assert answer.status_code == 200
    assert "maestro_worker_executions_held" in answer.text
    with pytest.raises(httpx.ConnectError):
        httpx.get(f"http://{LOOPBACK}:{port}/metrics")


def test_a_port_in_use_is_a_clear_refusal() -> None:
    port = free_port()
    with serving_metrics(LOOPBACK, port), pytest.raises(ConfigurationError, match=f"Port {port}"):
        serving_metrics(LOOPBACK, port).__enter__()
