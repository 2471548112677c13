"""Events of the core as rows of the inbox: their class name as `kind`, their fields as a JSON object."""

from dataclasses import fields
from enum import Enum
from typing import Any, get_args
from uuid import UUID

from engine.jsonvalue import Json, JsonObject
from engine.runtime.events import Event
from engine.runtime.states import ExecutionStatus, StepKey, TimerKind
from engine.runtime.transitions import Failure

_CLASSES: dict[str, type[Event]] = {kind.__name__: kind for kind in get_args(Event)}
_NAMES: dict[type[Event], tuple[str, ...]] = {
    kind: tuple(member.name for member in fields(kind)) for kind in _CLASSES.values()
}


class UnreadableEventError(ValueError):
    """A stored event that this version of the product cannot read."""


def kinds() -> frozenset[str]:
    """All kinds that an inbox row may have."""
    return frozenset(_CLASSES)


def encode(event: Event) -> JsonObject:
    """Fields of an event as JSON; `decode` gives an equal event back."""
    return {name: _plain(getattr(event, name)) for name in _NAMES[type(event)]}


def decode(kind: str, payload: Json) -> Event:
    """Event of a stored kind and payload; members that this version does not know are ignored.

    Raises:
        UnreadableEventError: unknown kind, or a member is missing or of the wrong type.
    """
    cls = _CLASSES.get(kind)
    if cls is None or not isinstance(payload, dict):
        raise UnreadableEventError(f"An inbox row of kind {kind!r} cannot be read.")
    arguments: dict[str, Any] = {}
    try:
        for name in _NAMES[cls]:
            if name in payload:
                arguments[name] = _typed(name, payload[name])
        return cls(**arguments)
    except (TypeError, ValueError, KeyError, AttributeError) as error:
        raise UnreadableEventError(f"The payload of an inbox row of kind {kind!r} cannot be read: {error}") from error


def encode_failure(failure: Failure | None) -> JsonObject | None:
    """A failure as JSON."""
    if failure is None:
        return None
    found: JsonObject = {"code": failure.code, "message": failure.message}
    if failure.details is not None:
        found["details"] = failure.details
    return found


def decode_failure(value: Any) -> Failure | None:
    """The failure that `encode_failure` wrote."""
    if value is None:
        return None
    return Failure(code=value["code"], message=value["message"], details=value.get("details"))


def _plain(value: Any) -> Json:
    if isinstance(value, StepKey):
        return [value.path, value.iteration]
    if isinstance(value, Failure):
        return encode_failure(value)
    if isinstance(value, UUID):
        return str(value)
    if isinstance(value, Enum):
        return str(value.value)
    plain: Json = value
    return plain


def _typed(name: str, value: Any) -> Any:
    match name:
        case "key":
            path, iteration = value
            return StepKey(path, iteration)
        case "kind":
            return TimerKind(value)
        case "failure":
            return decode_failure(value)
        case "task_id" | "child_id":
            return UUID(value)
        case "status":
            return ExecutionStatus(value)
        case _:
            return value
