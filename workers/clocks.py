"""The database's clock, kept by a worker: instants that workers write must agree whatever their machines think."""

from collections import deque
from datetime import datetime, timedelta
from typing import Final, NamedTuple

from engine.clock import Clock

ANSWERS_KEPT: Final = 16
"""Of this many answers the fastest counts: a slow one says little about when it was given."""


class _Answer(NamedTuple):
    doubt: timedelta
    ahead: timedelta


class DatabaseClock:
    """Satisfies `engine.clock.Clock`: the machine's clock, corrected by the fastest of the last heartbeats."""

    def __init__(self, machine: Clock) -> None:
        self._machine = machine
        self._answers: deque[_Answer] = deque(maxlen=ANSWERS_KEPT)
        self._ahead = timedelta(0)

    def now(self) -> datetime:
        """The present instant by the database's clock, to within half of the fastest round trip."""
        return self._machine.now() + self._ahead

    def monotonic(self) -> float:
        """Seconds of the machine's monotonic clock."""
        return self._machine.monotonic()

    def learn(self, database_now: datetime, asked_at: float) -> None:
        """The database said what time it is, in answer to a question sent at `asked_at` (monotonic).

        What cannot be true together with this answer was learnt before a clock was set: it is forgotten.
        """
        doubt = timedelta(seconds=(self._machine.monotonic() - asked_at) / 2)
        ahead = database_now + doubt - self._machine.now()
        if self._answers:
            best = min(self._answers)
            if abs(ahead - best.ahead) > doubt + best.doubt:
                self._answers.clear()
        self._answers.append(_Answer(doubt, ahead))
        self._ahead = min(self._answers).ahead
