"""What the verifier finds out, one finding a check."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from enum import StrEnum


class VerificationError(Exception):
    """Something in the bundle is not as it must be; the message says what was expected and what was found."""


class CannotTell(Exception):
    """Something needed from outside of the bundle is missing."""


class Verdict(StrEnum):
    """What a check, or the whole, ends with."""

    VALID = "valid"
    INVALID = "invalid"
    UNKNOWN = "unknown"


EXIT_CODES = {Verdict.VALID: 0, Verdict.INVALID: 1, Verdict.UNKNOWN: 2}


@dataclass(frozen=True, slots=True)
class Finding:
    """One check: the number of its step, what it ended with, and why."""

    step: int
    verdict: Verdict
    message: str


@dataclass(slots=True)
class Report:
    """All findings, in order."""

    findings: list[Finding] = field(default_factory=list)

    @property
    def verdict(self) -> Verdict:
        """Invalid if anything is; else unknown if anything is; else valid."""
        verdicts = {finding.verdict for finding in self.findings}
        return next((each for each in (Verdict.INVALID, Verdict.UNKNOWN) if each in verdicts), Verdict.VALID)

    def passed(self, step: int, message: str) -> None:
        """Record a check that holds."""
        self.findings.append(Finding(step, Verdict.VALID, message))

    def failed(self, step: int, message: str) -> None:
        """Record a check that does not hold."""
        self.findings.append(Finding(step, Verdict.INVALID, message))

    @contextmanager
    def checking(self, step: int) -> Iterator[None]:
        """Turn a failure inside into a finding, and go on behind the block."""
        try:
            yield
        except VerificationError as exc:
            self.failed(step, str(exc))
        except CannotTell as exc:
            self.findings.append(Finding(step, Verdict.UNKNOWN, str(exc)))
