"""Bodies of connections."""

# ruff: noqa: RUF009 - `wire` makes a dataclass field

from dataclasses import dataclass
from datetime import datetime

from engine.actions.connections.values import ConnectionKind
from engine.jsonvalue import JsonObject
from engine.services.connections import ConnectionView
from rest_shim.shapes import wire


@dataclass(frozen=True, slots=True)
class ConnectionBody:
    """A named way to the outside; of its secrets only the names."""

    name: str = wire("By which steps refer to it.")
    kind: ConnectionKind = wire("What is at the other end.")
    settings: JsonObject = wire("What is no secret.")
    secret_names: tuple[str, ...] = wire("Names of its secrets; they go in and never come out.")
    revision: int = wire("Counts changes.")
    created_by: str = wire("Who made it.")
    created_at: datetime = wire("When it was made.")
    updated_at: datetime = wire("When it last changed.")

    @classmethod
    def of(cls, view: ConnectionView) -> "ConnectionBody":
        """Body of a connection."""
        return cls(
            name=view.name,
            kind=view.kind,
            settings=view.settings,
            secret_names=view.secret_names,
            revision=view.revision,
            created_by=view.created_by,
            created_at=view.created_at,
            updated_at=view.updated_at,
        )


CONNECTION_SCHEMA: JsonObject = {
    "type": "object",
    "properties": {
        "name": {"type": "string", "pattern": "^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$"},
        "kind": {"type": "string", "enum": [kind.value for kind in ConnectionKind]},
        "settings": {"type": "object", "description": "What is no secret: addresses, names, limits."},
        "secrets": {
            "type": "object",
            "description": "Never answered. On a change: null removes one, one that is not named stays.",
        },
    },
    "additionalProperties": False,
}
