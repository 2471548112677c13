"""Time travel: the pure core is run again over a recorded history, and must decide the same, move by move.

What came from outside (outcomes of attempts, people, timers, signals) is read from the record and given to `advance` as
the event that it was; everything else in the record must be what `advance` decides. Where a decision rests on something
that the bundle does not show (masked or large payloads), the record is followed and said to be untold, not wrong.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field

from engine.jsonvalue import Json, dumps
from engine.provenance.causes import Cause, cause_of
from engine.runtime.advance import advance
from engine.runtime.events import Event
from engine.runtime.fold import apply
from engine.runtime.plan import Plan
from engine.runtime.state import ExecutionHeader, ExecutionState
from engine.runtime.states import ExecutionStatus
from engine.runtime.transitions import StepTransition, Transition

DIVERGENCES = 20
"""After this many the replay ends: the record is of another definition."""


@dataclass(frozen=True, slots=True)
class Recorded:
    """One recorded transition as a bundle shows it.

    Attributes:
        digests: of the stored input and output, where there were any.
        hidden: whether something of it was masked or withheld.
    """

    transition: Transition
    digests: tuple[str | None, str | None]
    hidden: bool


@dataclass(frozen=True, slots=True)
class Finding:
    """One place where the record does not follow from the definition, or where nobody can tell."""

    seq: int
    message: str


@dataclass(slots=True)
class Replay:
    """What came of it. `moves` are the events that the record holds, in order, for people."""

    moves: list[str] = field(default_factory=list)
    decided: int = 0
    divergences: list[Finding] = field(default_factory=list)
    untold: list[Finding] = field(default_factory=list)
    status: ExecutionStatus = ExecutionStatus.QUEUED

    @property
    def follows(self) -> bool:
        """Whether nothing in the record contradicts the definition."""
        return not self.divergences


def replay(
    plan: Plan, header: ExecutionHeader, recorded: Sequence[Recorded], *, hidden_trigger: bool = False
) -> Replay:
    """Run the core over a history, from its beginning."""
    return _Replayer(plan, header, recorded, is_blind=hidden_trigger).run()


class _Replayer:
    def __init__(self, plan: Plan, header: ExecutionHeader, recorded: Sequence[Recorded], *, is_blind: bool) -> None:
        self._plan = plan
        self._header = header
        self._recorded = recorded
        self._transitions = [each.transition for each in recorded]
        self._state = ExecutionState.new(header)
        self._is_blind = is_blind
        self._found = Replay()

    def run(self) -> Replay:
        at = 0
        while at < len(self._recorded) and len(self._found.divergences) < DIVERGENCES:
            at = self._step(at)
        self._found.status = self._state.status
        if self._recorded and not self._state.status.is_final and self._found.follows:
            self._found.divergences.append(Finding(self._state.seq, "The record ends before the execution does."))
        return self._found

    def _step(self, at: int) -> int:
        """Explain the records from `at` on by one event. Returns where the next one begins."""
        first = self._transitions[at]
        if first.seq != self._state.seq + 1:
            message = f"It does not follow {self._state.seq}: the record has a gap or is out of order."
            self._found.divergences.append(Finding(first.seq, message))
            return len(self._recorded)
        cause = cause_of(self._state, self._transitions, at)
        if cause is None:
            self._differs(first, f"Nothing that may happen leads to it: {_says(first)}.")
            return self._follow(at, at + 1)
        self._found.moves.append(f"{first.seq}: {cause.told}")
        if cause.event is None:
            return self._follow(at, at + 1)
        return self._compare(at, cause, self._decide(cause.event, cause, first))

    def _compare(self, at: int, cause: Cause, decided: Sequence[Transition]) -> int:
        if not decided:
            first = self._transitions[at]
            self._differs(first, f"The core decides nothing upon '{cause.told}'; recorded is {_says(first)}.")
            return self._follow(at, at + 1)
        for place, mine in enumerate(decided, at):
            if place >= len(self._recorded):
                self._differs(mine, f"The core decides {_says(mine)}; the record has ended.")
                return self._follow(at, place)
            reason = self._difference(mine, self._recorded[place], is_given=place == at and cause.gives_output)
            if reason:
                self._differs(mine, reason)
                return self._follow(at, place + 1)
            self._note_hidden(place, place + 1)
        self._found.decided += len(decided)
        return at + len(decided)

    def _decide(self, event: Event, cause: Cause, first: Transition) -> tuple[Transition, ...]:
        try:
            return advance(self._plan, self._state, event, first.at, cause.draw).transitions
        except (ValueError, KeyError, AssertionError) as error:
            self._found.untold.append(Finding(first.seq, f"The core cannot decide upon '{cause.told}': {error}"))
            return ()

    def _difference(self, mine: Transition, record: Recorded, *, is_given: bool) -> str | None:
        theirs = record.transition
        if _outline(mine) != _outline(theirs):
            return f"The core decides {_says(mine)}; recorded is {_says(theirs)}."
        if mine.detail != theirs.detail and not record.hidden:
            return f"{_says(theirs)}: the core notes {mine.detail}, recorded is {theirs.detail}."
        if mine.failure != theirs.failure and not record.hidden:
            return f"{_says(theirs)}: the core's reason is {mine.failure}, recorded is {theirs.failure}."
        if isinstance(mine, StepTransition):
            for name, value, digest in zip(("input", "output"), (mine.input, mine.output), record.digests, strict=True):
                if not (name == "output" and is_given) and not record.hidden and _digest(value) != digest:
                    return f"{_says(theirs)}: the core's {name} is another than the recorded one."
        return None

    def _differs(self, at: Transition, message: str) -> None:
        """A difference counts against the record only while everything that decisions rest on was shown."""
        (self._found.untold if self._is_blind else self._found.divergences).append(Finding(at.seq, message))

    def _follow(self, start: int, end: int) -> int:
        """Give up what was decided here and go on from what is recorded."""
        self._state = ExecutionState.new(self._header)
        for each in self._recorded[: max(end, start + 1)]:
            try:
                apply(self._plan, self._state, each.transition)
            except (ValueError, KeyError, AttributeError) as error:
                self._found.divergences.append(Finding(each.transition.seq, f"It cannot be folded: {error}"))
                return len(self._recorded)
        self._note_hidden(start, end)
        return max(end, start + 1)

    def _note_hidden(self, start: int, end: int) -> None:
        self._is_blind = self._is_blind or any(each.hidden for each in self._recorded[start:end])


def _outline(transition: Transition) -> tuple[object, ...]:
    if isinstance(transition, StepTransition):
        return (transition.seq, transition.key, transition.status, transition.generation, transition.attempt)
    return (transition.seq, transition.status, transition.failed_steps)


def _says(transition: Transition) -> str:
    if not isinstance(transition, StepTransition):
        return f"the execution {transition.status.value}"
    place = f"[{transition.key.iteration}]" if transition.key.iteration else ""
    attempt = f", attempt {transition.attempt}" if transition.attempt > 1 else ""
    return f"step {transition.key.path}{place} {transition.status.value}{attempt}"


def _digest(value: Json) -> str | None:
    return None if value is None else f"sha256:{hashlib.sha256(dumps(value).encode()).hexdigest()}"
