"""Who acts: a frozen value made from verified claims."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from engine.jsonvalue import Json


@dataclass(frozen=True, slots=True)
class Actor:
    """The caller of a use case, from verified claims only.

    Attributes:
        tenant: whose data; every query names it.
        subject: the `sub` claim (or legacy `userId`/`id`), never empty.
        roles: known and unknown role names alike.
        groups: group names, candidates of human tasks.
        attributes: all further claims, for policy.
        request_id: of the call that this actor makes, for audit rows.
        source: network address or `internal`.
        traceparent: W3C trace context of the call, stored with what it starts.
    """

    tenant: str
    subject: str
    roles: frozenset[str] = frozenset()
    groups: frozenset[str] = frozenset()
    email: str | None = None
    attributes: Mapping[str, Json] = field(default_factory=dict)
    request_id: str = ""
    source: str = "internal"
    traceparent: str | None = None
