"""What the sample changes in the template's document."""

from copy import deepcopy

from engine.jsonvalue import JsonObject


def without_people(draft: JsonObject) -> JsonObject:
    """The draft with its steps for people switched off: they are passed through, and what follows them runs."""
    changed = deepcopy(draft)
    steps = changed.get("steps")
    for step in steps if isinstance(steps, list) else ():
        if isinstance(step, dict) and step.get("type") == "human":
            step["isEnabled"] = False
    return changed
