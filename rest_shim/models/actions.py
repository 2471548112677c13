"""Bodies of actions."""

# ruff: noqa: RUF009 - `wire` makes a dataclass field

from dataclasses import dataclass

from engine.definitions.catalogue import ActionEffect, ActionEntry
from engine.jsonvalue import JsonObject
from rest_shim.shapes import wire


@dataclass(frozen=True, slots=True)
class ActionBody:
    """What a step may do."""

    name: str = wire("The step's `actionType`.")
    effect: ActionEffect = wire("What it does to the outside.")
    config_schema: JsonObject = wire("JSON Schema (2020-12) of the step's `actionConfig`.")

    @classmethod
    def of(cls, entry: ActionEntry) -> "ActionBody":
        """Body of an action."""
        return cls(entry.name, entry.effect, entry.config_schema)
