"""The plan: a published definition compiled once, so that advancing looks nothing up twice.

A plan is immutable and shared by all executions of a version; the caller keeps it by content hash.
"""

from dataclasses import dataclass, field

from engine.definitions.conditions import Condition
from engine.definitions.interpolation import Constant, Template
from engine.definitions.model import (
    ActionConfig,
    ConnectionCondition,
    Definition,
    Delivery,
    ErrorHandling,
    Join,
    LoopConfig,
    RetryPolicy,
    Step,
    StepConfig,
    StepType,
)
from engine.definitions.paths import Path
from engine.jsonvalue import JsonObject
from engine.runtime.states import StepKey

NO_RETRY = RetryPolicy()
DEFAULT_ATTEMPT_TIMEOUT_MS = 30_000


@dataclass(frozen=True, slots=True)
class Edge:
    """One connection; `custom` is set exactly where its condition is `custom`."""

    target: "Node"
    condition: ConnectionCondition
    custom: Condition | None


@dataclass(slots=True, eq=False)
class Node:
    """One step of the plan. Filled in while compiling, never changed after.

    Attributes:
        path: step ids from the outermost loop inwards, joined by `/`.
        root_key: its only key when it stands outside of loops.
        incoming: number of connections that lead here; 0: an entry step.
        needs: how many of them must have been taken for it to run (0 for an entry step).
        on_success: which of `out` are taken when it completes; custom ones are False here and evaluated.
        on_failure: the same when it fails (or, for a condition, when it is false).
        on_none: all False, for skipped.
        constant_config: the config of an action without templates; shared, nobody may change it.
        intent_detail: detail of every intent of this action; shared.
        limit_ms: what the document says the step may take, all attempts and waits between them included.
        holds_timer: it sets a durable step timer when it starts to wait.
        body: of a loop.
    """

    path: str
    step_id: str
    type: StepType
    config: StepConfig
    scope: "Scope"
    step: Step
    root_key: StepKey
    is_enabled: bool
    retry: RetryPolicy
    limit_ms: int | None
    input_mappings: tuple[tuple[str, Path], ...] | None
    output_mappings: tuple[tuple[str, Path], ...]
    holds_timer: bool
    out: tuple[Edge, ...] = ()
    incoming: int = 0
    needs: int = 0
    has_custom: bool = False
    on_success: tuple[bool, ...] = ()
    on_failure: tuple[bool, ...] = ()
    on_none: tuple[bool, ...] = ()
    constant_config: JsonObject | None = None
    intent_detail: JsonObject | None = None
    body: "Scope | None" = None


@dataclass(slots=True, eq=False)
class Scope:
    """One graph: the steps of the workflow itself, or the body of a loop.

    Attributes:
        owner: the loop step; None for the workflow itself.
    """

    owner: Node | None
    nodes: tuple[Node, ...] = ()
    entries: tuple[Node, ...] = ()
    terminals: tuple[Node, ...] = ()


@dataclass(frozen=True, slots=True)
class Plan:
    """A compiled definition.

    Attributes:
        by_path: every step, those in bodies too.
        variables: `settings.variables`; shared, nobody may change it.
        notifies: somebody is to be told of its start or its end.
        stops_on_failure: an unhandled failure ends the execution; else what depended on it is skipped.
        timeout_ms: of the whole execution.
    """

    root: Scope
    by_path: dict[str, Node]
    variables: JsonObject
    stops_on_failure: bool
    timeout_ms: int | None
    notifies: bool = False
    by_id: dict[str, tuple[Node, ...]] = field(default_factory=dict)


def compile_plan(definition: Definition) -> Plan:
    """Plan of a definition without faults.

    Raises:
        KeyError: a connection names a step that its graph does not have, which validation refuses.
    """
    by_path: dict[str, Node] = {}
    root = _scope(None, "", definition.steps, by_path)
    by_id: dict[str, tuple[Node, ...]] = {}
    for node in by_path.values():
        by_id[node.step_id] = (*by_id.get(node.step_id, ()), node)
    return Plan(
        root=root,
        by_path=by_path,
        variables=definition.settings.variables,
        notifies=any(definition.settings.notifications.get(name) for name in ("onStart", "onComplete", "onError")),
        stops_on_failure=definition.settings.error_handling is not ErrorHandling.CONTINUE,
        timeout_ms=definition.settings.timeout_ms,
        by_id=by_id,
    )


def _scope(owner: Node | None, prefix: str, steps: tuple[Step, ...], by_path: dict[str, Node]) -> Scope:
    scope = Scope(owner)
    nodes = {step.id: _node(scope, prefix, step) for step in steps}
    for step in steps:
        _connect(nodes[step.id], step, nodes)
    for node in nodes.values():
        node.needs = node.incoming if node.step.join is Join.ALL else min(node.incoming, 1)
        by_path[node.path] = node
        if isinstance(node.config, LoopConfig):
            node.body = _scope(node, f"{node.path}/", node.config.body, by_path)
    scope.nodes = tuple(nodes.values())
    scope.entries = tuple(node for node in scope.nodes if node.incoming == 0)
    scope.terminals = tuple(node for node in scope.nodes if not node.out)
    return scope


def _node(scope: Scope, prefix: str, step: Step) -> Node:
    path = f"{prefix}{step.id}"
    node = Node(
        path=path,
        step_id=step.id,
        type=step.type,
        config=step.config,
        scope=scope,
        step=step,
        root_key=StepKey(path),
        is_enabled=step.is_enabled,
        retry=_retry_policy(step),
        limit_ms=step.timeout_ms,
        input_mappings=step.input_mappings,
        output_mappings=step.output_mappings,
        holds_timer=step.timeout_ms is not None and step.type is not StepType.ACTION,
    )
    if isinstance(step.config, ActionConfig):
        node.constant_config = _constant_object(step.config.action_config)
        node.intent_detail = {"delivery": step.config.delivery.value}
    return node


def _retry_policy(step: Step) -> RetryPolicy:
    """The policy that counts: `at_most_once` is never sent twice, whatever the document says beside it."""
    if isinstance(step.config, ActionConfig) and step.config.delivery is Delivery.AT_MOST_ONCE:
        return NO_RETRY
    return step.retry or NO_RETRY


def _constant_object(template: Template) -> JsonObject | None:
    if isinstance(template, Constant) and isinstance(template.value, dict):
        return template.value
    return None


def _connect(node: Node, step: Step, nodes: dict[str, Node]) -> None:
    node.out = tuple(Edge(nodes[c.target], c.condition, c.custom) for c in step.connections)
    for edge in node.out:
        edge.target.incoming += 1
    always = (ConnectionCondition.ALWAYS,)
    conditions = tuple(edge.condition for edge in node.out)
    node.on_success = tuple(c in (ConnectionCondition.SUCCESS, *always) for c in conditions)
    node.on_failure = tuple(c in (ConnectionCondition.FAILURE, *always) for c in conditions)
    node.on_none = (False,) * len(node.out)
    node.has_custom = ConnectionCondition.CUSTOM in conditions
