"""What a document is made of, as policy sees it: kinds of steps, actions, connections, their number.

Policy is asked before a document is checked, so it is taken as it comes: what is not in its place does not count.
"""

from collections.abc import Iterator

from engine.jsonvalue import Json, JsonObject
from engine.services.requests import Unreadable

LISTED = 200
"""Names of one kind that policy is told, at most; a longer list says so by its length."""


def contents_of(document: Json | Unreadable) -> JsonObject:
    """Facts of a document; steps inside of loops count like any. One that cannot be read has none."""
    step_types: set[str] = set()
    actions: set[str] = set()
    connections: set[str] = set()
    count = 0
    for step in _steps(document):
        count += 1
        config = _object(step.get("config"))
        _note(step_types, step.get("type"))
        if step.get("type") == "action":
            _note(actions, config.get("actionType"))
        _note(connections, _object(config.get("actionConfig")).get("connection"))
    return {
        "stepTypes": _listed(step_types),
        "actionTypes": _listed(actions),
        "connections": _listed(connections),
        "stepCount": count,
    }


def claims_of(document: Json | Unreadable) -> JsonObject:
    """Where a new document says that it belongs: with nothing stored yet, this is all there is."""
    claimed = _object(document)
    facts: JsonObject = {
        name: value for name in ("classification", "environment") if isinstance(value := claimed.get(name), str)
    }
    labels = claimed.get("labels")
    if isinstance(labels, list):
        named: list[Json] = [label for label in labels if isinstance(label, str)]
        facts["labels"] = named[:LISTED]
    return {**facts, **contents_of(document)}


def _steps(document: Json | Unreadable) -> Iterator[JsonObject]:
    pending: list[Json] = [_object(document).get("steps")]
    while pending:
        steps = pending.pop()
        for step in steps if isinstance(steps, list) else ():
            if isinstance(step, dict):
                yield step
                pending.append(_object(step.get("config")).get("body"))


def _object(value: Json | Unreadable) -> JsonObject:
    return value if isinstance(value, dict) else {}


def _note(names: set[str], name: Json) -> None:
    if isinstance(name, str):
        names.add(name)


def _listed(names: set[str]) -> list[Json]:
    return [*sorted(names)[:LISTED]]
