"""What the sample changes in the template's document: addresses, and what this version cannot do yet."""

from copy import deepcopy

from engine.jsonvalue import Json, JsonObject


def at_receiver(draft: JsonObject, receiver: str) -> JsonObject:
    """The draft with each HTTP action calling the receiver, and steps for people passed through."""
    changed = deepcopy(draft)
    steps = changed.get("steps")
    for step in steps if isinstance(steps, list) else ():
        if not isinstance(step, dict):
            continue
        if step.get("type") == "human":
            step["isEnabled"] = False
        config = step.get("config")
        if isinstance(config, dict) and config.get("actionType") == "api":
            _point_at(config, f"{receiver}/{step.get('id')}")
    return changed


def _point_at(config: dict[str, Json], url: str) -> None:
    action = config.get("actionConfig")
    if isinstance(action, dict):
        action["url"] = url
        action["method"] = "POST"
