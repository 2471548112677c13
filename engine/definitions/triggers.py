"""Faults between triggers: ids and webhook paths that two of them share."""

from collections.abc import Iterator

from engine.definitions.faults import FaultCode, fault
from engine.definitions.pointers import pointer
from engine.errors import Fault
from engine.jsonvalue import JsonObject


def trigger_faults(document: JsonObject) -> Iterator[Fault]:
    """Every fault between the triggers of a document."""
    triggers = document.get("triggers")
    ids: dict[str, int] = {}
    paths: dict[str, str] = {}
    for index, trigger in enumerate(triggers if isinstance(triggers, list) else ()):
        if not isinstance(trigger, dict):
            continue
        identifier, config = trigger.get("id"), trigger.get("config")
        if isinstance(identifier, str):
            if identifier in ids:
                message = f"The id '{identifier}' belongs to two triggers, at /triggers/{ids[identifier]} and here."
                yield fault(FaultCode.TRIGGER_DUPLICATE_ID, pointer("triggers", index, "id"), message)
            ids.setdefault(identifier, index)
        path = config.get("webhookPath") if isinstance(config, dict) else None
        if trigger.get("type") == "webhook" and isinstance(path, str):
            if path in paths:
                message = f"The triggers '{paths[path]}' and '{identifier}' have the same webhook path '{path}'."
                place = pointer("triggers", index, "config", "webhookPath")
                yield fault(FaultCode.WEBHOOK_DUPLICATE_PATH, place, message)
            paths.setdefault(path, str(identifier))
