"""Attempts in doubt: sent, with an outcome that nobody knows, of a step that is never sent twice."""

from engine.definitions.interpolation import MissingPathError, render
from engine.definitions.model import ActionConfig, Delivery
from engine.jsonvalue import Json, JsonObject
from engine.runtime.context import context_for
from engine.runtime.effects import Probe
from engine.runtime.state import StepState
from engine.runtime.states import StepStatus
from engine.runtime.transitions import Failure
from engine.runtime.turn import Turn

OUTCOME_UNKNOWN = "outcomeUnknown"
"""Member of a detail: the step was cancelled while an `at_most_once` attempt of it was out."""


def unknown_outcome(step: StepState) -> JsonObject | None:
    """Detail of the cancellation of a step: says so where what was sent may have had its effect."""
    config = step.node.config
    if not isinstance(config, ActionConfig) or config.delivery is not Delivery.AT_MOST_ONCE:
        return None
    was_sent = step.status in (StepStatus.RUNNING, StepStatus.IN_DOUBT) or is_unknown(step)
    return {OUTCOME_UNKNOWN: True} if was_sent else None


def is_unknown(step: StepState) -> bool:
    """Whether the step was reset after such a cancellation, so that beginning it could send it twice."""
    return step.detail is not None and step.detail.get(OUTCOME_UNKNOWN) is True


def hold(turn: Turn, step: StepState, config: ActionConfig) -> bool:
    """Put a step in doubt and ask its probe. False: it has none (that can be asked), `onInDoubt` decides at once."""
    turn.move(step, StepStatus.IN_DOUBT, step.attempt, detail=step.node.intent_detail)
    return ask_probe(turn, step, config)


def ask_probe(turn: Turn, step: StepState, config: ActionConfig) -> bool:
    """Ask the step's own probe; False where it has none or its config finds nothing in the context."""
    if config.probe is None:
        return False
    try:
        rendered: Json = render(config.probe.action_config, context_for(step))
    except MissingPathError:
        return False
    if not isinstance(rendered, dict):
        return False
    turn.effects.append(Probe(step.key, step.generation, step.attempt, config.probe.action_type, rendered))
    return True


def fail_in_doubt(turn: Turn, step: StepState) -> None:
    """`onInDoubt: fail`."""
    message = "It is unknown whether the attempt had its effect, and it is never sent twice."
    turn.fail(step, step.attempt, Failure("step.in_doubt", message))
