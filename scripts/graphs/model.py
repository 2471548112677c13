"""What is drawn: steps and connections, with the states of an execution where there is one."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from engine.definitions.model import ConnectionCondition, Definition, LoopConfig, Step, StepType
from engine.runtime.states import StepStatus

_GRAVEST: Final = (
    StepStatus.IN_DOUBT,
    StepStatus.FAILED,
    StepStatus.RUNNING,
    StepStatus.WAITING,
    StepStatus.CANCELLED,
    StepStatus.COMPLETED,
    StepStatus.SKIPPED,
    StepStatus.PENDING,
)
"""Which of many iterations shows: what needs a look comes first."""


@dataclass(frozen=True, slots=True)
class GraphStep:
    """One step.

    Attributes:
        status: None where a definition is drawn, not an execution.
        times: iterations that began; 0 outside of loops.
        body: of a loop.
    """

    id: str
    name: str
    type: StepType
    status: StepStatus | None
    times: int = 0
    body: "Graph | None" = None


@dataclass(frozen=True, slots=True)
class GraphEdge:
    """One connection; `label` is empty where it is the ordinary way on."""

    source: str
    target: str
    label: str


@dataclass(frozen=True, slots=True)
class Graph:
    """The steps of a workflow, or of the body of a loop."""

    steps: tuple[GraphStep, ...]
    edges: tuple[GraphEdge, ...]

    def statuses(self) -> frozenset[StepStatus]:
        """All states that occur in it, bodies included."""
        found = {step.status for step in self.steps if step.status is not None}
        return frozenset(found).union(*(step.body.statuses() for step in self.steps if step.body is not None))


@dataclass(frozen=True, slots=True)
class StepMark:
    """Where one step instance of an execution stands."""

    step_id: str
    status: StepStatus


def graph_of(definition: Definition, marks: Iterable[StepMark] | None = None) -> Graph:
    """Graph of a definition; `marks` colour it as an execution, steps without one are pending."""
    if marks is None:
        return _scope(definition.steps, None, is_body=False)
    found: dict[str, list[StepStatus]] = {}
    for mark in marks:
        found.setdefault(mark.step_id, []).append(mark.status)
    return _scope(definition.steps, found, is_body=False)


def _scope(steps: tuple[Step, ...], marks: Mapping[str, list[StepStatus]] | None, *, is_body: bool) -> Graph:
    edges = tuple(
        GraphEdge(step.id, connection.target, connection.label or _label(step.type, connection.condition))
        for step in steps
        for connection in step.connections
    )
    return Graph(tuple(_step(step, marks, is_body=is_body) for step in steps), edges)


def _step(step: Step, marks: Mapping[str, list[StepStatus]] | None, *, is_body: bool) -> GraphStep:
    mine = [] if marks is None else marks.get(step.id, [])
    status = None if marks is None else next((one for one in _GRAVEST if one in mine), StepStatus.PENDING)
    body = _scope(step.config.body, marks, is_body=True) if isinstance(step.config, LoopConfig) else None
    return GraphStep(step.id, step.name or step.id, step.type, status, len(mine) if is_body else 0, body)


def _label(source: StepType, condition: ConnectionCondition) -> str:
    if source is StepType.CONDITION:
        return {ConnectionCondition.SUCCESS: "yes", ConnectionCondition.FAILURE: "no"}.get(condition, condition.value)
    return "" if condition is ConnectionCondition.SUCCESS else condition.value
