"""Where a call comes from: set once by the outermost middleware, read by whoever answers."""

from collections.abc import MutableMapping
from dataclasses import dataclass
from typing import Any

_KEY = "maestro.origin"


@dataclass(frozen=True, slots=True)
class Origin:
    """Facts of one call that are not its content.

    Attributes:
        request_id: in the answer's `X-Request-Id`, in logs, audit rows and problems.
        traceparent: W3C trace context, the caller's or a new one.
        source: the caller's network address.
    """

    request_id: str
    traceparent: str
    source: str


UNKNOWN = Origin("unknown", "", "unknown")


def set_origin(scope: MutableMapping[str, Any], origin: Origin) -> None:
    """Attach the origin to a connection scope."""
    scope[_KEY] = origin


def origin_of(scope: MutableMapping[str, Any]) -> Origin:
    """Origin of a connection; `UNKNOWN` where no middleware has set one."""
    origin: Origin = scope.get(_KEY, UNKNOWN)
    return origin
