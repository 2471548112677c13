"""The database's clock, kept by a worker: instants that workers write must agree whatever their machines think."""

from datetime import datetime, timedelta

from engine.clock import Clock


class DatabaseClock:
    """Satisfies `engine.clock.Clock`: the machine's clock, corrected by what the last heartbeat learnt."""

    def __init__(self, machine: Clock) -> None:
        self._machine = machine
        self._ahead = timedelta(0)

    def now(self) -> datetime:
        """The present instant by the database's clock, to within half a round trip."""
        return self._machine.now() + self._ahead

    def monotonic(self) -> float:
        """Seconds of the machine's monotonic clock."""
        return self._machine.monotonic()

    def learn(self, database_now: datetime, asked_at: float) -> None:
        """The database said what time it is, in answer to a question sent at `asked_at` (monotonic)."""
        waited = timedelta(seconds=(self._machine.monotonic() - asked_at) / 2)
        self._ahead = database_now + waited - self._machine.now()
