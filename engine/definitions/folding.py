"""Loops of older documents: their bodies, drawn as ordinary connected steps, are gathered into `config.body`.

The older rule: each direct target of a loop is its body, one after another per item, and what follows those targets is
part of the body, until a connection labelled `done` leaves the loop. A connection back to the loop step only said "next
item" and goes away.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
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
    if not isinstance(step, dict) or step.get("type") != "loop":
        return False
    config = step.get("config")
    return isinstance(config, dict) and "body" not in config and bool(_connections(step))


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
    """The steps of one array by id, and the regions of its older loops."""

    def __init__(self, steps: list[Json]) -> None:
        self.steps: dict[str, tuple[int, JsonObject]] = {}
        for index, step in enumerate(steps):
            identifier = step.get("id") if isinstance(step, dict) else None
            if isinstance(step, dict) and isinstance(identifier, str) and identifier not in self.steps:
                self.steps[identifier] = (index, step)
        self.regions: dict[str, _Region] = {}
        for identifier, (_, step) in self.steps.items():
            if _is_older_loop(step) and identifier not in self.regions:
                self._explore(identifier, ())

    def nested(self) -> set[str]:
        """Ids of steps that are in the body of some older loop."""
        return {member for region in self.regions.values() for member in region.members()}

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
        is_first = isinstance(identifier, str) and assembly.graph.steps[identifier][0] == index
        if is_first and identifier in nested:
            continue
        result.append(assembly.place(step, index, f"{here}/{len(result)}", is_first=is_first))
    # Loops that hold each other (a cycle) are in no body from outside: they stay where they were, for the graph checks.
    for identifier, (index, step) in assembly.graph.steps.items():
        if identifier in nested and identifier not in assembly.placed:
            result.append(assembly.place(step, index, f"{here}/{len(result)}", is_first=False))
    return result


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
        if isinstance(identifier, str):
            self.placed.add(identifier)
            region = self.graph.regions.get(identifier)
            if region is not None and is_first:
                return self._loop(step, region, here)
        for body in _body(step):
            config = step["config"]
            folded = _fold(body, f"{here}/config/body", f"{there}/config/body", self._origins)
            return {**step, "config": {**config, "body": folded}} if isinstance(config, dict) else step
        return step

    def _loop(self, loop: JsonObject, region: _Region, here: str) -> JsonObject:
        chains = [[name for name in chain if name not in self.placed] for chain in region.entries]
        inside = {name for chain in chains for name in chain}
        body: list[Json] = []
        for position, chain in enumerate(chains):
            following = next((later[0] for later in chains[position + 1 :] if later), None)
            for name in chain:
                index, step = self.graph.steps[name]
                place = f"{here}/config/body/{len(body)}"
                placed = self.place(step, index, place, is_first=True)
                body.append(self._in_body(placed, place, inside, following))
        config = loop["config"]
        exits: list[Json] = [{"targetStepId": target, "label": DONE_LABEL} for target in region.exits]
        exits.extend(region.dangling)
        return {
            **loop,
            "config": {**config, "body": body} if isinstance(config, dict) else config,
            "connections": exits,
        }

    def _in_body(self, step: Json, here: str, inside: set[str], following: str | None) -> Json:
        """A step of a body: its ways out and back are the loop's now, and its end leads to the next direct target."""
        if not isinstance(step, dict) or not isinstance(step.get("connections", []), list):
            return step
        is_loop = str(step.get("id")) in self.graph.regions
        there = self._origins.get(here, here)
        kept: list[Json] = []
        for index, connection in enumerate(_items(step.get("connections"))):
            if self._stays(connection, inside, is_loop=is_loop):
                self._origins[f"{here}/connections/{len(kept)}"] = f"{there}/connections/{index}"
                kept.append(connection)
        if following is not None and not any(map(_goes_on, kept)):
            kept.append({"targetStepId": following})
        return {**step, "connections": kept} if kept or "connections" in step else step

    def _stays(self, connection: Json, inside: set[str], *, is_loop: bool) -> bool:
        if not isinstance(connection, dict):
            return True
        if not is_loop and connection.get("label") == DONE_LABEL:
            return False
        target = _target(connection)
        leads_back = target in self.graph.regions and target in self.placed and target not in inside
        return not leads_back


def _items(value: Json) -> list[Json]:
    return value if isinstance(value, list) else []


def _goes_on(connection: Json) -> bool:
    return isinstance(connection, dict) and connection.get("condition") != "failure"
