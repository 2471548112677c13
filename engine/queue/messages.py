"""The one message of the dispatch streams, and how it is read."""

from collections.abc import Mapping
from dataclasses import dataclass
from uuid import UUID

TENANT = b"t"
EXECUTION = b"e"
TRACEPARENT = b"p"


@dataclass(frozen=True, slots=True)
class Ring:
    """A delivered message: look at this execution.

    Attributes:
        traceparent: W3C trace context of who rang, where there was one.
    """

    stream: str
    message_id: str
    tenant: str
    execution_id: UUID
    traceparent: str | None = None


@dataclass(frozen=True, slots=True)
class UnreadableMessage:
    """A delivered message that no version of this product wrote, or one that is damaged."""

    stream: str
    message_id: str
    fields: tuple[tuple[str, str], ...]
    cause: str


def encode(tenant: str, execution_id: UUID, traceparent: str | None = None) -> dict[bytes, bytes]:
    """Fields of a message. Readers of any version ignore fields that they do not know."""
    fields = {TENANT: tenant.encode(), EXECUTION: execution_id.bytes}
    return fields if traceparent is None else {**fields, TRACEPARENT: traceparent.encode()}


def decode(stream: str, message_id: str, fields: Mapping[bytes, bytes]) -> Ring | UnreadableMessage:
    """A message from its fields; anything unexpected is a value, never an exception."""
    try:
        traceparent = fields.get(TRACEPARENT)
        rung_by = None if traceparent is None else traceparent.decode()
        return Ring(stream, message_id, fields[TENANT].decode(), UUID(bytes=fields[EXECUTION]), rung_by)
    except (KeyError, ValueError) as error:
        shown = tuple((k.decode(errors="replace"), v.decode(errors="replace")) for k, v in fields.items())
        return UnreadableMessage(stream, message_id, shown, f"{type(error).__name__}: {error}")
