"""What definitions need to know of the actions: their names, config schemas and declared effects."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum

from engine.errors import Fault
from engine.jsonvalue import JsonObject


class ActionEffect(StrEnum):
    """What an action does to the outside: nothing, reads it, or changes it."""

    NONE = "none"
    READ = "read"
    WRITE = "write"


@dataclass(frozen=True, slots=True)
class ActionEntry:
    """One action as definitions see it.

    Attributes:
        config_schema: JSON Schema (2020-12) of the step's `actionConfig`, as its author writes it: a value that is a
            template may stand wherever the schema asks for another type.
        effect: steps with effect `none` may be computed together and share a checkpoint commit.
        more_faults: what is wrong with a config that no schema can say, with paths from the config on. It gets the
            members that are known before anything runs: those that hold templates are left out.
    """

    name: str
    config_schema: JsonObject
    effect: ActionEffect
    more_faults: Callable[[JsonObject], tuple[Fault, ...]] | None = None


@dataclass(frozen=True, slots=True, eq=False)
class ActionCatalogue:
    """The actions of this installation, by name. One catalogue equals only itself: compiled schemas hang on it."""

    entries: Mapping[str, ActionEntry]

    @classmethod
    def of(cls, *entries: ActionEntry) -> "ActionCatalogue":
        """Catalogue of some entries."""
        return cls({entry.name: entry for entry in entries})

    def get(self, name: str) -> ActionEntry | None:
        """The action of this name, or None where nobody has registered one."""
        return self.entries.get(name)
