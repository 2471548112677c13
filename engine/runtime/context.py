"""The context of an execution: what templates, mappings and conditions look into (docs/concepts.md).

The context of the outermost scope is one live object, brought up to date by each finished step, so that looking costs
the same at step 1,000 as at step 1. An iteration gets its own at its first look; what it sees of the outside stays so.
Context keys that `outputMappings` set inside a loop are seen in their iteration only.
"""

from engine.definitions.interpolation import resolve
from engine.definitions.paths import MISSING, lookup
from engine.jsonvalue import Json, JsonObject
from engine.runtime.plan import Node, Plan
from engine.runtime.state import ExecutionState, ScopeState, StepState
from engine.runtime.states import StepStatus
from engine.runtime.transitions import Failure

ROOTS = frozenset({"triggerData", "variables", "steps", "execution"})
ITERATION_ROOTS = ROOTS | {"item", "index", "loopItem", "loopIndex"}


def root_context(plan: Plan, state: ExecutionState, outputs: JsonObject) -> JsonObject:
    """Context before the first step; `outputs` becomes its live member `steps`."""
    header = state.header
    context: JsonObject = dict(plan.variables)
    if isinstance(header.trigger_data, dict):
        context.update(header.trigger_data)
    context["triggerData"] = header.trigger_data
    context["variables"] = plan.variables
    context["steps"] = outputs
    context["execution"] = {
        "id": state.id_text,
        "workflowId": str(header.workflow_id),
        "version": header.version,
        "startedBy": header.started_by,
    }
    return context


def context_in(scope: ScopeState) -> JsonObject:
    """Context as the steps of a scope see it: live, to be read and not kept or changed."""
    if scope.context is None:
        scope.context = _iteration_context(scope)
    return scope.context


def mapped_input(step: StepState) -> JsonObject | None:
    """What `inputMappings` choose; None without any: the step gets all of the context, which is not written down.

    Raises:
        MissingPathError: nothing stands at one of the paths.
    """
    mappings = step.node.input_mappings
    if mappings is None:
        return None
    context = context_in(step.scope)
    return {name: resolve(path, context) for name, path in mappings}


def context_for(step: StepState) -> JsonObject:
    """Context as the config of one step sees it: the names of its `inputMappings` are found at the top level too.

    They hide older names, never a root. To be read and not kept or changed. Raises as `mapped_input`.
    """
    context, given = context_in(step.scope), mapped_input(step)
    if not given:
        return context
    reserved = _reserved_in(step.scope)
    return {**context, **{name: value for name, value in given.items() if name not in reserved}}


def _reserved_in(scope: ScopeState) -> frozenset[str]:
    return ROOTS if scope.owner is None else ITERATION_ROOTS


def _iteration_context(scope: ScopeState) -> JsonObject:
    parent, owner = scope.parent, scope.owner
    if parent is None or owner is None or owner.loop is None:
        raise RuntimeError("Only an iteration of a loop makes its context late.")
    outer = context_in(parent)
    item = owner.loop.items[scope.index]
    outputs: JsonObject = {**parent.outputs, **scope.outputs}
    scope.outputs = outputs
    return {
        **outer,
        **scope.mapped,
        "steps": outputs,
        "item": item,
        "index": scope.index,
        "loopItem": item,
        "loopIndex": scope.index,
    }


def publish(scope: ScopeState, node: Node, status: StepStatus, output: Json, failure: Failure | None) -> None:
    """Show a finished step in the context of its scope; showing it twice changes nothing."""
    shown: JsonObject = {"status": status.value}
    if status is StepStatus.COMPLETED:
        shown["output"] = output
        if node.output_mappings:
            _map_output(scope, node, output)
    elif failure is not None:
        shown["error"] = {"code": failure.code, "message": failure.message}
    scope.outputs[node.step_id] = shown


def _map_output(scope: ScopeState, node: Node, output: Json) -> None:
    reserved = _reserved_in(scope)
    for name, path in node.output_mappings:
        # A path that the output does not have leaves the key unset: who needs it fails and says so.
        found = lookup(path, output) if isinstance(output, dict | list) else MISSING  # type: ignore[arg-type]  # or list
        if found is MISSING or name in reserved:
            continue
        scope.mapped[name] = found
        if scope.context is not None:
            scope.context[name] = found
