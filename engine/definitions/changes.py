"""What differs between two documents, as values."""

from dataclasses import dataclass
from enum import StrEnum

from engine.definitions.paths import MISSING, Missing
from engine.definitions.pointers import pointer
from engine.definitions.semver import Bump
from engine.jsonvalue import Json, JsonObject


class ChangeClass(StrEnum):
    """What a change means to callers and to the systems that the workflow touches (docs/version-changes.md)."""

    BREAKING = "breaking"
    COMPATIBLE = "compatible"
    COSMETIC = "cosmetic"

    @property
    def bump(self) -> Bump:
        """The smallest bump that a version with such a change may have."""
        return _BUMPS[self]


_BUMPS = {
    ChangeClass.BREAKING: Bump.MAJOR,
    ChangeClass.COMPATIBLE: Bump.MINOR,
    ChangeClass.COSMETIC: Bump.PATCH,
}


@dataclass(frozen=True, slots=True)
class Change:
    """One place that differs.

    Attributes:
        place: members from the document's root; steps and triggers stand by their id, not by their position.
        before: `MISSING` where the place is new; likewise `after` where it is gone.
        is_order: the ids at this place are the same and only stand in another order.
    """

    place: tuple[str, ...]
    before: Json | Missing
    after: Json | Missing
    change_class: ChangeClass
    is_order: bool = False

    @property
    def path(self) -> str:
        """The place as a JSON Pointer."""
        return pointer(*self.place)

    def as_json(self) -> JsonObject:
        """As contract and names have it; what is missing shows as null."""
        return {
            "path": self.path,
            "before": None if self.before is MISSING else self.before,
            "after": None if self.after is MISSING else self.after,
            "class": self.change_class.value,
        }


@dataclass(frozen=True, slots=True)
class StepDifference:
    """A step that was added, removed or changed; the hash on a side where it does not stand is None."""

    step_id: str
    hash_before: str | None
    hash_after: str | None
    paths: tuple[str, ...]

    def as_json(self) -> JsonObject:
        """With one `configHash`, or `{from, to}` where both sides have the step."""
        both = self.hash_before is not None and self.hash_after is not None
        change: JsonObject = {"from": self.hash_before, "to": self.hash_after}
        return {
            "stepId": self.step_id,
            "configHash": change if both else self.hash_before or self.hash_after,
            "paths": list(self.paths),
        }


@dataclass(frozen=True, slots=True)
class ConnectionDifference:
    """A connection that was added or removed."""

    source: str
    target: str
    condition: str

    def as_json(self) -> JsonObject:
        """As contract and names have it."""
        return {"from": self.source, "to": self.target, "condition": self.condition}


@dataclass(frozen=True, slots=True)
class Diff:
    """Everything that differs between two documents; empty when they publish the same.

    Attributes:
        changes: every change; applied in this order to the older document they give the newer one.
    """

    added: tuple[StepDifference, ...]
    removed: tuple[StepDifference, ...]
    changed: tuple[StepDifference, ...]
    connections_added: tuple[ConnectionDifference, ...]
    connections_removed: tuple[ConnectionDifference, ...]
    changes: tuple[Change, ...]

    @property
    def suggested_bump(self) -> Bump | None:
        """The smallest bump that all changes allow; None when nothing differs."""
        return max((change.change_class.bump for change in self.changes), key=lambda bump: bump.size, default=None)

    def below(self, member: str) -> tuple[Change, ...]:
        """Changes at or below one member of the document."""
        return tuple(change for change in self.changes if change.place[0] == member)

    def reasons_for(self, bump: Bump) -> tuple[Change, ...]:
        """The changes that ask for this bump, for a refusal of a smaller one."""
        return tuple(change for change in self.changes if change.change_class.bump is bump)

    def as_json(self) -> JsonObject:
        """As contract and names have it, without `from`, `to` and `affectedExecutions`, which the caller knows."""
        bump = self.suggested_bump
        return {
            "steps": {
                "added": [step.as_json() for step in self.added],
                "removed": [step.as_json() for step in self.removed],
                "changed": [step.as_json() for step in self.changed],
            },
            "connections": {
                "added": [connection.as_json() for connection in self.connections_added],
                "removed": [connection.as_json() for connection in self.connections_removed],
            },
            "triggers": [change.as_json() for change in self.below("triggers")],
            "settings": [change.as_json() for change in self.below("settings")],
            "inputSchema": [change.as_json() for change in self.below("inputSchema")],
            "changes": [change.as_json() for change in self.changes],
            "suggestedBump": None if bump is None else bump.value,
        }
