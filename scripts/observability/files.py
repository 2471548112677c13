"""The generated files by their places in the repository."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

import yaml

from engine.jsonvalue import JsonObject
from scripts.observability.burn import PRODUCTION, Pace, rule_groups
from scripts.observability.dashboards.catalogue import DASHBOARDS
from scripts.observability.objectives import read_promises

ROOT: Final = Path(__file__).resolve().parents[2]
RULES: Final = "deploy/prometheus/slo.yaml"
_HEAD: Final = "# Made of deploy/slo.yaml by `python -m scripts.observability`; edit that instead.\n"


class _Plain(yaml.SafeDumper):
    """Writes what is said twice twice: rules are read one by one."""

    def ignore_aliases(self, data: object) -> bool:
        del data
        return True


def rules_file(pace: Pace = PRODUCTION) -> str:
    """The rules of the promises as Prometheus reads them."""
    return _HEAD + as_yaml(rule_groups(read_promises(), pace))


def as_yaml(content: JsonObject) -> str:
    """YAML text, members in their own order."""
    text: str = yaml.dump(content, Dumper=_Plain, sort_keys=False, width=100_000)
    return text


FILES: Final[Mapping[str, Callable[[], str]]] = {
    RULES: rules_file,
    **{f"deploy/grafana/dashboards/{name}.json": text for name, text in DASHBOARDS.items()},
}
