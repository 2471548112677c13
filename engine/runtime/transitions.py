"""What the core decides and the store keeps: one transition is one checkpoint row.

The transitions of an execution, in the order of `seq`, are its whole recorded state: `apply` folds them back.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from engine.jsonvalue import Json, JsonObject
from engine.runtime.states import ExecutionStatus, StepKey, StepStatus


@dataclass(frozen=True, slots=True)
class Failure:
    """Why a step or an execution failed: a stable dotted code, a sentence, and further facts."""

    code: str
    message: str
    details: JsonObject | None = None


class StepTransition(NamedTuple):
    """A step (instance) has moved to `status`.

    Every step makes at least two of these: a tuple is made in a fraction of the time of a frozen dataclass.

    Attributes:
        seq: position in the execution's history, from 1, without gaps.
        generation: grows only when a finished step is run again by a person's retry.
        attempt: from 1; goes on counting over generations. 0 where nothing was attempted (skipped).
        input: what the step got; set where it starts.
        output: set where it completes.
        detail: facts the fold needs and nothing else holds (retry instant, child id, task id, wait spec, delivery).
    """

    seq: int
    key: StepKey
    status: StepStatus
    at: datetime
    generation: int = 0
    attempt: int = 0
    input: Json = None
    output: Json = None
    failure: Failure | None = None
    detail: JsonObject | None = None


@dataclass(frozen=True, slots=True)
class ExecutionTransition:
    """The execution itself has moved to `status`."""

    seq: int
    status: ExecutionStatus
    at: datetime
    failure: Failure | None = None
    failed_steps: tuple[str, ...] = ()
    detail: JsonObject | None = None


Transition = StepTransition | ExecutionTransition
