"""Whether an event is meant for a listener: types are compared in SQL, conditions and correlations here."""

from collections.abc import Mapping

from engine.definitions.conditions import evaluate, parse_condition, same
from engine.definitions.paths import MISSING, PathError, lookup, parse_path
from engine.jsonvalue import Json, JsonObject


def fires(config: JsonObject, payload: Json) -> bool:
    """Whether a trigger's condition holds over a payload; one without a condition always fires.

    Paths start at `triggerData` or `payload`, which are the payload, or at a member of the payload itself.
    """
    condition = config.get("condition")
    if not isinstance(condition, dict):
        return True
    members = payload if isinstance(payload, dict) else {}
    return evaluate(parse_condition(condition), {"payload": payload, **members, "triggerData": payload})


def correlates(correlation: Mapping[str, Json], payload: Json) -> bool:
    """Whether the payload holds every value that a wait step waits for; nothing to compare means any event."""
    members = payload if isinstance(payload, dict) else {}
    for path, value in correlation.items():
        try:
            found = lookup(parse_path(path), members)
        except PathError:
            return False
        if found is MISSING or not same(found, value):
            return False
    return True


def trigger_data_of(config: JsonObject, payload: Json) -> Json:
    """What an execution starts with: the event's payload over the trigger's own."""
    beneath = config.get("payload")
    if isinstance(payload, dict) and isinstance(beneath, dict):
        return {**beneath, **payload}
    return beneath if payload is None and beneath is not None else payload
