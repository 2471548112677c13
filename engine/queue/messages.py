"""The one message of the dispatch streams, and how it is read."""

from collections.abc import Mapping
from dataclasses import dataclass
from uuid import UUID

TENANT = b"t"
EXECUTION = b"e"


@dataclass(frozen=True, slots=True)
class Ring:
    """A delivered message: look at this execution."""

    stream: str
    message_id: str
    tenant: str
    execution_id: UUID


@dataclass(frozen=True, slots=True)
class UnreadableMessage:
    """A delivered message that no version of this product wrote, or one that is damaged."""

    stream: str
    message_id: str
    fields: tuple[tuple[str, str], ...]
    cause: str


def encode(tenant: str, execution_id: UUID) -> dict[bytes, bytes]:
    """Fields of a message."""
    return {TENANT: tenant.encode(), EXECUTION: execution_id.bytes}


def decode(stream: str, message_id: str, fields: Mapping[bytes, bytes]) -> Ring | UnreadableMessage:
    """A message from its fields; anything unexpected is a value, never an exception."""
    try:
        return Ring(stream, message_id, fields[TENANT].decode(), UUID(bytes=fields[EXECUTION]))
    except (KeyError, ValueError) as error:
        shown = tuple((k.decode(errors="replace"), v.decode(errors="replace")) for k, v in fields.items())
        return UnreadableMessage(stream, message_id, shown, f"{type(error).__name__}: {error}")
