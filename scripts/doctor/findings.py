"""What a look at one thing found."""

from dataclasses import dataclass
from enum import StrEnum


class Health(StrEnum):
    """How grave a finding is: `failed` keeps the product from its work, `warning` takes something from it."""

    OK = "ok"
    WARNING = "warning"
    FAILED = "failed"
    SKIPPED = "skipped"


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of the report.

    Attributes:
        subject: what was looked at.
        code: stable, `<subject>.<what>`; `<subject>.ok` where nothing is wrong.
        message: what was found.
        remedy: what to do about it; empty where nothing is to be done.
    """

    subject: str
    health: Health
    code: str
    message: str
    remedy: str = ""


def fine(subject: str, message: str) -> Finding:
    """Nothing is wrong."""
    return Finding(subject, Health.OK, f"{subject}.ok", message)


def failed(subject: str, what: str, message: str, remedy: str) -> Finding:
    """The product cannot do its work like this."""
    return Finding(subject, Health.FAILED, f"{subject}.{what}", message, remedy)


def warning(subject: str, what: str, message: str, remedy: str) -> Finding:
    """The product works, but not all of it."""
    return Finding(subject, Health.WARNING, f"{subject}.{what}", message, remedy)


def skipped(subject: str, message: str) -> Finding:
    """It could not be looked at, or there is nothing to look at."""
    return Finding(subject, Health.SKIPPED, f"{subject}.skipped", message)
