"""Faults of paths and templates: their form, and the steps that they refer to."""

from collections.abc import Iterator, Sequence

from engine.definitions.cycles import topological_order
from engine.definitions.faults import FaultCode, fault
from engine.definitions.graph import did_you_mean
from engine.definitions.interpolation import TemplateError, scan
from engine.definitions.notifications import EVENT, kept_for_later, placed
from engine.definitions.outline import Graph, Node, Place
from engine.definitions.paths import Path, PathError, parse_path
from engine.definitions.pointers import extended, pointer
from engine.errors import Fault
from engine.jsonvalue import Json, JsonObject

_TEMPLATED: dict[str, tuple[str, ...]] = {
    "action": ("actionConfig",),
    "delay": ("until",),
    "human": (
        "title",
        "description",
        "assignees",
        "candidateGroups",
        "formConfig",
        "dueDate",
        "escalation",
        "priority",
    ),
}


def reference_faults(document: JsonObject, graphs: Sequence[Graph]) -> Iterator[Fault]:
    """Every fault of a path or template in a document."""
    yield from _trigger_faults(document)
    steps = _Steps(graphs)
    for graph in graphs:
        for node in (*graph.nodes.values(), *graph.repeated):
            yield from _StepReferences(node, steps).faults()
    for who, notification, place in placed(document, graphs):
        yield from _notification_faults(who, notification.get("actionConfig"), (*place, "actionConfig"))


class _Steps:
    """Which step runs after which."""

    def __init__(self, graphs: Sequence[Graph]) -> None:
        self.homes = {identifier: graph for graph in reversed(graphs) for identifier in graph.nodes}
        self._order = {
            node.id: position
            for graph in graphs
            for position, node in enumerate(topological_order(graph))
            if self.homes[node.id] is graph
        }
        self._after: dict[str, frozenset[str]] = {}

    def referred_to(self, path: Path) -> str | None:
        """Id of the step behind `steps.`, dots in it included; None where there is none."""
        for end in range(2, len(path.segments) + 1):
            identifier = ".".join(path.segments[1:end])
            if identifier in self.homes:
                return identifier
        return None

    def runs_after(self, other: str, node: Node) -> bool:
        """True when `other` can only run after the step (or after a loop around it)."""
        home = self.homes[other]
        here = next((one for one in (node.id, *node.owners) if self.homes.get(one) is home), None)
        if here is None or other not in self._order or here not in self._order:
            return False
        if here == other:
            # A loop around the step is not finished while the step runs.
            return here != node.id
        # Whatever comes after a step stands behind it in every topological order.
        return self._order[other] > self._order[here] and other in self._reachable(here)

    def _reachable(self, start: str) -> frozenset[str]:
        if start not in self._after:
            graph, reached, waiting = self.homes[start], set[str](), [start]
            while waiting:
                for edge in graph.known_edges(graph.nodes[waiting.pop()]):
                    if edge.target not in reached:
                        reached.add(edge.target)
                        waiting.append(edge.target)
            self._after[start] = frozenset(reached)
        return self._after[start]


class _StepReferences:
    """Faults of the paths and templates of one step."""

    def __init__(self, node: Node, steps: _Steps) -> None:
        self._node = node
        self._steps = steps

    def faults(self) -> Iterator[Fault]:
        config, place = self._node.config, (*self._node.place, "config")
        for name in _TEMPLATED.get(str(self._node.type), ()):
            value = config.get(name)
            yield from self._template(kept_for_later(value) if name == "escalation" else value, (*place, name))
        probe = config.get("probe")
        if isinstance(probe, dict):
            yield from self._template(probe.get("actionConfig"), (*place, "probe", "actionConfig"), own=True)
            yield from self._condition(probe.get("happened"), (*place, "probe", "happened"), own=True)
        yield from self._mapping(config.get("inputMappings"), (*place, "inputMappings"))
        yield from _forms(config.get("outputMappings"), (*place, "outputMappings"))
        if self._node.type == "loop":
            yield from self._path(config.get("iterateOver"), (*place, "iterateOver"))
        if self._node.type == "wait":
            yield from _key_forms(config.get("correlation"), (*place, "correlation"))
            yield from self._mapping(config.get("correlation"), (*place, "correlation"))
        if self._node.type == "condition":
            yield from self._condition(config.get("condition"), (*place, "condition"))
        for index, connection in enumerate(_items(self._node.step.get("connections"))):
            if isinstance(connection, dict):
                custom = (*self._node.place, "connections", index, "customCondition")
                yield from self._condition(connection.get("customCondition"), custom, own=True)

    def _template(self, value: Json, place: Place, *, own: bool = False) -> Iterator[Fault]:
        for text_place, found in scan(value, place):
            if isinstance(found, TemplateError):
                message = f"Step '{self._node.id}' has a text that is no template: {found}."
                yield fault(FaultCode.TEMPLATE_INVALID, pointer(*text_place), message)
            else:
                yield from self._target(found, text_place, own=own)

    def _mapping(self, mappings: Json, place: Place) -> Iterator[Fault]:
        if isinstance(mappings, dict):
            for name, path in mappings.items():
                yield from self._path(path, (*place, name))

    def _condition(self, condition: Json, place: Place, *, own: bool = False) -> Iterator[Fault]:
        for path, path_place in _condition_paths(condition, place):
            yield from self._path(path, path_place, own=own)

    def _path(self, text: Json, place: Place, *, own: bool = False) -> Iterator[Fault]:
        if not isinstance(text, str):
            return
        try:
            path = parse_path(text)
        except PathError as error:
            yield _path_fault(text, place, error)
            return
        yield from self._target(path, place, own=own)

    def _target(self, path: Path, place: Place, *, own: bool) -> Iterator[Fault]:
        """Faults of the step that a path refers to. `own`: the step's own output is already there."""
        if path.root != "steps" or len(path.segments) == 1:
            return
        other = self._steps.referred_to(path)
        if other is None:
            name = path.segments[1]
            message = f"Step '{self._node.id}' refers to {path}, but there is no step '{name}'."
            hint = did_you_mean(name, self._steps.homes)
            yield fault(FaultCode.PATH_UNKNOWN_STEP, pointer(*place), message, hint)
        elif (other == self._node.id and not own) or self._steps.runs_after(other, self._node):
            message = f"Step '{self._node.id}' refers to {path}, but '{other}' has not run when it starts."
            yield fault(FaultCode.PATH_NOT_UPSTREAM, pointer(*place), message)


def _notification_faults(who: str, config: Json, place: Place) -> Iterator[Fault]:
    for text_place, found in scan(config, place):
        if isinstance(found, TemplateError):
            message = f"{who} has a text that is no template: {found}."
            yield fault(FaultCode.TEMPLATE_INVALID, pointer(*text_place), message)
        elif found.root != EVENT:
            message = f"{who} refers to {found}; what a notification knows is `{EVENT}` alone."
            yield fault(FaultCode.PATH_INVALID, pointer(*text_place), message, f"Begin the path with `{EVENT}.`.")


def _trigger_faults(document: JsonObject) -> Iterator[Fault]:
    for index, trigger in enumerate(_items(document.get("triggers"))):
        config = trigger.get("config") if isinstance(trigger, dict) else None
        if isinstance(config, dict):
            place = ("triggers", index, "config", "condition")
            for path, path_place in _condition_paths(config.get("condition"), place):
                yield from _form(path, path_place)


def _condition_paths(condition: Json, place: Place) -> Iterator[tuple[Json, Place]]:
    if not isinstance(condition, dict):
        return
    if "field" in condition:
        yield condition["field"], (*place, "field")
    for index, child in enumerate(_items(condition.get("children"))):
        yield from _condition_paths(child, (*place, "children", index))


def _forms(mappings: Json, place: Place) -> Iterator[Fault]:
    """Paths into the output: what they refer to is not known before the step has run."""
    if isinstance(mappings, dict):
        for name, path in mappings.items():
            yield from _form(path, (*place, name))


def _key_forms(mappings: Json, place: Place) -> Iterator[Fault]:
    if isinstance(mappings, dict):
        for name in mappings:
            yield from _form(name, (*place, name))


def _form(text: Json, place: Place) -> Iterator[Fault]:
    if isinstance(text, str):
        try:
            parse_path(text)
        except PathError as error:
            yield _path_fault(text, place, error)


def _path_fault(text: str, place: Place, error: PathError) -> Fault:
    return fault(FaultCode.PATH_INVALID, extended("", place), f"{text[:100]!r} is not a path: {error}.")


def _items(value: Json) -> list[Json]:
    return value if isinstance(value, list) else []
