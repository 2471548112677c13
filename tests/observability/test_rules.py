"""The committed rules are what the data says, name what exists, and fire on what they are about."""

import re
import subprocess
from dataclasses import replace
from pathlib import Path
from typing import Final

import pytest

from scripts.observability.burn import rule_groups
from scripts.observability.files import FILES, ROOT, as_yaml
from scripts.observability.objectives import Objective, read_promises
from tests.observability.binaries import find
from tests.observability.exported import exported_names
from tests.observability.promql import selectors, unknown
from tests.observability.promtool import Case, complaints
from tests.observability.rulebook import RULES, alerts, recordings

_EXECUTE: Final = (
    'job="maestro-api",http_request_method="POST",http_route="/api/workflows/{id}/execute",http_response_status_code='
)
Values = str | dict[str, str]
_DURATION: Final = "http_server_request_duration_seconds"
_DELAY: Final = 'maestro_execution_start_delay_seconds_{}{{job="maestro-worker",qos_class="default"{}}}'
# What a promise looks at, as counters of good and of bad events; bad ones are missing from the bucket.
_BROKEN: Final = {
    "EnqueueErrors": {f'{_DURATION}_count{{{_EXECUTE}"503"}}': "0+60x60"},
    "EnqueueSlow": {
        f'{_DURATION}_count{{{_EXECUTE}"201"}}': "0+60x60",
        f'{_DURATION}_bucket{{{_EXECUTE}"201",le="0.25"}}': "0+3x60",
    },
    "StepsFailing": {'maestro_steps_total{job="maestro-worker",action_type="api",outcome="failed"}': "0+60x60"},
    "StartsDelayed": {
        _DELAY.format("count", ""): "0+60x60",
        _DELAY.format("bucket", ',le="1.0"'): "0+3x60",
    },
    "SchedulesUnpunctual": {'maestro_schedule_ticks_total{status="late"}': "0+60x60"},
    "TasksOverdue": {
        'maestro_human_task_sla_breaches_total{clock="completion"}': "0+50x60",
        'maestro_human_task_operations_total{operation="create"}': "0+60x60",
    },
    "LedgerBehind": {'maestro_ledger_oldest_unregistered_seconds{job="maestro-worker"}': "61+60x60"},
}
_KEPT: Final = {
    "EnqueueErrors": {
        f'{_DURATION}_count{{{_EXECUTE}"201"}}': "0+60x60",
        f'{_DURATION}_count{{{_EXECUTE}"429"}}': "0+60x60",
        f'{_DURATION}_count{{job="maestro-api",http_request_method="GET",http_route="/readyz",'
        'http_response_status_code="503"}': "0+60x60",
    },
    "EnqueueSlow": {
        f'{_DURATION}_count{{{_EXECUTE}"201"}}': "0+60x60",
        f'{_DURATION}_bucket{{{_EXECUTE}"201",le="0.25"}}': "0+60x60",
    },
    "StepsFailing": {'maestro_steps_total{job="maestro-worker",action_type="api",outcome="succeeded"}': "0+60x60"},
    "StartsDelayed": {
        _DELAY.format("count", ""): "0+60x60",
        _DELAY.format("bucket", ',le="1.0"'): "0+60x60",
    },
    "SchedulesUnpunctual": {
        'maestro_schedule_ticks_total{status="fired"}': "0+60x60",
        'maestro_schedule_ticks_total{status="skipped"}': "0+600x60",
    },
    "TasksOverdue": {
        'maestro_human_task_sla_breaches_total{clock="completion"}': "0x60",
        'maestro_human_task_sla_breaches_total{clock="start"}': "0+60x60",
        'maestro_human_task_operations_total{operation="create"}': "0+60x60",
    },
    "LedgerBehind": {'maestro_ledger_oldest_unregistered_seconds{job="maestro-worker"}': "1x60"},
}
# Alerts that no promise covers: what they are about, and the same at rest.
_STATES: Final[dict[str, tuple[str, Values, Values]]] = {
    "QueueStalled": ('maestro_queue_oldest_seconds{qos_class="default"}', "61x20", "59x20"),
    "LoadShed": ('maestro_admission_refusals_total{qos_class="default",reason="queue-age"}', "0+1x20", "9x20"),
    "RedisFailing": ('maestro_redis_failures_total{operation="xadd"}', "0+1x20", "9x20"),
    "DeadLettersOpen": ('maestro_dead_letters_open{kind="execution"}', "1x20", "0x20"),
    "StepsInDoubt": ("maestro_steps_in_doubt_total", "0x5 1x15", "1x20"),
    "LeasesLost": ('maestro_leases_lost_total{instance="a"}', "0x5 2x15", "2x20"),
    "WorkersCrashing": ('maestro_leases_rescued_total{instance="a"}', "0x5 3x15", "3x20"),
    "CircuitsOpen": ('maestro_outbound_circuits{state="open"}', "1x20", "0x20"),
    "ScheduleGaps": ("maestro_schedule_gaps", "2x20", "0x20"),
    "SchedulesOverdue": ("maestro_schedule_overdue_seconds", "61x20", "3x20"),
    "OutboxStale": ('maestro_outbox_oldest_seconds{topic="execution.event"}', "121x20", "90x20"),
    "PolicyUnavailable": (
        'maestro_policy_decisions_total{action="workflow.read",outcome="unavailable"}',
        "0+1x20",
        "4x20",
    ),
    "ConfigurationRefused": ('maestro_qos_reloads_total{outcome="refused"}', "0x5 1x15", "1x20"),
    "CommitsSlow": (
        'db_client_operation_duration_seconds_bucket{db_operation_name="checkpoints.commit",le="%s"}',
        {"0.5": "0x20", "1": "0+9x20", "+Inf": "0+9x20"},
        {"0.5": "0+9x20", "1": "0+9x20", "+Inf": "0+9x20"},
    ),
    "EventLoopBlocked": (
        'maestro_event_loop_lag_seconds_bucket{job="maestro-api",instance="a",le="%s"}',
        {"0.25": "0x20", "0.5": "0+9x20", "+Inf": "0+9x20"},
        {"0.25": "0+9x20", "0.5": "0+9x20", "+Inf": "0+9x20"},
    ),
}


@pytest.mark.parametrize("place", sorted(FILES))
def test_generated_files_are_what_the_data_and_the_code_say(place: str) -> None:
    assert (ROOT / place).read_text() == FILES[place](), "python -m scripts.observability"


def test_promtool_finds_nothing_wrong() -> None:
    files = [str(path) for path in sorted(RULES.glob("*.yaml"))]
    done = subprocess.run([find("promtool"), "check", "rules", *files], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_every_name_in_the_rules_is_exported_or_recorded() -> None:
    exported, recorded = exported_names(), recordings()
    expressions = [*(alert.expression for alert in alerts()), *(each for found in recorded.values() for each in found)]
    assert [(each, found) for each in expressions if (found := unknown(each, exported, set(recorded)))] == []


def test_every_alert_says_what_it_is_and_how_bad() -> None:
    for alert in alerts():
        assert re.fullmatch(r"([A-Z][a-z]+)+", alert.name)
        assert alert.severity in {"page", "ticket"}
        assert {"summary", "description", "runbook_url"} == set(alert.annotations)


def _series(pattern: str, values: Values) -> dict[str, str]:
    return {pattern: values} if isinstance(values, str) else {pattern % bound: each for bound, each in values.items()}


@pytest.mark.parametrize("objective", read_promises().objectives, ids=lambda objective: objective.name)
def test_a_promise_that_is_broken_fires_and_one_that_is_kept_is_silent(tmp_path: Path, objective: Objective) -> None:
    name = objective.alert
    fires = frozenset({f"{name}/page", f"{name}/ticket"})
    cases = [
        Case("broken", _BROKEN[name], {55: fires}, alerts=frozenset({name})),
        Case("kept", _KEPT[name], {55: frozenset()}, alerts=frozenset({name})),
    ]
    # One promise alone: what is committed is the same for each, as the test of the generated files shows.
    rules = as_yaml(rule_groups(replace(read_promises(), objectives=(objective,))))
    assert complaints(tmp_path, {"rules.yaml": rules}, cases) == ""


def test_each_state_to_look_at_fires_and_its_opposite_is_silent(tmp_path: Path) -> None:
    named = {alert.name: alert.severity for alert in alerts()}
    assert set(named) - set(_BROKEN) - {"ExporterAbsent"} == set(_STATES)
    cases = []
    for name, (pattern, wrong, well) in _STATES.items():
        fires = frozenset({f"{name}/{named[name]}"})
        cases.append(Case(f"{name} wrong", _series(pattern, wrong), {12: fires}, alerts=frozenset({name})))
        cases.append(Case(f"{name} well", _series(pattern, well), {12: frozenset()}, alerts=frozenset({name})))
    assert complaints(tmp_path, {"alerts.yaml": (RULES / "alerts.yaml").read_text()}, cases) == ""


def test_labels_of_the_rules_are_labels_of_the_product() -> None:
    from engine.telemetry.metrics import LABELS  # noqa: PLC0415  beside its only use

    known = LABELS | {"job", "instance", "le", "slo", "service"}
    used = {label for alert in alerts() for _, matchers in selectors(alert.expression) for label in matchers}
    assert used - known == set()
