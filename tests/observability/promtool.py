"""`promtool test rules`, fed with cases instead of files."""

import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from engine.jsonvalue import Json, JsonObject
from scripts.observability.files import as_yaml
from tests.observability.binaries import find


@dataclass(frozen=True, slots=True)
class Case:
    """Series over time, and which alerts fire at some minutes.

    Attributes:
        series: promtool's notation of values by series.
        firing: by minute: severities of the alerts that fire, as `Name/severity`.
        every: minutes between two values.
    """

    name: str
    series: Mapping[str, str]
    firing: Mapping[int, frozenset[str]]
    every: int = 1
    alerts: frozenset[str] = field(default_factory=frozenset)


def complaints(folder: Path, rules: Mapping[str, str], cases: list[Case], look_m: int = 1) -> str:
    """What promtool has to complain about; nothing if every case comes out as told. It evaluates every few minutes."""
    for name, text in rules.items():
        (folder / name).write_text(text)
    content: JsonObject = {
        "rule_files": list(rules),
        "evaluation_interval": f"{look_m}m",
        "tests": [_test(case) for case in cases],
    }
    file = folder / "cases.yaml"
    file.write_text(as_yaml(content))
    done = subprocess.run(
        [find("promtool"), "test", "rules", str(file)], capture_output=True, text=True, timeout=600, check=False
    )
    return "" if done.returncode == 0 else done.stdout + done.stderr


def _test(case: Case) -> JsonObject:
    return {
        "name": case.name,
        "interval": f"{case.every}m",
        "input_series": [{"series": name, "values": values} for name, values in case.series.items()],
        "promql_expr_test": [_firing(case, minute, names) for minute, names in case.firing.items()],
    }


def _firing(case: Case, minute: int, names: frozenset[str]) -> JsonObject:
    wanted = "|".join(sorted(case.alerts))
    samples: list[Json] = [
        {"labels": f'{{alertname="{alert}", severity="{severity}"}}', "value": 1}
        for alert, _, severity in (name.partition("/") for name in sorted(names))
    ]
    return {
        "expr": f'group by (alertname, severity) (ALERTS{{alertname=~"{wanted}", alertstate="firing"}})',
        "eval_time": f"{minute}m",
        "exp_samples": samples,
    }
