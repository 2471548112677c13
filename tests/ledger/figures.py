"""Figures of the long forms of the ledger's tests: noted by them as lines of JSON, read by who writes the page."""

import json
import os
from pathlib import Path

VARIABLE = "LEDGER_FIGURES"
"""Names the file; without it nothing is noted."""


def note(what: str, **figures: float) -> None:
    """Note the figures of one measurement."""
    file = os.environ.get(VARIABLE)
    if file is not None:
        with Path(file).open("a") as log:
            log.write(json.dumps({"what": what, **figures}) + "\n")


def noted(file: Path) -> list[dict[str, float | str]]:
    """All that was noted, in order."""
    return [json.loads(line) for line in file.read_text().splitlines()]
