"""Documents that somebody broke: fixtures with values replaced, removed, doubled or added, by a seed."""

import copy
import random
from collections.abc import Iterator, Sequence
from typing import Any

VALUES: tuple[Any, ...] = (
    None, True, False, 0, 1, -1, 1.5, 3, 60_000, 2**53, 40_000_000_000, "", "a", "s", "step", "x" * 201, "ü€𝄞", "a/b",
    [], {}, [None], ["a"], ["a", "a"], [1, 2], {"a": 1}, {"field": "a"}, {"field": "a", "operator": "eq", "value": 1},
    {"field": "steps.a.output", "operator": "in", "value": []}, {"children": []},
    {"children": [{"field": "{{ a.b }}"}]},
    "{{triggerData.x}}", "{{steps.a.output.b}}", "{{steps.nobody.output}}", "{{ }}", "{{a", "\\{{a}}", "a..b",
    "items[0]",
    "* * * * *", "0 0 31 2 *", "0 0 * * 5L", "0 0 LW * *", "0 0 29 2 1#5", "@daily", "MON", "*/7 1-5,9 L 2 *",
    "0 0 30 2 MON",
    "Europe/Berlin", "europe/berlin", "UTC", "Mars/Base", "1.0.0", "1.0", "success", "failure", "always", "custom",
    "all",
    "any", "action", "loop", "wait", "human", "delay", "condition", "parallel", "subprocess", "done", "retry",
    "noop", "api",
    "webhook", "schedule", "event", "a b", "/hook/", {"targetStepId": "a"}, {"targetStepId": "a", "label": "done"},
    {"targetStepId": "b", "condition": "failure"}, {"id": "a", "type": "parallel"},
    {"id": "b", "type": "loop", "config": {}},
    {"maxRetries": 9, "retryDelay": 9_000}, {"retryDelay": 90_000, "maxDelay": 1},
    {"maxRetries": 1_000, "maxDelay": 10**9},
    {"type": "strin"}, {"minimum": "1"}, {"$ref": "#/$defs/x"}, {"$ref": "http://x/y"}, {"pattern": "(?=a)"},
    {"required": 5},
    {"properties": {"a": {"type": "integer"}}, "$defs": {"b": {"$ref": "#/properties/a"}}},
    {"fields": [{"name": "x", "schema": {"type": 5}}]},
)  # fmt: skip
NAMES = (
    "id", "type", "name", "config", "connections", "join", "isEnabled", "retryConfig", "timeout", "settings",
    "triggers",
    "steps", "condition", "iterateOver", "body", "actionType", "actionConfig", "probe", "inputMappings",
    "outputMappings",
    "correlation", "eventType", "signal", "delayMs", "until", "formConfig", "sla", "escalation", "approvals", "label",
    "customCondition", "targetStepId", "subWorkflowId", "version", "inputSchema", "labels", "schedule", "timezone",
    "webhookPath", "errorHandling", "variables", "maxRetries", "maxDelay", "retryDelay", "maxElapsed", "operator",
    "value",
    "children", "field", "happened", "surprise", "constructor", "a/b~c",
)  # fmt: skip
"""Members that are set where they were not."""


def mutants(documents: Sequence[Any], count: int, seed: int) -> Iterator[Any]:
    """Broken copies of documents, each by one to four changes; the same for the same seed."""
    draw = random.Random(seed)  # noqa: S311 - a test draws
    for _ in range(count):
        document = copy.deepcopy(draw.choice(documents))
        for _ in range(draw.randint(1, 4)):
            _change(document, draw)
        yield document


def _change(document: Any, draw: random.Random) -> None:
    holders = [one for one in _holders(document) if one]
    if not holders:
        return
    holder = draw.choice(holders)
    keys = list(holder) if isinstance(holder, dict) else list(range(len(holder)))
    key = draw.choice(keys)
    match draw.randrange(5):
        case 0:
            del holder[key]
        case 1 if isinstance(holder, list):
            holder.insert(draw.randrange(len(holder) + 1), copy.deepcopy(holder[key]))
        case 2 if isinstance(holder, dict):
            holder[draw.choice(NAMES)] = copy.deepcopy(draw.choice(VALUES))
        case 3:
            other = draw.choice(holders)
            values = list(other.values()) if isinstance(other, dict) else other
            holder[key] = copy.deepcopy(draw.choice(values))
        case _:
            holder[key] = copy.deepcopy(draw.choice(VALUES))


def _holders(value: Any) -> Iterator[Any]:
    if isinstance(value, dict | list):
        yield value
        for one in value.values() if isinstance(value, dict) else value:
            yield from _holders(one)
