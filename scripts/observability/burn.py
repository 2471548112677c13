"""Recording rules and burn alerts of promises: several windows, several burn rates.

After the SRE Workbook, chapter 5, table 5-8: an alert asks for a high rate over a long window (it matters) and over a
short one (it goes on), so that it is early for what is fast, sure for what is slow, and over soon after its cause.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from engine.errors import ConfigurationError
from engine.jsonvalue import JsonObject
from scripts.observability.objectives import WINDOW, Objective, Promises

WINDOWS_S: Final[Mapping[str, int]] = {
    "5m": 300,
    "30m": 1_800,
    "1h": 3_600,
    "2h": 7_200,
    "6h": 21_600,
    "1d": 86_400,
    "3d": 259_200,
}
PERIOD: Final = "30d"
PERIOD_S: Final = 2_592_000
LEAST_EVENTS: Final = 50
"""Fewer events in the long window say nothing: one error of three would be a page."""
RESOLUTION_S: Final = 30


@dataclass(frozen=True, slots=True)
class Row:
    """Both windows of a row and the multiple of the allowed rate that both must exceed."""

    long: str
    short: str
    factor: Decimal


SEVERITIES: Final[Mapping[str, Sequence[Row]]] = {
    "page": (Row("1h", "5m", Decimal("14.4")), Row("6h", "30m", Decimal(6))),
    "ticket": (Row("1d", "2h", Decimal(3)), Row("3d", "6h", Decimal(1))),
}


@dataclass(frozen=True, slots=True)
class Pace:
    """How much shorter than in production windows and looks are: trying an alert must not take an hour.

    Attributes:
        divisor: of all windows.
        resolution_ms: from one evaluation to the next.
    """

    divisor: int = 1
    resolution_ms: int = RESOLUTION_S * 1_000

    def window(self, name: str) -> str:
        """A window as PromQL writes it."""
        if self.divisor == 1:
            return name
        seconds = PERIOD_S if name == PERIOD else WINDOWS_S[name]
        return f"{seconds * 1_000 // self.divisor}ms"

    @property
    def interval(self) -> str:
        """Of evaluations, as Prometheus writes it."""
        return f"{self.resolution_ms // 1_000}s" if self.resolution_ms % 1_000 == 0 else f"{self.resolution_ms}ms"


PRODUCTION: Final = Pace()


def rule_groups(promises: Promises, pace: Pace = PRODUCTION) -> JsonObject:
    """A rules file of Prometheus.

    Raises:
        ConfigurationError: an alert could never fire, because its threshold is not below 1.
    """
    inputs: JsonObject = {
        "name": "slo-inputs",
        "interval": pace.interval,
        "rules": [
            {"record": each.record, "expr": each.expression, "labels": {"service": promises.service}}
            for each in promises.inputs
        ],
    }
    groups = [_group(promises, objective, pace) for objective in promises.objectives]
    return {"groups": [inputs, *groups, _exporters(promises, pace)]}


def _group(promises: Promises, objective: Objective, pace: Pace) -> JsonObject:
    labels: JsonObject = {"service": promises.service, "slo": objective.name}
    records: list[tuple[str, str]] = [
        ("slo:objective:ratio", f"vector({_plain(objective.ratio)})"),
        ("slo:error_budget:ratio", f"vector({_plain(objective.budget)})"),
        ("slo:sli_errors:increase5m", _errors(objective, pace.window("5m"))),
        *((f"slo:sli_total:increase{name}", _in(objective.total, pace.window(name))) for name in WINDOWS_S),
        *((f"slo:sli_error:ratio_rate{name}", _ratio(objective, pace.window(name))) for name in WINDOWS_S),
        (f"slo:sli_error:ratio_rate{PERIOD}", _over_period(objective, pace)),
        ("slo:current_burn_rate:ratio", _of_budget(objective, "5m")),
        ("slo:period_error_budget_remaining:ratio", f"1 - {_of_budget(objective, PERIOD)}"),
    ]
    rules: list[JsonObject] = [{"record": name, "expr": text, "labels": labels} for name, text in records]
    alerts = [_alert(promises, objective, severity, rows) for severity, rows in SEVERITIES.items()]
    return {"name": f"slo-{objective.name}", "interval": pace.interval, "rules": [*rules, *alerts]}


def _alert(promises: Promises, objective: Objective, severity: str, rows: Sequence[Row]) -> JsonObject:
    burned = f"{objective.alert}: the error budget of {objective.name} burns too fast"
    return {
        "alert": objective.alert,
        "expr": "\nor\n".join(_condition(objective, row) for row in rows),
        "labels": {"service": promises.service, "slo": objective.name, "severity": severity},
        "annotations": {
            "summary": burned + " ({{ $value | humanizePercentage }} of events are bad).",
            "description": objective.description,
            "runbook_url": f"{promises.runbooks}/{objective.alert}.md",
        },
    }


def _condition(objective: Objective, row: Row) -> str:
    threshold = row.factor * objective.budget
    if threshold >= 1:
        raise ConfigurationError(
            f"The objective of {objective.name!r} is too low: {row.factor} times its budget is never exceeded."
        )
    chosen = f'{{slo="{objective.name}"}}'
    return (
        f"(slo:sli_error:ratio_rate{row.short}{chosen} > {_plain(threshold)}"
        f" and slo:sli_error:ratio_rate{row.long}{chosen} > {_plain(threshold)}"
        f" and slo:sli_total:increase{row.long}{chosen} >= {LEAST_EVENTS})"
    )


def _exporters(promises: Promises, pace: Pace) -> JsonObject:
    """Nothing is wrong where nothing is seen: a job that is gone is an alert of its own."""
    rules: list[JsonObject] = [
        {
            "alert": "ExporterAbsent",
            "expr": f'absent(up{{job="{job}"}} == 1)',
            "for": pace.window("5m"),
            "labels": {"service": promises.service, "job": job, "severity": "page"},
            "annotations": {
                "summary": f"No process of {job} is seen: alerts about it are blind.",
                "description": "Each job must have at least one process whose /metrics answers.",
                "runbook_url": f"{promises.runbooks}/ExporterAbsent.md",
            },
        }
        for job in promises.exporters
    ]
    return {"name": "slo-exporters", "interval": pace.interval, "rules": [*rules]}


def _errors(objective: Objective, window: str) -> str:
    return f"({_in(objective.errors, window)}) or vector(0)"


def _ratio(objective: Objective, window: str) -> str:
    """Without events there is no ratio, rather than one of nothing to nothing."""
    return f"({_errors(objective, window)}) / ({_in(objective.total, window)} > 0)"


def _over_period(objective: Objective, pace: Pace) -> str:
    """From what is recorded: thirty days of raw series at every look would cost too much."""
    window, chosen = pace.window(PERIOD), f'{{slo="{objective.name}"}}'
    errors, total = (f"sum_over_time(slo:sli_{kind}:increase5m{chosen}[{window}])" for kind in ("errors", "total"))
    return f"{errors} / ({total} > 0)"


def _of_budget(objective: Objective, window: str) -> str:
    chosen = f'{{slo="{objective.name}"}}'
    return f"slo:sli_error:ratio_rate{window}{chosen} / slo:error_budget:ratio{chosen}"


def _in(expression: str, window: str) -> str:
    return expression.replace(WINDOW, window)


def _plain(number: Decimal) -> str:
    return f"{number.normalize():f}"
