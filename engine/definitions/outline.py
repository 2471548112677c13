"""The graphs of a document, read as far as they can be read, so that shape faults do not hide graph faults."""

from collections.abc import Iterator
from dataclasses import dataclass, field

from engine.definitions.pointers import pointer
from engine.jsonvalue import Json, JsonObject

Place = tuple[str | int, ...]


@dataclass(frozen=True, slots=True)
class Edge:
    """A connection: where it leads, when it is taken, and where it stands."""

    target: str
    condition: str
    index: int


@dataclass(frozen=True, slots=True)
class Node:
    """A step whose id could be read.

    Attributes:
        place: way to the step in the normalised document.
        owners: ids of the loops around it, outermost first.
    """

    id: str
    place: Place
    step: JsonObject
    config: JsonObject
    edges: tuple[Edge, ...]
    owners: tuple[str, ...]

    @property
    def type(self) -> Json:
        """The step's type as written."""
        return self.step.get("type")

    def at(self, *segments: str | int) -> str:
        """JSON Pointer to a place below the step."""
        return pointer(*self.place, *segments)


@dataclass(frozen=True, slots=True)
class Graph:
    """The steps of one array, the document's or a loop body's.

    Attributes:
        nodes: by id; of two steps with one id, the first.
        repeated: the further steps with an id that a node has.
        is_complete: False: the id of some step could not be read.
    """

    place: Place
    nodes: dict[str, Node]
    repeated: tuple[Node, ...]
    is_complete: bool
    targets: frozenset[str] = field(default_factory=frozenset)

    def known_edges(self, node: Node) -> Iterator[Edge]:
        """Connections of a node that lead to a step of this graph."""
        return (edge for edge in node.edges if edge.target in self.nodes)


def graphs_of(document: JsonObject) -> tuple[Graph, ...]:
    """The document's own graph and those of all loop bodies, outer ones first."""
    steps = document.get("steps")
    return tuple(_graphs(steps, ("steps",), ())) if isinstance(steps, list) else ()


def _graphs(steps: list[Json], place: Place, owners: tuple[str, ...]) -> Iterator[Graph]:
    nodes: dict[str, Node] = {}
    repeated: list[Node] = []
    read = [_node(step, (*place, index), owners) for index, step in enumerate(steps)]
    for node in read:
        if node is not None and node.id in nodes:
            repeated.append(node)
        elif node is not None:
            nodes[node.id] = node
    targets = frozenset(edge.target for node in read if node is not None for edge in node.edges)
    yield Graph(place, nodes, tuple(repeated), None not in read, targets)
    for node in read:
        body = None if node is None or node.type != "loop" else node.config.get("body")
        if node is not None and isinstance(body, list):
            yield from _graphs(body, (*node.place, "config", "body"), (*owners, node.id))


def _node(step: Json, place: Place, owners: tuple[str, ...]) -> Node | None:
    if not isinstance(step, dict):
        return None
    identifier, config = step.get("id"), step.get("config")
    if not isinstance(identifier, str) or not identifier:
        return None
    return Node(identifier, place, step, config if isinstance(config, dict) else {}, tuple(_edges(step)), owners)


def _edges(step: JsonObject) -> Iterator[Edge]:
    connections = step.get("connections")
    for index, connection in enumerate(connections if isinstance(connections, list) else ()):
        target = connection.get("targetStepId") if isinstance(connection, dict) else None
        if isinstance(connection, dict) and isinstance(target, str):
            condition = connection.get("condition", "success")
            yield Edge(target, condition if isinstance(condition, str) else "success", index)
