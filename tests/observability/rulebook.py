"""The committed rules: alerts with their queries, and the names that they record."""

from dataclasses import dataclass
from typing import Final

import yaml

from scripts.observability.files import ROOT

RULES: Final = ROOT / "deploy" / "prometheus"
RUNBOOKS: Final = ROOT / "docs" / "RUNBOOKS"


@dataclass(frozen=True, slots=True)
class Alert:
    """One alerting rule."""

    name: str
    severity: str
    expression: str
    annotations: dict[str, str]


def _rules() -> list[dict[str, object]]:
    files = [yaml.safe_load(path.read_text()) for path in sorted(RULES.glob("*.yaml"))]
    return [rule for content in files for group in content["groups"] for rule in group["rules"]]


def alerts() -> list[Alert]:
    """All alerts that are committed."""
    found = []
    for rule in _rules():
        labels, annotations = rule.get("labels", {}), rule.get("annotations", {})
        assert isinstance(labels, dict)
        assert isinstance(annotations, dict)
        if "alert" in rule:
            found.append(Alert(str(rule["alert"]), str(labels["severity"]), str(rule["expr"]), annotations))
    return found


def recordings() -> dict[str, list[str]]:
    """Expressions by the name that they are recorded under."""
    found: dict[str, list[str]] = {}
    for rule in _rules():
        if "record" in rule:
            found.setdefault(str(rule["record"]), []).append(str(rule["expr"]))
    return found
