"""Starting a step: what happens to an instance all of whose incoming connections are decided."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Final
from uuid import UUID

from engine.definitions.conditions import evaluate
from engine.definitions.interpolation import MissingPathError, render, resolve
from engine.definitions.model import (
    ActionConfig,
    ConditionConfig,
    DelayConfig,
    HumanConfig,
    LoopConfig,
    OnInDoubt,
    StepType,
    SubprocessConfig,
    WaitConfig,
)
from engine.jsonvalue import Json, JsonObject
from engine.runtime.children import child_id
from engine.runtime.context import context_for, context_in, mapped_input
from engine.runtime.doubts import fail_in_doubt, hold, is_unknown
from engine.runtime.effects import Await, OpenTask, RunAction, SetTimer, StartChild
from engine.runtime.plan import Node
from engine.runtime.retries import attempt_limit_ms
from engine.runtime.state import ExecutionState, StepState
from engine.runtime.states import StepStatus, TimerKind
from engine.runtime.transitions import Failure
from engine.runtime.turn import Turn


def decide(turn: Turn, step: StepState) -> None:
    """Decide an instance on the agenda: run it, pass it by, or complete a loop whose iterations are done."""
    node = step.node
    if step.status is StepStatus.RUNNING:
        _complete_loop(turn, step)
    elif step.taken < node.needs:
        turn.move(step, StepStatus.SKIPPED, step.attempt)
    elif not node.is_enabled:
        turn.move(step, StepStatus.SKIPPED, step.attempt, detail={"passed": True})
    elif is_unknown(step):
        _begin_unknown(turn, step)
    else:
        begin(turn, step)


def _begin_unknown(turn: Turn, step: StepState) -> None:
    """A retry came to a step that may have been sent before it was cancelled: it is in doubt, not sent again."""
    config = step.node.config
    if isinstance(config, ActionConfig) and not hold(turn, step, config):
        if config.on_in_doubt is OnInDoubt.FAIL:
            fail_in_doubt(turn, step)
        elif config.on_in_doubt is OnInDoubt.RETRY:
            begin(turn, step)


def begin(turn: Turn, step: StepState) -> None:
    """Begin the next attempt of a step. A template or mapping without a value fails it; nothing has started then."""
    try:
        _STARTS[step.node.type](turn, step)
    except MissingPathError as error:
        turn.fail(step, step.attempt + 1, Failure(error.code, str(error), {"path": error.path}))


def _rendered_config(step: StepState, config: ActionConfig) -> JsonObject | None:
    rendered = render(config.action_config, context_for(step))
    return rendered if isinstance(rendered, dict) else None


def _start_action(turn: Turn, step: StepState) -> None:
    node = step.node
    assert isinstance(node.config, ActionConfig)  # noqa: S101 - the type of a step decides the type of its config
    action_config = node.constant_config
    if action_config is None:
        action_config = _rendered_config(step, node.config)
    attempt = step.attempt + 1
    if action_config is None:
        turn.fail(step, attempt, Failure("action.config_invalid", "The config of the action is not an object."))
        return
    limit_ms = attempt_limit_ms(step, turn.now)
    if limit_ms <= 0:
        turn.fail(step, attempt - 1, step_timeout(node))
        return
    given = None if node.input_mappings is None else mapped_input(step)
    turn.move(step, StepStatus.RUNNING, attempt, given=given, detail=node.intent_detail)
    turn.effects.append(
        RunAction(
            step.key,
            step.generation,
            attempt,
            node.config.action_type,
            action_config,
            context_in(step.scope) if given is None else given,
            idempotency_key(turn.state, step),
            node.config.delivery,
            limit_ms,
        )
    )


def idempotency_key(state: ExecutionState, step: StepState) -> str:
    """The key that every attempt of this generation of this instance sends."""
    return f"{state.id_text}:{step.key.path}:{step.key.iteration or '-'}:{step.generation}"


def step_timeout(node: Node) -> Failure:
    """The failure of a step that took longer than its own limit."""
    return Failure("step.timeout", f"The step took longer than its timeout of {node.limit_ms} ms.")


def _start_condition(turn: Turn, step: StepState) -> None:
    assert isinstance(step.node.config, ConditionConfig)  # noqa: S101 - the type of a step decides that of its config
    holds = evaluate(step.node.config.condition, context_for(step))
    turn.complete(step, step.attempt + 1, {"result": holds}, given=mapped_input(step))


def _start_parallel(turn: Turn, step: StepState) -> None:
    turn.complete(step, step.attempt + 1, {}, given=mapped_input(step))


def _start_loop(turn: Turn, step: StepState) -> None:
    config = step.node.config
    assert isinstance(config, LoopConfig)  # noqa: S101 - the type of a step decides the type of its config
    attempt = step.attempt + 1
    if step.loop is not None:
        turn.move(step, StepStatus.RUNNING, attempt, detail={"resumed": True})
        _limit(turn, step)
        return
    items = resolve(config.iterate_over, context_for(step))
    if not isinstance(items, list):
        message = f"{config.iterate_over} is not a list."
        turn.fail(step, attempt, Failure("loop.not_a_list", message))
        return
    if len(items) > config.max_iterations:
        if not config.truncate:
            message = f"There are {len(items)} items, more than the {config.max_iterations} that the loop may take."
            turn.fail(step, attempt, Failure("loop.too_many_items", message, {"items": len(items)}))
            return
        items = items[: config.max_iterations]
    if not config.body:
        results: list[Json] = [None] * len(items)
        turn.complete(step, attempt, {"results": results, "iterations": len(items)})
        return
    turn.move(step, StepStatus.RUNNING, attempt, given=list(items))
    _limit(turn, step)


def _complete_loop(turn: Turn, step: StepState) -> None:
    results = step.loop.results if step.loop is not None else []
    turn.drop_step_timer(step)
    turn.complete(step, step.attempt, {"results": list(results), "iterations": len(results)})


def _start_delay(turn: Turn, step: StepState) -> None:
    config = step.node.config
    assert isinstance(config, DelayConfig)  # noqa: S101 - the type of a step decides the type of its config
    attempt = step.attempt + 1
    due_at = turn.now + timedelta(milliseconds=config.delay_ms or 0)
    if config.until is not None:
        until = render(config.until, context_for(step))
        parsed = _instant(until)
        if parsed is None:
            turn.fail(step, attempt, Failure("delay.until_invalid", f"{until!r} is not an RFC 3339 instant."))
            return
        due_at = parsed
    given = mapped_input(step)
    if due_at <= turn.now:
        turn.complete(step, attempt, {}, given=given)
        return
    turn.move(step, StepStatus.WAITING, attempt, given=given, detail={"dueAt": due_at.isoformat()})
    turn.effects.append(SetTimer(step.key, TimerKind.DELAY, step.generation, attempt, due_at))
    _limit(turn, step)


def _instant(value: Json) -> datetime | None:
    if not isinstance(value, str):
        return None
    try:
        parsed = datetime.fromisoformat(value)
    except ValueError:
        return None
    return parsed.replace(tzinfo=UTC) if parsed.tzinfo is None else parsed


def _start_wait(turn: Turn, step: StepState) -> None:
    config = step.node.config
    assert isinstance(config, WaitConfig)  # noqa: S101 - the type of a step decides the type of its config
    attempt = step.attempt + 1
    given = mapped_input(step)
    if config.signal is not None:
        kept = turn.state.signals.get(config.signal)
        if kept:
            detail: JsonObject = {"signal": config.signal, "signalId": kept[0].id}
            turn.complete(step, attempt, kept[0].payload, given=given, detail=detail)
            return
        turn.move(step, StepStatus.WAITING, attempt, given=given, detail={"signal": config.signal})
    elif config.event_type is not None:
        context = context_for(step)
        correlation: JsonObject = {str(inside): resolve(outside, context) for inside, outside in config.correlation}
        detail = {"eventType": config.event_type, "correlation": correlation}
        turn.move(step, StepStatus.WAITING, attempt, given=given, detail=detail)
        turn.effects.append(Await(step.key, step.generation, config.event_type, correlation))
    _limit(turn, step)


def _start_human(turn: Turn, step: StepState) -> None:
    assert isinstance(step.node.config, HumanConfig)  # noqa: S101 - the type of a step decides that of its config
    context = context_in(step.scope)
    task = render(step.node.config.task, context_for(step))
    given = mapped_input(step)
    turn.move(step, StepStatus.WAITING, step.attempt + 1, given=given, detail={"task": True})
    config: JsonObject = {"title": step.node.step.name, **(task if isinstance(task, dict) else {})}
    turn.effects.append(OpenTask(step.key, step.generation, config, snapshot(context) if given is None else given))
    _limit(turn, step)


def _start_subprocess(turn: Turn, step: StepState) -> None:
    config = step.node.config
    assert isinstance(config, SubprocessConfig)  # noqa: S101 - the type of a step decides the type of its config
    attempt = step.attempt + 1
    workflow_id = _uuid(config.workflow_id)
    if workflow_id is None:
        turn.fail(step, attempt, Failure("subprocess.unknown", f"{config.workflow_id!r} is not the id of a workflow."))
        return
    given = mapped_input(step)
    child = child_id(turn.state.header.id, step.key, step.generation, attempt, turn.now)
    first = step.started_at is None
    turn.move(step, StepStatus.WAITING, attempt, given=given, detail={"childId": str(child)})
    trigger_data = snapshot(context_in(step.scope)) if given is None else given
    turn.effects.append(StartChild(step.key, step.generation, child, workflow_id, config.version, trigger_data))
    if first:
        _limit(turn, step)


def _uuid(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None


def snapshot(context: JsonObject) -> JsonObject:
    """Copy of a context that later steps do not change (values are shared, they never change)."""
    steps = context["steps"]
    return {**context, "steps": dict(steps) if isinstance(steps, dict) else steps}


def _limit(turn: Turn, step: StepState) -> None:
    """Set the durable timer of a step that waits under a time limit."""
    if step.node.holds_timer and step.node.limit_ms is not None:
        due_at = turn.now + timedelta(milliseconds=step.node.limit_ms)
        turn.effects.append(SetTimer(step.key, TimerKind.STEP_TIMEOUT, step.generation, step.attempt, due_at))


_STARTS: Final[dict[StepType, Callable[[Turn, StepState], None]]] = {
    StepType.ACTION: _start_action,
    StepType.CONDITION: _start_condition,
    StepType.LOOP: _start_loop,
    StepType.PARALLEL: _start_parallel,
    StepType.DELAY: _start_delay,
    StepType.WAIT: _start_wait,
    StepType.HUMAN: _start_human,
    StepType.SUBPROCESS: _start_subprocess,
}
