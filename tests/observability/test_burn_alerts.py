"""Burn alerts in promtool: what fires, what keeps silent, and when it is over."""

from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Final

import pytest

from engine.errors import ConfigurationError
from scripts.observability.burn import rule_groups
from scripts.observability.files import as_yaml
from scripts.observability.objectives import FILE, Objective, Promises, read_promises
from tests.observability.promtool import Case, complaints

# A promise of 99.9 %: the budget is one in a thousand, so 14.4 times of it is 144 in ten thousand.
PROMISE: Final = Objective(
    "probe", "Probe", Decimal("0.999"), "-", "sum(increase(bad_total[$window]))", "sum(increase(all_total[$window]))"
)
PROBE: Final = Promises("maestro", "docs/RUNBOOKS", ("maestro-api",), (), (PROMISE,))
CALM: Final = 400  # minutes without an error before anything happens: more than the longest window of a page
SILENT: Final = frozenset[str]()
PAGE: Final = frozenset({"Probe/page"})
TICKET: Final = frozenset({"Probe/ticket"})
BOTH: Final = PAGE | TICKET


def _burning(name: str, bad: str, firing: dict[int, frozenset[str]], events: str = "0+10000x600") -> Case:
    """Ten thousand events a minute, some of which are bad after a long calm."""
    return Case(name, {"all_total": events, "bad_total": bad}, firing, alerts=frozenset({"Probe"}))


CASES: Final = [
    _burning("14.3 times the budget for an hour", f"0x{CALM} 143+143x100", {CALM + 60: TICKET}),
    _burning("14.5 times the budget for an hour", f"0x{CALM} 145+145x100", {CALM + 25: SILENT, CALM + 65: BOTH}),
    _burning("5.9 times the budget for six hours", "0+59x400", {360: TICKET}),
    _burning("6.1 times the budget for six hours", "0+61x400", {360: BOTH}),
    _burning("no traffic at all", "7x200", {60: SILENT, 120: SILENT}, "7x200"),
    _burning("too little traffic to say", "0x60 1 2 3 4 5 6 7 8 9 9x300", {70: SILENT}, "0x60 1 2 3 4 5 6 7 8 9 9x300"),
    _burning("a restart of the counters in calm", "0+5x60 0+5x100", {65: SILENT, 90: SILENT}, "0+10000x60 0+10000x100"),
    _burning("a restart of the counters in a fire", "0+400x29 0+400x60", {35: BOTH, 55: BOTH}, "0+10000x29 0+10000x60"),
]
OVER: Final = [
    _burning(
        "over within five minutes",
        f"0x{CALM} 4000 8000 12000 12000x100",
        {CALM + 4: BOTH, CALM + 9: TICKET},
    ),
]
SLOW: Final = [
    Case(
        "0.9 times the budget for three days",
        {"all_total": "0+100000x1000", "bad_total": "0+90x1000"},
        {4_320: SILENT},
        5,
        frozenset({"Probe"}),
    ),
    Case(
        "1.1 times the budget for three days",
        {"all_total": "0+100000x1000", "bad_total": "0+110x1000"},
        {4_320: TICKET},
        5,
        frozenset({"Probe"}),
    ),
]
ABSENT: Final = [
    Case(
        "nobody is seen", {}, {4: SILENT, 6: frozenset({"ExporterAbsent/page"})}, alerts=frozenset({"ExporterAbsent"})
    ),
    Case(
        "everybody is down",
        {'up{job="maestro-api",instance="a"}': "1x3 0x20"},
        {3: SILENT, 10: frozenset({"ExporterAbsent/page"})},
        alerts=frozenset({"ExporterAbsent"}),
    ),
    Case(
        "one of two is up",
        {'up{job="maestro-api",instance="a"}': "0x20", 'up{job="maestro-api",instance="b"}': "1x20"},
        {15: SILENT},
        alerts=frozenset({"ExporterAbsent"}),
    ),
]


@pytest.mark.parametrize(
    ("cases", "look_m"),
    [(CASES, 5), (OVER, 1), (SLOW, 30), (ABSENT, 1)],
    ids=["burning", "over", "slowly", "unseen"],
)
def test_alerts_fire_and_end_when_they_should(tmp_path: Path, cases: list[Case], look_m: int) -> None:
    assert complaints(tmp_path, {"rules.yaml": as_yaml(rule_groups(PROBE))}, cases, look_m) == ""


def test_promtool_sees_a_wrong_threshold(tmp_path: Path) -> None:
    lenient = replace(PROBE, objectives=(replace(PROMISE, ratio=Decimal("0.998")),))
    said = complaints(tmp_path, {"rules.yaml": as_yaml(rule_groups(lenient))}, CASES[1:2], 5)
    assert 'exp: {alertname="Probe", severity="page"}' in said


def test_a_promise_whose_alert_can_never_fire_is_refused() -> None:
    low = replace(PROBE, objectives=(replace(PROMISE, ratio=Decimal("0.93")),))
    with pytest.raises(ConfigurationError, match="too low"):
        rule_groups(low)


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ('objective: "99.9"', "objective: many"),
        ('objective: "99.9"', 'objective: "100"'),
        ("$window", "5m"),
        ("service: maestro", "servant: maestro"),
    ],
)
def test_a_malformed_file_is_refused(tmp_path: Path, wrong: str, said: str) -> None:
    file = tmp_path / "slo.yaml"
    file.write_text(FILE.read_text().replace(wrong, said))
    with pytest.raises(ConfigurationError):
        read_promises(file)
