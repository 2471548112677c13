"""The promises of `deploy/slo.yaml`, typed."""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Final

import yaml

from engine.errors import ConfigurationError

FILE: Final = Path(__file__).resolve().parents[2] / "deploy" / "slo.yaml"
WINDOW: Final = "$window"


@dataclass(frozen=True, slots=True)
class Objective:
    """One promise.

    Attributes:
        name: of the promise, value of the label `slo`.
        alert: name of its burn alerts.
        ratio: share of good events that is promised, below 1.
        description: what is promised, for people.
        errors: PromQL that counts bad events in `$window`.
        total: PromQL that counts all events in `$window`.
    """

    name: str
    alert: str
    ratio: Decimal
    description: str
    errors: str
    total: str

    @property
    def budget(self) -> Decimal:
        """Share of bad events that is allowed."""
        return 1 - self.ratio


@dataclass(frozen=True, slots=True)
class Input:
    """A recording rule that objectives count from."""

    record: str
    expression: str


@dataclass(frozen=True, slots=True)
class Promises:
    """The whole file.

    Attributes:
        runbooks: where the alerts' pages are; a page is named after its alert.
        exporters: jobs without which nothing can be said.
    """

    service: str
    runbooks: str
    exporters: tuple[str, ...]
    inputs: tuple[Input, ...]
    objectives: tuple[Objective, ...]


def read_promises(file: Path = FILE) -> Promises:
    """The promises of a file.

    Raises:
        ConfigurationError: a member is missing or malformed.
    """
    content = yaml.safe_load(file.read_text())
    try:
        return Promises(
            service=str(content["service"]),
            runbooks=str(content["runbooks"]),
            exporters=tuple(str(job) for job in content["exporters"]),
            inputs=tuple(Input(str(each["record"]), str(each["expr"])) for each in content["inputs"]),
            objectives=tuple(_objective(each) for each in content["objectives"]),
        )
    except (KeyError, TypeError) as error:
        raise ConfigurationError(f"{file}: the member {error} is missing or malformed.") from error


def _objective(content: Mapping[str, object]) -> Objective:
    name = str(content["name"])
    try:
        ratio = Decimal(str(content["objective"])) / 100
    except InvalidOperation as error:
        raise ConfigurationError(f"The objective of {name!r} is no number.") from error
    if not 0 < ratio < 1:
        raise ConfigurationError(f"The objective of {name!r} is not between 0 and 100 per cent.")
    errors, total = str(content["errors"]), str(content["total"])
    if WINDOW not in errors or WINDOW not in total:
        raise ConfigurationError(f"A query of {name!r} does not count in {WINDOW}.")
    return Objective(name, str(content["alert"]), ratio, str(content["description"]), errors, total)
