"""What an execution meets, as a case says it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from engine.jsonvalue import Json
from engine.runtime.transitions import Failure


class CaseError(Exception):
    """The case cannot be played: a result is missing, or the execution waits for what never comes."""


class RefusedError(CaseError):
    """Somebody does to a human task what it does not allow."""


@dataclass(frozen=True, slots=True)
class Canned:
    """What comes back from a step's surroundings; a failure where `failure` is set.

    Attributes:
        by: who does a human task; None: its owner, or one of its candidates.
        start_after_ms: when somebody starts on a human task; None: just before handing it in.
    """

    output: Json = None
    after_ms: int = 0
    failure: Failure | None = None
    is_retryable: bool = True
    by: str | None = None
    start_after_ms: int | None = None


@dataclass(frozen=True, slots=True)
class Signal:
    """A signal that is sent at a time after the start."""

    name: str
    payload: Json
    at_ms: int


@dataclass(frozen=True, slots=True)
class Script:
    """All that an execution meets.

    Attributes:
        results: by step id or path; one for each attempt, the last one repeats.
    """

    start: datetime
    started_by: str = "test"
    trigger_data: Json = None
    results: Mapping[str, tuple[Canned, ...]] = field(default_factory=dict)
    signals: tuple[Signal, ...] = ()
