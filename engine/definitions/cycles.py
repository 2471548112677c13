"""Cycles and orders of a graph, in time linear in its size and without recursion."""

from collections import deque

from engine.definitions.outline import Graph, Node


def cycles_of(graph: Graph) -> tuple[tuple[Node, ...], ...]:
    """One shortest cycle through the first step of each knot of steps that reach each other."""
    order = {identifier: position for position, identifier in enumerate(graph.nodes)}
    found = []
    for knot in _knots(graph):
        first = min(knot, key=order.__getitem__)
        cycle = _cycle_through(graph, first, knot)
        if cycle:
            found.append(tuple(graph.nodes[identifier] for identifier in cycle))
    return tuple(sorted(found, key=lambda cycle: order[cycle[0].id]))


def topological_order(graph: Graph) -> list[Node]:
    """Steps of a graph without cycles, each after all that lead to it."""
    open_edges = dict.fromkeys(graph.nodes, 0)
    for node in graph.nodes.values():
        for edge in graph.known_edges(node):
            open_edges[edge.target] += 1
    ready = deque(identifier for identifier, count in open_edges.items() if count == 0)
    order: list[Node] = []
    while ready:
        node = graph.nodes[ready.popleft()]
        order.append(node)
        for edge in graph.known_edges(node):
            open_edges[edge.target] -= 1
            if open_edges[edge.target] == 0:
                ready.append(edge.target)
    return order


def _knots(graph: Graph) -> list[set[str]]:
    """Groups of steps that reach each other, and single steps that lead to themselves.

    What a topological order leaves over holds all cycles; usually that is nothing and the work ends here.
    """
    ordered = {node.id for node in topological_order(graph)}
    left = [identifier for identifier in graph.nodes if identifier not in ordered]
    if not left:
        return []
    inside = set(left)
    forward = {one: [edge.target for edge in graph.known_edges(graph.nodes[one])] for one in left}
    backward: dict[str, list[str]] = {one: [] for one in left}
    for one, targets in forward.items():
        for target in targets:
            if target in inside:
                backward[target].append(one)
    # Kosaraju: groups are what can be reached backwards, in the reverse order of finishing forwards.
    knots: list[set[str]] = []
    assigned: set[str] = set()
    for one in reversed(_finishing_order(left, forward, inside)):
        if one not in assigned:
            knot = _gathered(one, backward, assigned)
            if len(knot) > 1 or one in forward[one]:
                knots.append(knot)
    return knots


def _finishing_order(left: list[str], forward: dict[str, list[str]], inside: set[str]) -> list[str]:
    finished: list[str] = []
    seen: set[str] = set()
    for start in left:
        if start in seen:
            continue
        seen.add(start)
        stack = [(start, iter(forward[start]))]
        while stack:
            one, targets = stack[-1]
            following = next((target for target in targets if target in inside and target not in seen), None)
            if following is None:
                finished.append(one)
                stack.pop()
            else:
                seen.add(following)
                stack.append((following, iter(forward[following])))
    return finished


def _gathered(start: str, backward: dict[str, list[str]], assigned: set[str]) -> set[str]:
    knot = {start}
    assigned.add(start)
    waiting = [start]
    while waiting:
        for source in backward[waiting.pop()]:
            if source not in assigned:
                assigned.add(source)
                knot.add(source)
                waiting.append(source)
    return knot


def _cycle_through(graph: Graph, first: str, knot: set[str]) -> tuple[str, ...]:
    came_from: dict[str, str] = {}
    waiting = deque([first])
    while waiting:
        one = waiting.popleft()
        for edge in graph.known_edges(graph.nodes[one]):
            if edge.target == first:
                return _way_back(one, first, came_from)
            if edge.target in knot and edge.target not in came_from:
                came_from[edge.target] = one
                waiting.append(edge.target)
    return ()


def _way_back(last: str, first: str, came_from: dict[str, str]) -> tuple[str, ...]:
    way = [last]
    while way[-1] != first:
        way.append(came_from[way[-1]])
    return tuple(reversed(way))
