"""Figures: what was measured, what was asked for, and how two runs compare."""

import json
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from engine.jsonvalue import Json, JsonObject

FALL = 0.20
"""How much worse a figure may be than in the run it is compared with, as a ratio to the machine's limit."""

LOWER = "lower"
HIGHER = "higher"


@dataclass(frozen=True, slots=True)
class Figure:
    """One measured number.

    Attributes:
        value: median of the rounds; None where it could not be measured, then `reason` says why.
        target: what is asked for; None: nothing is.
        better: `lower` or `higher`.
        limit: what the machine itself does in the same run, in the same unit; None where no such thing is known.
        rounds: every round's value, in order.
        note: size and conditions, in words.
        shown: longer text that belongs to it, as a program wrote it: plans of queries.
    """

    name: str
    value: float | None
    unit: str
    target: float | None = None
    better: str = LOWER
    limit: float | None = None
    rounds: tuple[float, ...] = ()
    note: str = ""
    reason: str | None = None
    shown: str | None = None

    @property
    def is_met(self) -> bool | None:
        """Whether the target is reached; None where there is none or nothing was measured."""
        if self.value is None or self.target is None:
            return None
        return self.value <= self.target if self.better == LOWER else self.value >= self.target

    def as_json(self) -> JsonObject:
        """Form of the file that `--json` writes."""
        rounds: list[Json] = [*self.rounds]
        members: JsonObject = {
            "name": self.name,
            "value": self.value,
            "unit": self.unit,
            "target": self.target,
            "limit": self.limit,
            "rounds": rounds,
            "better": self.better,
            "note": self.note,
        }
        rarer: JsonObject = {"reason": self.reason, "shown": self.shown}
        return members | {name: value for name, value in rarer.items() if value is not None}

    @classmethod
    def of_json(cls, members: Mapping[str, Any]) -> "Figure":
        """The figure that `as_json` wrote."""
        names = ("name", "value", "unit", "target", "better", "limit")
        return cls(
            **{name: members[name] for name in names},
            rounds=tuple(members["rounds"]),
            note=members["note"],
            reason=members.get("reason"),
            shown=members.get("shown"),
        )

    def named(self, name: str) -> "Figure":
        """The same under another name."""
        return replace(self, name=name)


def median_figure(name: str, rounds: Sequence[float], unit: str, **rest: object) -> Figure:
    """A figure whose value is the median of its rounds."""
    tidy = tuple(round(value, 4) for value in rounds)
    return Figure(name, round(statistics.median(rounds), 4), unit, rounds=tidy, **rest)  # type: ignore[arg-type] # Figure's own members


def unmeasured(name: str, unit: str, reason: str, target: float | None = None, better: str = LOWER) -> Figure:
    """A figure that could not be had here."""
    return Figure(name, None, unit, target, better, reason=reason)


def percentile(values: Sequence[float], share: float) -> float:
    """Nearest-rank percentile; `share` from 0 to 1."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


def falls(path: Path, limits: JsonObject, figures: Sequence[Figure]) -> list[str]:
    """Figures that are more than a fifth worse than in an earlier run, each as a ratio to its machine's speed."""
    earlier = json.loads(path.read_text())
    speed_then, speed_now = _speed(earlier["machine"]["limits"]), _speed(limits)
    before = {entry["name"]: entry for entry in earlier["figures"]}
    found = []
    for figure in figures:
        then = before.get(figure.name, {}).get("value")
        if figure.value is None or not then or figure.unit == "MiB":
            continue
        factor = 1.0 if figure.unit == "ratio" else speed_now / speed_then
        expected = then * factor if figure.better == HIGHER else then / factor
        worse = expected / figure.value if figure.better == HIGHER else figure.value / expected
        if worse > 1 + FALL:
            found.append(f"{figure.name}: {figure.value:g} {figure.unit}, {worse:.2f} times worse than {expected:.4g}")
    return found


def _speed(limits: JsonObject) -> float:
    value = limits["batched_rows_per_s"]
    if not isinstance(value, int | float):
        raise TypeError("the limits of a run are numbers")
    return float(value)
