"""Colours of states: fill, border; dark text stands on each of them with a contrast of 7:1 and more."""

from dataclasses import dataclass
from typing import Final

from engine.runtime.states import StepStatus


@dataclass(frozen=True, slots=True)
class Colours:
    """Of one box."""

    fill: str
    border: str


PLAIN: Final = Colours("#f4f6fb", "#5b6b8c")
BY_STATUS: Final = {
    StepStatus.PENDING: Colours("#f5f5f5", "#9e9e9e"),
    StepStatus.RUNNING: Colours("#d6e8ff", "#1668c7"),
    StepStatus.WAITING: Colours("#fff3cd", "#b58100"),
    StepStatus.COMPLETED: Colours("#d9f2dd", "#2e7d32"),
    StepStatus.FAILED: Colours("#ffdcdc", "#c62828"),
    StepStatus.SKIPPED: Colours("#ececec", "#bdbdbd"),
    StepStatus.CANCELLED: Colours("#e6e0f0", "#6a4fa0"),
    StepStatus.IN_DOUBT: Colours("#ffe3c2", "#d9730d"),
}
