"""Loops of older documents: their bodies, drawn as ordinary connected steps, are gathered into `config.body`.

The older rule: each direct target of a loop is its body, one after another per item, and what follows those targets is
part of the body, until a connection labelled `done` leaves the loop. A connection back to the loop step only said "next
item" and goes away.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import count, pairwise
from typing import Final

from engine.jsonvalue import Json, JsonObject

DONE_LABEL: Final = "done"
MAX_NESTED_LOOPS: Final = 12
"""Deeper nesting is left as it stands, and then refused for the missing body."""


def fold_loops(steps: list[Json], origins: dict[str, str]) -> list[Json]:
    """Steps with the bodies of older loops folded in.

    Args:
        steps: the `steps` of a document, in any shape.
        origins: gets, for each step that moved, its pointer in the result → its pointer in `steps` as they were.
    """
    if not _has_older_loop(steps):
        return steps
    return _fold(steps, "/steps", "/steps", origins)


def _has_older_loop(steps: list[Json]) -> bool:
    return any(_is_older_loop(step) or any(map(_has_older_loop, _body(step))) for step in steps)


def _body(step: Json) -> Iterator[list[Json]]:
    config = step.get("config") if isinstance(step, dict) else None
    body = config.get("body") if isinstance(config, dict) else None
    if isinstance(body, list):
        yield body


def _is_older_loop(step: Json) -> bool:
    return isinstance(step, dict) and _lacks_body(step) and bool(_connections(step))


def _lacks_body(step: JsonObject) -> bool:
    config = step.get("config")
    return step.get("type") == "loop" and isinstance(config, dict) and "body" not in config


def _connections(step: JsonObject) -> list[JsonObject]:
    connections = step.get("connections")
    if not isinstance(connections, list):
        return []
    return [connection for connection in connections if isinstance(connection, dict)]


def _target(connection: JsonObject) -> str:
    target = connection.get("targetStepId")
    return target if isinstance(target, str) else ""


@dataclass(slots=True)
class _Region:
    """One older loop.

    Attributes:
        entries: per direct target, the steps of the body that are met from it first.
        exits: where connections labelled `done` lead.
        dangling: connections to no step at all, kept for the graph checks to name.
    """

    entries: list[list[str]] = field(default_factory=list)
    exits: list[str] = field(default_factory=list)
    dangling: list[JsonObject] = field(default_factory=list)

    def members(self) -> Iterator[str]:
        for chain in self.entries:
            yield from chain


class _Graph:
    """The steps of one array by id, and the regions of its older loops.

    Of several steps with the same id the first is in the graph. The others go where it goes, as they are: that they
    are too many is for the graph checks to say.
    """

    def __init__(self, steps: list[Json]) -> None:
        self.steps: dict[str, tuple[int, JsonObject]] = {}
        self._namesakes: dict[str, list[tuple[int, JsonObject]]] = {}
        for index, step in enumerate(steps):
            identifier = step.get("id") if isinstance(step, dict) else None
            if not isinstance(step, dict) or not isinstance(identifier, str):
                continue
            if identifier in self.steps:
                self._namesakes.setdefault(identifier, []).append((index, step))
            else:
                self.steps[identifier] = (index, step)
        self.regions: dict[str, _Region] = {}
        for identifier, (_, step) in self.steps.items():
            if _is_older_loop(step) and identifier not in self.regions:
                self._explore(identifier, ())

    def nested(self) -> set[str]:
        """Ids of steps that are in the body of some older loop."""
        return {member for region in self.regions.values() for member in region.members()}

    def namesakes(self, identifier: str) -> list[tuple[int, JsonObject]]:
        """Further steps with the id of one in the graph."""
        return self._namesakes.get(identifier, [])

    def _explore(self, loop: str, around: tuple[str, ...]) -> _Region:
        region = self.regions[loop] = _Region()
        inside = (*around, loop)
        seen = set(inside)
        for connection in _connections(self.steps[loop][1]):
            target = _target(connection)
            if connection.get("label") == DONE_LABEL:
                region.exits.append(target)
            elif target not in self.steps:
                region.dangling.append(connection)
            elif target not in seen:
                region.entries.append(list(self._follow(target, region, seen, inside)))
        region.exits = list(dict.fromkeys(region.exits))
        return region

    def _follow(self, start: str, region: _Region, seen: set[str], inside: tuple[str, ...]) -> Iterator[str]:
        waiting = [start]
        while waiting:
            current = waiting.pop()
            if current in seen:
                continue
            seen.add(current)
            yield current
            following = self._targets_after(current, region, inside)
            waiting.extend(target for target in reversed(following) if target in self.steps)

    def _targets_after(self, current: str, region: _Region, inside: tuple[str, ...]) -> list[str]:
        step = self.steps[current][1]
        if _is_older_loop(step) and len(inside) < MAX_NESTED_LOOPS:
            inner = self.regions.get(current) or self._explore(current, inside)
            return inner.exits
        connections = _connections(step)
        region.exits.extend(_target(one) for one in connections if one.get("label") == DONE_LABEL)
        return [_target(one) for one in connections if one.get("label") != DONE_LABEL]


def _fold(steps: list[Json], here: str, there: str, origins: dict[str, str]) -> list[Json]:
    """Fold one array of steps. `here`, `there`: its pointer in the result and in the document as sent."""
    assembly = _Assembly(_Graph(steps), there, origins)
    nested = assembly.graph.nested()
    result: list[Json] = []
    for index, step in enumerate(steps):
        identifier = step.get("id") if isinstance(step, dict) else None
        if isinstance(identifier, str) and identifier in nested:
            continue
        is_first = isinstance(identifier, str) and assembly.graph.steps[identifier][0] == index
        result.append(assembly.place(step, index, f"{here}/{len(result)}", is_first=is_first))
    # Loops that hold each other (a cycle) are in no body from outside: they stay where they were, for the graph checks.
    for identifier, first in assembly.graph.steps.items():
        if identifier in nested and identifier not in assembly.placed:
            for index, step in (first, *assembly.graph.namesakes(identifier)):
                result.append(assembly.place(step, index, f"{here}/{len(result)}", is_first=False))
    return result


@dataclass(frozen=True, slots=True)
class _Member:
    """One step of the body of an older loop.

    Attributes:
        chain: which direct target of the loop it was met from.
        here: its pointer in the result.
        step: as it stands there, but for its connections.
        is_first: whether it is the step of its id, and no further one.
    """

    chain: int
    name: str
    here: str
    step: Json
    is_first: bool


@dataclass(frozen=True, slots=True)
class _Ways:
    """Where a step of a body may lead.

    Attributes:
        around: the loop and what had its place before it.
        inside: the steps of the body.
        onward: the first step of the next direct target.
    """

    around: frozenset[str]
    inside: frozenset[str]
    onward: str | None


class _Assembly:
    """Puts the steps of one array in their places."""

    def __init__(self, graph: _Graph, there: str, origins: dict[str, str]) -> None:
        self.graph = graph
        self.placed: set[str] = set()
        self._there = there
        self._origins = origins

    def place(self, step: Json, index: int, here: str, *, is_first: bool) -> Json:
        """The step as it stands in the result at `here`, with its body if it is an older loop."""
        there = f"{self._there}/{index}"
        if here != there:
            self._origins[here] = there
        if not isinstance(step, dict):
            return step
        identifier = step.get("id")
        if isinstance(identifier, str) and is_first:
            self.placed.add(identifier)
            region = self.graph.regions.get(identifier)
            if region is not None:
                return self._loop(step, region, here)
        for body in _body(step):
            config = step["config"]
            folded = _fold(body, f"{here}/config/body", f"{there}/config/body", self._origins)
            return {**step, "config": {**config, "body": folded}} if isinstance(config, dict) else step
        return step

    def _loop(self, loop: JsonObject, region: _Region, here: str) -> JsonObject:
        around = frozenset(self.placed)
        members = list(self._members(region, f"{here}/config/body"))
        inside = frozenset(member.name for member in members)
        heads: dict[int, str] = {}
        for member in members:
            heads.setdefault(member.chain, member.name)
        following = dict(pairwise(heads))
        body: list[Json] = []
        for member in members:
            onward = heads.get(following.get(member.chain, -1))
            ways = _Ways(around, inside, onward)
            body.append(self._in_body(member, ways) if member.is_first else member.step)
        config = loop["config"]
        exits: list[Json] = [{"targetStepId": target, "label": DONE_LABEL} for target in region.exits]
        exits.extend(region.dangling)
        return {
            **loop,
            "config": {**config, "body": body} if isinstance(config, dict) else config,
            "connections": exits,
        }

    def _members(self, region: _Region, here: str) -> Iterator[_Member]:
        """Steps of a body, placed one after another: what a loop among them has taken is met no more."""
        place = count()
        for chain, names in enumerate(region.entries):
            for name in names:
                if name in self.placed:
                    continue
                first, _ = self.graph.steps[name]
                for index, step in (self.graph.steps[name], *self.graph.namesakes(name)):
                    at, is_first = f"{here}/{next(place)}", index == first
                    yield _Member(chain, name, at, self.place(step, index, at, is_first=is_first), is_first)

    def _in_body(self, member: _Member, ways: _Ways) -> Json:
        """A step of a body: its ways out and back are the loop's now, and its end leads to the next direct target."""
        step, here = member.step, member.here
        if not isinstance(step, dict) or not isinstance(step.get("connections", []), list):
            return step
        is_loop = member.name in self.graph.regions
        there = self._origins.get(here, here)
        kept: list[Json] = []
        for index, connection in enumerate(_items(step.get("connections"))):
            if self._stays(connection, ways, is_loop=is_loop):
                self._origins[f"{here}/connections/{len(kept)}"] = f"{there}/connections/{index}"
                kept.append(connection)
        # A loop that leads nowhere has no body, which is a fault: led on, it would look like an older one.
        if ways.onward is not None and not any(map(_goes_on, kept)) and not _lacks_body(step):
            kept.append({"targetStepId": ways.onward})
        return {**step, "connections": kept} if kept or "connections" in step else step

    def _stays(self, connection: Json, ways: _Ways, *, is_loop: bool) -> bool:
        if not isinstance(connection, dict):
            return True
        if not is_loop and connection.get("label") == DONE_LABEL:
            return False
        target = _target(connection)
        leads_back = target in self.graph.regions and target in ways.around and target not in ways.inside
        return not leads_back


def _items(value: Json) -> list[Json]:
    return value if isinstance(value, list) else []


def _goes_on(connection: Json) -> bool:
    return isinstance(connection, dict) and connection.get("condition") != "failure"
