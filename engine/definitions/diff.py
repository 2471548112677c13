"""The structural difference of two documents: steps and triggers by id, everything else by its place.

Work is linear in the size of the two documents; steps that are written alike cost one comparison of bytes each.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final

from engine.definitions.changeclasses import change_class
from engine.definitions.changes import Change, ChangeClass, ConnectionDifference, Diff, StepDifference
from engine.definitions.differences import by_id, differences, equal, member_names
from engine.definitions.hashing import canonical, content_of, hash_of
from engine.definitions.normaliser import normalise
from engine.definitions.paths import MISSING, Missing
from engine.definitions.pointers import pointer
from engine.definitions.schemachanges import schema_changes
from engine.jsonvalue import Json, JsonObject

_HASHED_MEMBERS: Final = ("type", "config", "retryConfig", "isEnabled")
_CHANGING_MEMBERS: Final = (*_HASHED_MEMBERS, "join")
Place = tuple[str, ...]


def diff(before: JsonObject, after: JsonObject) -> Diff:
    """What differs between two valid documents, in any accepted form, the order of members aside.

    Server-set members, `version` and `isActive` do not count: the diff is empty exactly when `content_hash` of the
    normalised documents is the same.
    """
    return compare(comparable(before), comparable(after))


def compare(before: JsonObject, after: JsonObject) -> Diff:
    """`diff` for those who keep what `comparable` gave them."""
    collector = _Collector()
    collector.documents(before, after)
    return Diff(
        tuple(collector.added),
        tuple(collector.removed),
        tuple(collector.changed),
        tuple(collector.connections_added),
        tuple(collector.connections_removed),
        tuple(collector.changes),
    )


def comparable(document: JsonObject) -> JsonObject:
    """The part of a document that a diff looks at, in the present form."""
    normalised = normalise(content_of(document)).document
    return normalised if isinstance(normalised, dict) else {}


@dataclass(slots=True)
class _Collector:
    changes: list[Change] = field(default_factory=list)
    added: list[StepDifference] = field(default_factory=list)
    removed: list[StepDifference] = field(default_factory=list)
    changed: list[StepDifference] = field(default_factory=list)
    connections_added: list[ConnectionDifference] = field(default_factory=list)
    connections_removed: list[ConnectionDifference] = field(default_factory=list)

    def documents(self, before: JsonObject, after: JsonObject) -> None:
        for name in member_names(before, after):
            old, new = before.get(name, MISSING), after.get(name, MISSING)
            if name == "steps":
                self._list(old, new, ("steps",), ("steps",), self._steps)
            elif name == "triggers":
                self._list(old, new, ("triggers",), ("triggers",), self._triggers)
            elif name == "inputSchema":
                self.changes.extend(schema_changes(old, new, ("inputSchema",)))
            else:
                self._values(old, new, (name,), (name,))

    def _values(self, before: Json | Missing, after: Json | Missing, place: Place, rule: Place) -> None:
        for one in differences(before, after):
            judged = change_class((*rule, *one.place), one)
            self.changes.append(Change((*place, *one.place), one.before, one.after, judged))

    def _list(
        self,
        before: Json | Missing,
        after: Json | Missing,
        place: Place,
        rule: Place,
        compare: Callable[[dict[str, JsonObject], dict[str, JsonObject], Place], None],
    ) -> None:
        """Compare two arrays whose items have ids; an array that is not there is an empty one, cosmetically."""
        if before is MISSING:
            self.changes.append(Change(place, MISSING, [], ChangeClass.COSMETIC))
        old = by_id([] if before is MISSING else before)
        new = by_id([] if after is MISSING else after)
        if old is None or new is None:
            # No valid document comes here; of one that is not, nothing is hidden.
            self._values(before, after, place, rule)
            return
        compare(old, new, place)
        kept = [identifier for identifier in old if identifier in new]
        expected = [*kept, *(identifier for identifier in new if identifier not in old)]
        if expected != list(new):
            self.changes.append(Change(place, [*expected], [*new], ChangeClass.COSMETIC, is_order=True))
        if after is MISSING:
            self.changes.append(Change(place, [], MISSING, ChangeClass.COSMETIC))

    def _triggers(self, old: dict[str, JsonObject], new: dict[str, JsonObject], place: Place) -> None:
        for identifier in member_names(dict(old), dict(new)):
            here = (*place, identifier)
            if identifier not in new:
                self.changes.append(Change(here, old[identifier], MISSING, ChangeClass.BREAKING))
            elif identifier not in old:
                self.changes.append(Change(here, MISSING, new[identifier], ChangeClass.COMPATIBLE))
            elif not equal(old[identifier], new[identifier]):
                self._values(old[identifier], new[identifier], here, ("triggers", "*"))

    def _steps(self, old: dict[str, JsonObject], new: dict[str, JsonObject], place: Place) -> None:
        delaying = _added_before_others(old, new)
        for identifier, step in old.items():
            here = (*place, identifier)
            if identifier not in new:
                self.changes.append(Change(here, step, MISSING, ChangeClass.BREAKING))
                self._whole_steps([step], place, self.removed, self.connections_removed)
            elif not equal(step, new[identifier]):
                self._step(step, new[identifier], here, old)
        for identifier, step in new.items():
            if identifier not in old:
                here = (*place, identifier)
                judged = ChangeClass.BREAKING if identifier in delaying else ChangeClass.COMPATIBLE
                self.changes.append(Change(here, MISSING, step, judged))
                self._whole_steps([step], place, self.added, self.connections_added)

    def _whole_steps(
        self,
        steps: Sequence[Json],
        place: Place,
        items: list[StepDifference],
        connections: list[ConnectionDifference],
    ) -> None:
        """List steps that stand on one side only, those in the bodies of loops after their loop."""
        for step in steps:
            if not isinstance(step, dict):
                continue
            identifier, digest = str(step.get("id")), config_hash(step)
            is_added = items is self.added
            here = (*place, identifier)
            before, after = (None, digest) if is_added else (digest, None)
            items.append(StepDifference(identifier, before, after, (pointer(*here),)))
            connections.extend(_connection(identifier, one) for one in _connections(step))
            self._whole_steps(_body(step), (*here, "config", "body"), items, connections)

    def _step(self, before: JsonObject, after: JsonObject, place: Place, existing: dict[str, JsonObject]) -> None:
        first = len(self.changes)
        position = len(self.changed)
        for name in member_names(before, after):
            old, new = before.get(name, MISSING), after.get(name, MISSING)
            here = (*place, name)
            if name == "connections":
                self._connections(before, after, here, existing)
            elif name == "config":
                self._config(old, new, here)
            else:
                self._values(old, new, here, ("steps", "*", name))
        depth = len(place)
        paths = tuple(one.path for one in self.changes[first:] if one.place[depth] in _CHANGING_MEMBERS)
        if paths:
            item = StepDifference(str(before.get("id")), config_hash(before), config_hash(after), paths)
            self.changed.insert(position, item)

    def _config(self, before: Json | Missing, after: Json | Missing, place: Place) -> None:
        if before is MISSING:
            self.changes.append(Change(place, MISSING, {}, ChangeClass.COSMETIC))
        old_config = before if isinstance(before, dict) else {}
        new_config = after if isinstance(after, dict) else {}
        self._config_members(old_config, new_config, place)
        if after is MISSING:
            self.changes.append(Change(place, {}, MISSING, ChangeClass.COSMETIC))

    def _config_members(self, before: JsonObject, after: JsonObject, place: Place) -> None:
        for name in member_names(before, after):
            old, new = before.get(name, MISSING), after.get(name, MISSING)
            here, rule = (*place, name), ("steps", "*", "config", name)
            if name == "body":
                self._list(old, new, here, rule, self._steps)
            else:
                self._values(old, new, here, rule)

    def _connections(
        self, before: JsonObject, after: JsonObject, place: Place, existing: dict[str, JsonObject]
    ) -> None:
        old, new = before.get("connections", MISSING), after.get("connections", MISSING)
        if old is not MISSING and new is not MISSING and equal(old, new):
            return
        source = str(before.get("id"))
        ways_before = {_way(one): one for one in _connections(before)}
        ways_after = {_way(one): one for one in _connections(after)}
        gone = [one for way, one in ways_before.items() if way not in ways_after]
        come = [one for way, one in ways_after.items() if way not in ways_before]
        self.connections_removed.extend(_connection(source, one) for one in gone)
        self.connections_added.extend(_connection(source, one) for one in come)
        judged = ChangeClass.COSMETIC
        if gone or any(one.get("targetStepId") in existing for one in come):
            judged = ChangeClass.BREAKING
        elif come:
            judged = ChangeClass.COMPATIBLE
        self.changes.append(Change(place, old, new, judged))


def config_hash(step: JsonObject) -> str:
    """Hash of what a step does: `type`, `config`, `retryConfig`, `isEnabled`."""
    return hash_of({name: step[name] for name in _HASHED_MEMBERS if name in step})


def _added_before_others(old: dict[str, JsonObject], new: dict[str, JsonObject]) -> set[str]:
    """Added steps from which a path leads to a step that was there before: they delay it, or can block it."""
    sources: dict[str, list[str]] = {}
    for identifier, step in new.items():
        if identifier not in old:
            for connection in _connections(step):
                sources.setdefault(str(connection.get("targetStepId")), []).append(identifier)
    waiting = [target for target in sources if target in old]
    delaying: set[str] = set()
    while waiting:
        for source in sources.get(waiting.pop(), ()):
            if source not in delaying:
                delaying.add(source)
                waiting.append(source)
    return delaying


def _connections(step: JsonObject) -> Iterator[JsonObject]:
    connections = step.get("connections")
    return (one for one in (connections if isinstance(connections, list) else ()) if isinstance(one, dict))


def _connection(source: str, connection: JsonObject) -> ConnectionDifference:
    return ConnectionDifference(
        source, str(connection.get("targetStepId")), str(connection.get("condition", "success"))
    )


def _way(connection: JsonObject) -> tuple[str, str, bytes]:
    """What makes two connections of a step the same: target and condition, not the label."""
    custom = connection.get("customCondition")
    return (
        str(connection.get("targetStepId")),
        str(connection.get("condition", "success")),
        b"" if custom is None else canonical(custom),
    )


def _body(step: JsonObject) -> list[Json]:
    config = step.get("config")
    body = config.get("body") if isinstance(config, dict) else None
    return body if isinstance(body, list) else []
