"""Applying the changes of a diff: the proof that a diff says everything."""

from collections.abc import Sequence
from copy import deepcopy
from typing import Final

from engine.definitions.changes import Change
from engine.definitions.diff import comparable
from engine.definitions.differences import by_id
from engine.definitions.paths import Missing
from engine.jsonvalue import Json, JsonObject

_LISTS: Final = frozenset({("steps",), ("triggers",)})


def apply_changes(document: JsonObject, changes: Sequence[Change]) -> JsonObject:
    """The newer document of a diff, from the older one.

    For valid documents `apply_changes(a, diff(a, b).changes)` equals `comparable(b)`.

    Raises:
        LookupError: the changes were made from another document.
    """
    result = deepcopy(comparable(document))
    for change in changes:
        _apply(result, change)
    return result


def _apply(document: JsonObject, change: Change) -> None:
    parent: Json = document
    for depth, segment in enumerate(change.place[:-1]):
        parent = _child(parent, segment, change.place[:depth])
    name, after = change.place[-1], change.after
    if isinstance(parent, dict):
        if change.is_order and isinstance(after, list):
            items = by_id(parent[name]) or {}
            parent[name] = [items[str(identifier)] for identifier in after]
        elif isinstance(after, Missing):
            del parent[name]
        else:
            parent[name] = deepcopy(after)
    elif isinstance(parent, list) and _has_ids(change.place[:-1]):
        _apply_to_items(parent, name, after)
    elif isinstance(parent, list) and not isinstance(after, Missing):
        # Arrays without ids of the same length are compared item by item, others as a whole.
        parent[int(name)] = deepcopy(after)


def _apply_to_items(items: list[Json], name: str, after: Json | Missing) -> None:
    if isinstance(after, Missing):
        items.remove((by_id(items) or {})[name])
    else:
        items.append(deepcopy(after))


def _child(parent: Json, segment: str, place: tuple[str, ...]) -> Json:
    if isinstance(parent, dict):
        return parent[segment]
    if isinstance(parent, list) and not _has_ids(place):
        return parent[int(segment)]
    return (by_id(parent) or {})[segment]


def _has_ids(place: tuple[str, ...]) -> bool:
    """Whether the array at a place holds steps or triggers, which are known by their ids."""
    while len(place) > 3 and place[-2:] == ("config", "body"):
        place = place[:-3]
    return place in _LISTS
