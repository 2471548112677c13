"""Graph faults: ids, targets, entry, reachability, cycles, joins."""

from collections import deque
from collections.abc import Iterator, Sequence
from difflib import get_close_matches

from engine.definitions.cycles import cycles_of, topological_order
from engine.definitions.faults import FaultCode, fault
from engine.definitions.outline import Edge, Graph, Node
from engine.definitions.pointers import pointer
from engine.errors import Fault


def graph_faults(graphs: Sequence[Graph]) -> Iterator[Fault]:
    """Every graph fault of a document."""
    yield from _repeated_ids(graphs)
    homes = {identifier: graph for graph in reversed(graphs) for identifier in graph.nodes}
    for graph in graphs:
        yield from _unknown_targets(graph, homes)
        yield from _entry_faults(graph)
        cycles = cycles_of(graph)
        for cycle in cycles:
            yield _cycle_fault(graph, cycle)
        if not cycles:
            yield from _dead_joins(graph)


def _repeated_ids(graphs: Sequence[Graph]) -> Iterator[Fault]:
    seen: dict[str, Node] = {}
    for graph in graphs:
        for node in (*graph.nodes.values(), *graph.repeated):
            if node.id in seen:
                message = f"The id '{node.id}' belongs to two steps, at {seen[node.id].at()} and here."
                yield fault(FaultCode.STEP_DUPLICATE_ID, node.at("id"), message)
            else:
                seen[node.id] = node


def _unknown_targets(graph: Graph, homes: dict[str, Graph]) -> Iterator[Fault]:
    for node in (*graph.nodes.values(), *graph.repeated):
        for edge in node.edges:
            if edge.target in graph.nodes:
                continue
            path = node.at("connections", edge.index, "targetStepId")
            if edge.target in homes:
                message = f"Step '{node.id}' leads to '{edge.target}', which is not in the same loop body or outside."
                yield fault(FaultCode.CONNECTION_LEAVES_LOOP, path, message)
            else:
                message = f"Step '{node.id}' leads to '{edge.target}', but there is no such step."
                yield fault(FaultCode.CONNECTION_UNKNOWN_TARGET, path, message, did_you_mean(edge.target, homes))


def did_you_mean(name: str, known: dict[str, Graph]) -> str | None:
    """Hint that names what was probably meant, or None."""
    # Comparing is costly: in a large document only names of nearly the same length can be close.
    candidates = [other for other in known if abs(len(other) - len(name)) <= 2][:200]
    close = get_close_matches(name[:200], candidates, 1)
    return f"Did you mean '{close[0]}'?" if close else None


def _entry_faults(graph: Graph) -> Iterator[Fault]:
    if not graph.is_complete:
        return
    entries = _entries(graph)
    if not entries:
        yield fault(FaultCode.GRAPH_NO_ENTRY, pointer(*graph.place), _no_entry_message(graph))
        return
    reached = _reached_from(graph, entries)
    for node in graph.nodes.values():
        if node.id not in reached:
            message = f"No path leads from the start to step '{node.id}'."
            yield fault(FaultCode.STEP_UNREACHABLE, node.at(), message)


def _entries(graph: Graph) -> list[str]:
    """Steps that start with the graph: without incoming connections, and connected with something if one of them is.

    A switched-off step that stands alone is parked there and harms nobody.
    """
    free = [node for node in graph.nodes.values() if node.id not in graph.targets]
    connected = [node.id for node in free if node.edges or node.step.get("isEnabled") is False]
    is_connected = any(node.edges for node in graph.nodes.values())
    return connected if is_connected and connected else [node.id for node in free]


def _no_entry_message(graph: Graph) -> str:
    what = "The loop's body" if len(graph.place) > 1 else "The workflow"
    if not graph.nodes:
        return f"{what} has no steps."
    return f"{what} has no step to start with: each of its steps has an incoming connection."


def _reached_from(graph: Graph, starts: Sequence[str]) -> set[str]:
    reached = set(starts)
    waiting = deque(starts)
    while waiting:
        for edge in graph.known_edges(graph.nodes[waiting.popleft()]):
            if edge.target not in reached:
                reached.add(edge.target)
                waiting.append(edge.target)
    return reached


def _cycle_fault(graph: Graph, cycle: tuple[Node, ...]) -> Fault:
    names = " → ".join(f"'{node.id}'" for node in (*cycle, cycle[0]))
    last = cycle[-1]
    closing = next(edge for edge in graph.known_edges(last) if edge.target == cycle[0].id)
    return fault(FaultCode.GRAPH_CYCLE, last.at("connections", closing.index), f"The steps lead in a circle: {names}.")


def _dead_joins(graph: Graph) -> Iterator[Fault]:
    """Joins that need what excludes itself: the success and the failure branch of one step.

    For each step the branches that must have been taken before it can run are gathered: from its one incoming
    connection, or from all of them for `join: all`, or what they have in common for `join: any`.
    """
    if not any(node.step.get("join") == "all" for node in graph.nodes.values()):
        return
    incoming = _incoming(graph)
    needed: dict[str, frozenset[tuple[str, str]]] = {}
    for node in topological_order(graph):
        ways = [needed[source.id] | _branch(source, edge) for source, edge in incoming[node.id]]
        if not ways:
            needed[node.id] = frozenset()
        elif node.step.get("join") == "all":
            needed[node.id] = frozenset().union(*ways)
        else:
            needed[node.id] = ways[0].intersection(*ways[1:])
        torn = next((source for source, branch in needed[node.id] if (source, _OTHER[branch]) in needed[node.id]), None)
        if torn is not None:
            # What follows can then not run either; naming the join is enough.
            needed[node.id] = frozenset()
            message = f"Step '{node.id}' waits for the success and for the failure branch of '{torn}': never both."
            yield fault(FaultCode.JOIN_NEVER_FIRES, node.at("join"), message)


_OTHER = {"success": "failure", "failure": "success"}


def _incoming(graph: Graph) -> dict[str, list[tuple[Node, Edge]]]:
    incoming: dict[str, list[tuple[Node, Edge]]] = {identifier: [] for identifier in graph.nodes}
    for node in graph.nodes.values():
        for edge in graph.known_edges(node):
            incoming[edge.target].append((node, edge))
    return incoming


def _branch(source: Node, edge: Edge) -> frozenset[tuple[str, str]]:
    """The branch that a connection stands for; empty where its step does not branch into success and failure."""
    if edge.condition not in _OTHER or not any(other.condition == _OTHER[edge.condition] for other in source.edges):
        return frozenset()
    return frozenset({(source.id, edge.condition)})
