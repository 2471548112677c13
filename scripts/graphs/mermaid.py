"""A graph as a Mermaid flowchart, as GitHub and most wikis draw it."""

from collections.abc import Iterator
from typing import Final

from engine.definitions.model import StepType
from scripts.graphs.model import Graph, GraphStep
from scripts.graphs.palette import BY_STATUS

_SHAPES: Final = {
    StepType.CONDITION: ("{{", "}}"),
    StepType.HUMAN: ("([", "])"),
    StepType.DELAY: ("((", "))"),
    StepType.WAIT: ("((", "))"),
    StepType.SUBPROCESS: ("[[", "]]"),
}


def mermaid_of(graph: Graph) -> str:
    """The text of a flowchart, from left to right. Step ids do not show up in it: they may hold any character."""
    lines = ["flowchart LR", *_scope(graph, "s", "  ")]
    for status in sorted(graph.statuses()):
        colours = BY_STATUS[status]
        lines.append(f"  classDef {status.value} fill:{colours.fill},stroke:{colours.border},color:#1f2430")
    return "\n".join(lines) + "\n"


def _scope(graph: Graph, prefix: str, indent: str) -> Iterator[str]:
    names = {step.id: f"{prefix}{number}" for number, step in enumerate(graph.steps)}
    for step in graph.steps:
        yield from _step(step, names[step.id], indent)
    for edge in graph.edges:
        arrow = f'-->|"{_quoted(edge.label)}"|' if edge.label else "-->"
        yield f"{indent}{names[edge.source]} {arrow} {names[edge.target]}"


def _step(step: GraphStep, name: str, indent: str) -> Iterator[str]:
    label = _quoted(step.name + (f" ({step.times} times)" if step.times > 1 else ""))
    if step.body is None:
        opening, closing = _SHAPES.get(step.type, ("[", "]"))
        yield f'{indent}{name}{opening}"{label}"{closing}'
    else:
        yield f'{indent}subgraph {name}["{label}"]'
        yield from _scope(step.body, f"{name}_", indent + "  ")
        yield f"{indent}end"
    if step.status is not None:
        yield f"{indent}class {name} {step.status.value}"


def _quoted(text: str) -> str:
    return text.replace("#", "#35;").replace('"', "#quot;").replace("<", "#lt;").replace("\n", " ")
