"""Bodies and parameters of dead letters."""

# ruff: noqa: RUF009 - `wire` makes a dataclass field

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from engine.jsonvalue import Json
from engine.services.dead_letter_values import DeadLetter, DeadLetterKind, DeadLetterStatus
from rest_shim.models.paging import CURSOR, DEFAULT_LIMIT, LIMIT, PAGE
from rest_shim.shapes import wire


@dataclass(frozen=True, slots=True)
class DeadLetterBody:
    """Work that was given up."""

    id: UUID = wire("Set by the server.")
    kind: DeadLetterKind = wire("What was given up.")
    subject: str = wire("Its execution, its stream and message, or its topic and subject.")
    execution_id: UUID | None = wire("The execution that it is about.")
    step_id: str | None = wire("The step that it is about.")
    code: str = wire("Cause; stable, dotted, lower-case.")
    message: str = wire("Cause, for people.")
    deliveries: int = wire("How often it was taken.")
    status: DeadLetterStatus = wire("Whether it was put back.")
    created_at: datetime = wire("When it was given up.")
    redriven_at: datetime | None = wire("When it was put back.")
    redriven_by: str | None = wire("Who put it back.")
    payload: Json = wire("Of the message or parcel, or the trigger data of the execution; null in lists.")
    history: Json = wire("Transitions of the execution until it was given up, oldest first; null in lists.")

    @classmethod
    def of(cls, letter: DeadLetter) -> "DeadLetterBody":
        """Body of a dead letter."""
        return cls(
            id=letter.id,
            kind=letter.kind,
            subject=letter.subject,
            execution_id=letter.execution_id,
            step_id=letter.step_id,
            code=letter.code,
            message=letter.message,
            deliveries=letter.deliveries,
            status=letter.status,
            created_at=letter.created_at,
            redriven_at=letter.redriven_at,
            redriven_by=letter.redriven_by,
            payload=None if letter.content is None else letter.content.payload,
            history=None if letter.content is None else letter.content.history,
        )


@dataclass(frozen=True, slots=True)
class DeadLetterQuery:
    """Which dead letters."""

    status: DeadLetterStatus | None = wire("Only those that wait, or only those that were put back.", default=None)
    kind: DeadLetterKind | None = wire("Only those of this kind.", default=None)
    execution_id: UUID | None = wire("Only those about this execution.", default=None)
    page: int | None = wire(PAGE, default=None)
    limit: int = wire(LIMIT, default=DEFAULT_LIMIT)
    cursor: str | None = wire(CURSOR, default=None)
