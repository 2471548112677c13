"""Sub-workflows: which a document starts, whether they exist, and that none starts itself."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from engine.definitions.faults import FaultCode, fault
from engine.definitions.outline import Graph, Node, graphs_of
from engine.errors import Fault
from engine.jsonvalue import JsonObject


@dataclass(frozen=True, slots=True)
class Subworkflow:
    """A published workflow, as far as the check of its callers needs it.

    Attributes:
        calls: ids of the workflows that its latest version starts.
        versions: its published versions.
    """

    name: str
    calls: frozenset[str]
    versions: frozenset[str]


def called_workflows(document: JsonObject) -> frozenset[str]:
    """Ids of the workflows that a normalised document starts, loop bodies included."""
    return frozenset(called for _, called in _calls(graphs_of(document)))


def subworkflow_faults(
    graphs: Sequence[Graph], workflow_id: str | None, published: Mapping[str, Subworkflow]
) -> Iterator[Fault]:
    """Every fault of the subprocess steps of a document.

    Args:
        graphs: the document's graphs.
        workflow_id: the workflow that the document belongs to; None while it is being created.
        published: the workflows that it may reach, by id; those not in it do not exist.
    """
    for node, called in _calls(graphs):
        path = node.at("config", "subWorkflowId")
        chain = () if workflow_id is None else _chain_back(called, workflow_id, published)
        if chain:
            names = " → ".join(["this workflow", *(_name(one, published) for one in chain[:-1]), "this workflow"])
            message = f"Step '{node.id}' would start this workflow again: {names}."
            yield fault(FaultCode.SUBWORKFLOW_RECURSION, path, message)
        elif called not in published:
            message = f"Step '{node.id}' starts the workflow {called!r}, but none is published under this id."
            yield fault(FaultCode.SUBWORKFLOW_UNKNOWN, path, message)
        else:
            yield from _version_faults(node, called, published[called])


def _version_faults(node: Node, called: str, subworkflow: Subworkflow) -> Iterator[Fault]:
    version = node.config.get("version")
    if isinstance(version, str) and version not in subworkflow.versions:
        message = (
            f"Step '{node.id}' starts version {version!r} of '{subworkflow.name}' ({called}), which has none such."
        )
        yield fault(FaultCode.SUBWORKFLOW_UNKNOWN_VERSION, node.at("config", "version"), message)


def _calls(graphs: Sequence[Graph]) -> Iterator[tuple[Node, str]]:
    for graph in graphs:
        for node in (*graph.nodes.values(), *graph.repeated):
            called = node.config.get("subWorkflowId")
            if node.type == "subprocess" and isinstance(called, str):
                yield node, called


def _chain_back(start: str, end: str, published: Mapping[str, Subworkflow]) -> tuple[str, ...]:
    """The shortest chain of calls from one workflow to another, both included; empty where there is none."""
    came_from: dict[str, str | None] = {start: None}
    waiting = [start]
    for current in waiting:
        if current == end:
            chain: list[str] = []
            step: str | None = current
            while step is not None:
                chain.append(step)
                step = came_from[step]
            return tuple(reversed(chain))
        following = published[current].calls if current in published else frozenset()
        for called in sorted(following):
            if called not in came_from:
                came_from[called] = current
                waiting.append(called)
    return ()


def _name(identifier: str, published: Mapping[str, Subworkflow]) -> str:
    return f"'{published[identifier].name}'" if identifier in published else identifier
