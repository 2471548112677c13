"""Circuit breakers: a far side that keeps failing is left alone for a while, then tried with one call.

closed: calls pass. open: calls are rejected until the pause is over. half open: one call is out as a trial; the others
are rejected until it has come back.
"""

from collections import OrderedDict
from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple

from engine.actions.outbound.metrics import CIRCUIT_CHANGES, CIRCUITS
from engine.clock import Clock


class Place(NamedTuple):
    """What one breaker and one concurrency cap stand for: a host, reached over a connection of a tenant."""

    tenant: str
    connection: str
    host: str
    port: int


class CircuitState(StrEnum):
    """See the module."""

    CLOSED = "closed"
    OPEN = "open"
    HALF_OPEN = "half_open"


@dataclass(frozen=True, slots=True)
class CircuitConfig:
    """When breakers open, and for how long.

    Attributes:
        failures: this many failures, one after another, open the breaker. Far more than the retries of one step: a
            rejected call counts as an attempt, and attempts are promised to the step as long as the far side answers.
        pause_s: of the first opening; doubled with each trial that fails, up to `longest_pause_s`.
        kept: breakers that are remembered; the least recently used go first.
    """

    failures: int = 50
    pause_s: float = 5.0
    longest_pause_s: float = 30.0
    kept: int = 4096


@dataclass(slots=True)
class _Circuit:
    state: CircuitState = CircuitState.CLOSED
    failures: int = 0
    pause_s: float = 0.0
    trial_at: float = 0.0


class Circuits:
    """The breakers of this process, by place. Not thread-safe: it belongs to one event loop."""

    def __init__(self, clock: Clock, config: CircuitConfig | None = None) -> None:
        self._clock = clock
        self._config = config or CircuitConfig()
        self._circuits: OrderedDict[Place, _Circuit] = OrderedDict()

    def admit(self, place: Place) -> float | None:
        """None: the call may go out, and `settle` or `abandon` must follow. Else: seconds until it is worth a try."""
        circuit = self._circuits.get(place)
        if circuit is None or circuit.state is CircuitState.CLOSED:
            return None
        self._circuits.move_to_end(place)
        remaining = circuit.trial_at - self._clock.monotonic()
        if circuit.state is CircuitState.OPEN and remaining <= 0:
            self._move(circuit, CircuitState.HALF_OPEN)
            return None
        return max(remaining, 1.0)

    def settle(self, place: Place, *, healthy: bool) -> None:
        """Tell how a call that was let through has ended."""
        circuit = self._circuits.get(place)
        if healthy:
            if circuit is not None:
                self._move(circuit, CircuitState.CLOSED)
                del self._circuits[place]
            return
        if circuit is None:
            circuit = self._remember(place)
        circuit.failures += 1
        if circuit.state is CircuitState.HALF_OPEN:
            self._open(circuit, min(circuit.pause_s * 2, self._config.longest_pause_s))
        elif circuit.state is CircuitState.CLOSED and circuit.failures >= self._config.failures:
            self._open(circuit, self._config.pause_s)

    def abandon(self, place: Place) -> None:
        """A call that was let through was cancelled: it says nothing; a trial gives its turn to the next call."""
        circuit = self._circuits.get(place)
        if circuit is not None and circuit.state is CircuitState.HALF_OPEN:
            self._move(circuit, CircuitState.OPEN)

    def state(self, place: Place) -> CircuitState:
        """Where the breaker of a place stands."""
        circuit = self._circuits.get(place)
        return CircuitState.CLOSED if circuit is None else circuit.state

    def _open(self, circuit: _Circuit, pause_s: float) -> None:
        circuit.pause_s = pause_s
        circuit.trial_at = self._clock.monotonic() + pause_s
        self._move(circuit, CircuitState.OPEN)

    def _remember(self, place: Place) -> _Circuit:
        circuit = self._circuits[place] = _Circuit()
        if len(self._circuits) > self._config.kept:
            _, forgotten = self._circuits.popitem(last=False)
            self._move(forgotten, CircuitState.CLOSED)
        return circuit

    @staticmethod
    def _move(circuit: _Circuit, state: CircuitState) -> None:
        if circuit.state is state:
            return
        if circuit.state is not CircuitState.CLOSED:
            CIRCUITS.labels(circuit.state).dec()
        if state is not CircuitState.CLOSED:
            CIRCUITS.labels(state).inc()
        CIRCUIT_CHANGES.labels(state).inc()
        circuit.state = state
