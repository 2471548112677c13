"""Identifiers as clients send them."""

from uuid import UUID


def as_uuid(text: str) -> UUID | None:
    """The UUID of an id; None where the text is none, so that nothing has it."""
    try:
        return UUID(text)
    except ValueError:
        return None
