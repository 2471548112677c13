"""Which actions there are: the built-in ones and those that installed packages bring along.

A package adds actions by an entry point in the group `maestro.actions`. The entry point names a factory that is given
the `ActionTools` and answers one action. Built-in names cannot be taken over.
"""

from collections.abc import Callable, Iterable, Mapping
from importlib.metadata import EntryPoint, entry_points
from types import MappingProxyType

from engine.actions.interface import Action, AnyAction, ChecksConfig, Effect, InlineAction
from engine.actions.json_schemas import UnusableSchemaError, compile_schema
from engine.actions.noop import Noop
from engine.actions.transform import Transform
from engine.actions.validation import Validation
from engine.definitions.catalogue import ActionCatalogue, ActionEffect, ActionEntry
from engine.errors import ConfigurationError
from engine.jsonvalue import JsonObject

ENTRY_POINT_GROUP = "maestro.actions"


class ActionRegistry:
    """The actions of this process by name; fixed once it is made."""

    def __init__(self, actions: Iterable[AnyAction]) -> None:
        """Take the actions in.

        Raises:
            ConfigurationError: two share a name, or one has no usable config schema.
        """
        known: dict[str, AnyAction] = {}
        for action in actions:
            if action.name in known:
                raise ConfigurationError(f"Two actions are named {action.name!r}; each name may be taken once.")
            try:
                compile_schema(action.config_schema)
            except UnusableSchemaError as exc:
                raise ConfigurationError(f"The config schema of the action {action.name!r} is unusable: {exc}") from exc
            known[action.name] = action
        self._actions: Mapping[str, AnyAction] = MappingProxyType(known)

    def get(self, name: str) -> AnyAction | None:
        """The action of this name; None when there is none."""
        return self._actions.get(name)

    def names(self) -> tuple[str, ...]:
        """All names, sorted."""
        return tuple(sorted(self._actions))

    def schemas(self) -> Mapping[str, JsonObject]:
        """The config schema of each action, by name."""
        return {name: self._actions[name].config_schema for name in self.names()}

    def effects(self) -> Mapping[str, Effect]:
        """The declared effect of each action, by name."""
        return {name: self._actions[name].effect for name in self.names()}

    def catalogue(self) -> ActionCatalogue:
        """The actions as definitions see them."""
        return ActionCatalogue.of(*(_entry(self._actions[name]) for name in self.names()))


def _entry(action: AnyAction) -> ActionEntry:
    more_faults = action.config_faults if isinstance(action, ChecksConfig) else None
    return ActionEntry(action.name, action.config_schema, ActionEffect(action.effect.value), more_faults)


def inline_actions() -> tuple[AnyAction, ...]:
    """The built-in actions that only compute."""
    return (Noop(), Transform(), Validation())


def installed_actions(factory_argument: object, found: Iterable[EntryPoint] | None = None) -> tuple[AnyAction, ...]:
    """The actions of installed packages, in the order of their entry points' names.

    Raises:
        ConfigurationError: a package's entry point cannot be loaded or does not answer an action; it is named.
    """
    points = entry_points(group=ENTRY_POINT_GROUP) if found is None else found
    return tuple(_load(point, factory_argument) for point in sorted(points, key=lambda p: p.name))


def _load(point: EntryPoint, factory_argument: object) -> AnyAction:
    try:
        factory: Callable[[object], object] = point.load()
        action = factory(factory_argument)
    except Exception as exc:
        raise ConfigurationError(f"The action package entry point {point.name!r} cannot be loaded: {exc}") from exc
    if not isinstance(action, (Action, InlineAction)):
        raise ConfigurationError(f"The entry point {point.name!r} ({point.value}) does not answer an action.")
    return action
