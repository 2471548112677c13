"""Values of the use cases of dead letters."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from engine.jsonvalue import Json


class DeadLetterKind(StrEnum):
    """What was given up: an execution, a message of the streams, a parcel of the outbox, a callback."""

    EXECUTION = "execution"
    MESSAGE = "message"
    OUTBOX = "outbox"
    CALLBACK = "callback"


class DeadLetterStatus(StrEnum):
    """Whether somebody has put it back: open, or redriven, which is final."""

    OPEN = "open"
    REDRIVEN = "redriven"


@dataclass(frozen=True, slots=True)
class DeadLetterContent:
    """What a dead letter holds.

    Attributes:
        payload: of the message or parcel, or the trigger data of the execution.
        history: transitions of the execution until it was given up, oldest first; empty for anything else.
    """

    payload: Json
    history: Json


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """Work that was given up.

    Attributes:
        subject: what it was: an execution's id, a stream and message, a topic and subject.
        code: of the cause, with its `message`.
        deliveries: how often it was taken.
        content: None in lists.
    """

    id: UUID
    kind: DeadLetterKind
    subject: str
    execution_id: UUID | None
    step_id: str | None
    code: str
    message: str
    deliveries: int
    status: DeadLetterStatus
    created_at: datetime
    redriven_at: datetime | None
    redriven_by: str | None
    content: DeadLetterContent | None = None


@dataclass(frozen=True, slots=True)
class DeadLetterFilter:
    """Which dead letters; None does not filter."""

    status: DeadLetterStatus | None = None
    kind: DeadLetterKind | None = None
    execution_id: UUID | None = None
