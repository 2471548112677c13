"""The database's clock as a worker keeps it."""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from workers.clocks import ANSWERS_KEPT, DatabaseClock

START = datetime(2026, 1, 5, tzinfo=UTC)
OFFSET = timedelta(seconds=7)


@dataclass
class Machine:
    moved: timedelta = field(default=timedelta(0))
    elapsed: float = 0.0

    def now(self) -> datetime:
        return START + timedelta(seconds=self.elapsed) + self.moved

    def monotonic(self) -> float:
        return self.elapsed

    def ask(self, clock: DatabaseClock, there_s: float, back_s: float) -> None:
        asked_at = self.elapsed
        answered = START + timedelta(seconds=self.elapsed + there_s) + OFFSET
        self.elapsed += there_s + back_s
        clock.learn(answered, asked_at)


def off_by(machine: Machine, clock: DatabaseClock) -> float:
    true = START + timedelta(seconds=machine.elapsed) + OFFSET
    return abs((clock.now() - true).total_seconds())


def test_a_slow_answer_does_not_shift_the_clock() -> None:
    machine = Machine()
    clock = DatabaseClock(machine)
    machine.ask(clock, 0.001, 0.001)
    machine.ask(clock, 0.001, 0.300)
    assert off_by(machine, clock) < 0.001


def test_a_clock_that_was_set_is_learnt_at_once() -> None:
    machine = Machine()
    clock = DatabaseClock(machine)
    machine.ask(clock, 0.001, 0.001)
    machine.moved = timedelta(hours=1)
    machine.ask(clock, 0.010, 0.010)
    assert off_by(machine, clock) < 0.011


def test_an_old_fast_answer_does_not_count_for_ever() -> None:
    machine = Machine()
    clock = DatabaseClock(machine)
    machine.ask(clock, 0.0, 0.0)
    machine.moved = timedelta(seconds=0.004)
    for _ in range(ANSWERS_KEPT):
        machine.ask(clock, 0.003, 0.003)
    assert off_by(machine, clock) < 0.001
