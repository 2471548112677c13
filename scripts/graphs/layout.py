"""Where steps and connections stand: columns from left to right, each step behind all that lead to it.

A connection over several columns holds a lane in each of them, so that it passes no step.
"""

from dataclasses import dataclass
from itertools import pairwise
from typing import Final

from scripts.graphs.model import Graph, GraphEdge, GraphStep

STEP_WIDTH: Final = 190
STEP_HEIGHT: Final = 56
LOOP_TITLE: Final = 34
LOOP_PADDING: Final = 18
_COLUMN_GAP: Final = 84
_ROW_GAP: Final = 26
_LANE: Final = 12
_SWEEPS: Final = 4


@dataclass(frozen=True, slots=True)
class Box:
    """A placed step, in pixels from the top left of its graph; `inner` of a loop from the top left of its body."""

    step: GraphStep
    x: float
    y: float
    width: float
    height: float
    inner: "Layout | None"


@dataclass(frozen=True, slots=True)
class Line:
    """A placed connection: the points that it passes."""

    edge: GraphEdge
    points: tuple[tuple[float, float], ...]


@dataclass(frozen=True, slots=True)
class Layout:
    """A placed graph."""

    boxes: tuple[Box, ...]
    lines: tuple[Line, ...]
    width: float
    height: float


@dataclass(slots=True, eq=False)
class _Slot:
    """A step's place, or the lane of a connection that passes its column, which is `room` wide."""

    column: int
    width: float
    height: float
    step: GraphStep | None = None
    inner: Layout | None = None
    x: float = 0.0
    y: float = 0.0
    room: float = 0.0
    rank: float = 0.0

    @property
    def middle(self) -> float:
        return self.y + self.height / 2


Chain = tuple[GraphEdge, list[_Slot]]


def place(graph: Graph) -> Layout:
    """Layout of a graph without cycles."""
    columns = _columns(graph)
    slots = {step.id: _slot(step, columns[step.id]) for step in graph.steps}
    chains = [_chain(edge, slots) for edge in graph.edges]
    table: list[list[_Slot]] = [[] for _ in range(max(columns.values(), default=-1) + 1)]
    for slot in [*slots.values(), *(lane for _, chain in chains for lane in chain[1:-1])]:
        table[slot.column].append(slot)
    _order(table, chains)
    width, height = _settle(table)
    boxes = tuple(Box(step, s.x, s.y, s.width, s.height, s.inner) for step in graph.steps for s in (slots[step.id],))
    lines = tuple(Line(edge, _points(chain)) for edge, chain in chains)
    return Layout(boxes, lines, width, height)


def _columns(graph: Graph) -> dict[str, int]:
    columns = {step.id: 0 for step in graph.steps}
    for _ in graph.steps:
        moved = False
        for edge in graph.edges:
            if columns[edge.target] <= columns[edge.source]:
                columns[edge.target] = columns[edge.source] + 1
                moved = True
        if not moved:
            break
    return columns


def _slot(step: GraphStep, column: int) -> _Slot:
    if step.body is None:
        return _Slot(column, STEP_WIDTH, STEP_HEIGHT, step)
    inner = place(step.body)
    width = max(inner.width + 2 * LOOP_PADDING, STEP_WIDTH)
    return _Slot(column, width, inner.height + LOOP_TITLE + LOOP_PADDING, step, inner)


def _chain(edge: GraphEdge, slots: dict[str, _Slot]) -> Chain:
    source, target = slots[edge.source], slots[edge.target]
    lanes = [_Slot(column, 0, _LANE) for column in range(source.column + 1, target.column)]
    return edge, [source, *lanes, target]


def _order(table: list[list[_Slot]], chains: list[Chain]) -> None:
    """Stand each slot near the middle of its neighbours, forwards and backwards a few times."""
    before: dict[_Slot, list[_Slot]] = {}
    after: dict[_Slot, list[_Slot]] = {}
    for _, chain in chains:
        for left, right in pairwise(chain):
            before.setdefault(right, []).append(left)
            after.setdefault(left, []).append(right)
    for column in table:
        _rank(column)
    for _ in range(_SWEEPS):
        for neighbours, ordered in ((before, table), (after, table[::-1])):
            for column in ordered:
                column.sort(key=lambda slot: _wish(slot, neighbours.get(slot, [])))
                _rank(column)


def _rank(column: list[_Slot]) -> None:
    for number, slot in enumerate(column):
        slot.rank = number - (len(column) - 1) / 2


def _wish(slot: _Slot, neighbours: list[_Slot]) -> float:
    return sum(one.rank for one in neighbours) / len(neighbours) if neighbours else slot.rank


def _settle(table: list[list[_Slot]]) -> tuple[float, float]:
    heights = [sum(slot.height for slot in column) + _ROW_GAP * (len(column) - 1) for column in table]
    height = max(heights, default=0.0)
    x = 0.0
    for column, taken in zip(table, heights, strict=True):
        width = max(slot.width for slot in column)
        y = (height - taken) / 2
        for slot in column:
            slot.x, slot.y, slot.room = x, y, width
            y += slot.height + _ROW_GAP
        x += width + _COLUMN_GAP
    return max(x - _COLUMN_GAP, 0.0), height


def _points(chain: list[_Slot]) -> tuple[tuple[float, float], ...]:
    first, *lanes, last = chain
    points = [(first.x + first.width, first.middle)]
    if first.room > first.width:
        points.append((first.x + first.room, first.middle))
    for lane in lanes:
        points += [(lane.x, lane.middle), (lane.x + lane.room, lane.middle)]
    return (*points, (last.x, last.middle))
