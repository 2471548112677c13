"""The written rules for classes of changes, one by one, and the page that explains them."""

from pathlib import Path
from typing import Any

import pytest

from engine.definitions.changeclasses import RULES
from engine.definitions.diff import diff
from engine.jsonvalue import Json

PAGE = Path(__file__).parent.parent.parent / "docs" / "version-changes.md"
MISSING = "missing"


def with_value(document: dict[str, Any], pointer: str, value: Json) -> dict[str, Any]:
    """A copy with one member set or left out; steps and triggers are lists of one, named by position."""
    head, _, rest = pointer.partition("/")
    child = document.get(head)
    copy = dict(document)
    if not rest:
        if value == MISSING:
            copy.pop(head, None)
        else:
            copy[head] = value
    elif isinstance(child, list):
        copy[head] = [with_value(child[0], rest, value), *child[1:]]
    else:
        copy[head] = with_value(child or {}, rest, value)
    return copy


BASE: dict[str, Any] = {
    "name": "x",
    "steps": [{"id": "a", "type": "action", "config": {"actionType": "noop", "actionConfig": {}}}],
    "triggers": [{"id": "t", "type": "webhook", "config": {}}],
    "settings": {},
}


@pytest.mark.parametrize(
    ("pointer", "before", "after", "expected"),
    [
        ("name", "x", "y", "cosmetic"),
        ("description", MISSING, "y", "cosmetic"),
        ("labels", ["a"], ["b"], "compatible"),
        ("requireSeparatePublisher", MISSING, True, "compatible"),
        ("requireSeparatePublisher", MISSING, False, "cosmetic"),
        ("steps/name", "a", "b", "cosmetic"),
        ("steps/position", {"x": 1, "y": 1}, {"x": 2, "y": 1}, "cosmetic"),
        ("steps/type", "action", "parallel", "breaking"),
        ("steps/isEnabled", MISSING, True, "cosmetic"),
        ("steps/isEnabled", True, False, "breaking"),
        ("steps/isEnabled", False, True, "breaking"),
        ("steps/join", "any", "all", "breaking"),
        ("steps/connections", MISSING, [], "cosmetic"),
        ("steps/retryConfig", MISSING, {"maxRetries": 3}, "compatible"),
        ("steps/retryConfig/maxRetries", 3, 1, "compatible"),
        ("steps/config/actionType", "noop", "api", "breaking"),
        ("steps/config/actionConfig/url", "a", "b", "breaking"),
        ("steps/config/delivery", MISSING, "effectively_once", "cosmetic"),
        ("steps/config/delivery", MISSING, "at_most_once", "breaking"),
        ("steps/config/timeout", 10, 20, "compatible"),
        ("steps/config/timeout", 20, 10, "breaking"),
        ("steps/config/timeout", MISSING, 10, "breaking"),
        ("steps/config/timeout", 10, MISSING, "compatible"),
        ("steps/config/inputMappings", MISSING, {"a": "b"}, "breaking"),
        ("steps/config/inputMappings", {"a": "b"}, {"a": "b", "c": "d"}, "compatible"),
        ("steps/config/inputMappings", {"a": "b"}, {"a": "c"}, "breaking"),
        ("steps/config/inputMappings", {"a": "b"}, {}, "breaking"),
        ("steps/config/outputMappings", MISSING, {"a": "b"}, "compatible"),
        ("steps/config/outputMappings", {"a": "b"}, {"a": "c"}, "breaking"),
        ("steps/config/delayMs", 10, 5, "compatible"),
        ("steps/config/delayMs", 5, 10, "breaking"),
        ("steps/config/maxIterations", 5, 10, "compatible"),
        ("steps/config/maxIterations", 10, 5, "breaking"),
        ("steps/config/condition", {"field": "a"}, {"field": "b"}, "breaking"),
        ("steps/config/assignees", ["a"], ["b"], "compatible"),
        ("steps/config/formConfig", {}, {"title": "x"}, "breaking"),
        ("triggers/isEnabled", True, False, "breaking"),
        ("triggers/isEnabled", False, MISSING, "compatible"),
        ("triggers/config/webhookPath", "a", "b", "breaking"),
        ("triggers/config/schedule", "@daily", "@weekly", "compatible"),
        ("triggers/config/payload", MISSING, {}, "breaking"),
        ("settings/timeout", 20, 10, "breaking"),
        ("settings/timeout", 10, 20, "compatible"),
        ("settings/errorHandling", MISSING, "continue", "breaking"),
        ("settings/errorHandling", MISSING, "stop", "cosmetic"),
        ("settings/variables", {"a": 1}, {"a": 1, "b": 2}, "compatible"),
        ("settings/variables", {"a": 1}, {"a": 2}, "breaking"),
        ("settings/variables", {"a": 1}, {}, "breaking"),
        ("settings/logging", "debug", "minimal", "cosmetic"),
        ("settings/concurrency", 1, 2, "compatible"),
        ("unheardOf", 1, 2, "breaking"),
        ("inputSchema", MISSING, {"type": "object"}, "breaking"),
        ("inputSchema", MISSING, {}, "compatible"),
        ("inputSchema", {"type": "object"}, MISSING, "compatible"),
        ("inputSchema", {"type": "object"}, {"type": "object", "title": "t"}, "cosmetic"),
        ("inputSchema", {"type": "integer"}, {"type": "number"}, "compatible"),
        ("inputSchema", {"type": "number"}, {"type": "integer"}, "breaking"),
        ("inputSchema", {"type": "string"}, {"type": ["string", "null"]}, "compatible"),
        ("inputSchema", {"type": "string"}, {}, "compatible"),
        ("inputSchema", {"required": ["a"]}, {"required": ["a", "b"]}, "breaking"),
        ("inputSchema", {"required": ["a", "b"]}, {"required": ["b"]}, "compatible"),
        ("inputSchema", {"title": "t"}, {"title": "t", "required": []}, "compatible"),
        ("inputSchema", {"enum": [1]}, {"enum": [2, 1]}, "compatible"),
        ("inputSchema", {"enum": [1, 2]}, {"enum": [1]}, "breaking"),
        ("inputSchema", {"minimum": 2}, {"minimum": 1}, "compatible"),
        ("inputSchema", {"minimum": 1}, {"minimum": 2}, "breaking"),
        ("inputSchema", {"maxLength": 2}, {"maxLength": 3}, "compatible"),
        ("inputSchema", {"maxLength": 3}, {"maxLength": 2}, "breaking"),
        ("inputSchema", {"pattern": "a"}, {"pattern": "b"}, "breaking"),
        ("inputSchema", {"properties": {}}, {"properties": {"a": {"type": "string"}}}, "compatible"),
        ("inputSchema", {"properties": {"a": {}}}, {"properties": {}}, "breaking"),
        ("inputSchema", {"properties": {"a": {"minimum": 1}}}, {"properties": {"a": {"minimum": 2}}}, "breaking"),
        ("inputSchema", {"items": {"type": "string"}}, {"items": {}}, "compatible"),
        ("inputSchema", {"title": "t"}, {"title": "t", "additionalProperties": False}, "breaking"),
        ("inputSchema", {"additionalProperties": False}, {"additionalProperties": True}, "compatible"),
    ],
)
def test_class_of_a_change(pointer: str, before: Json, after: Json, expected: str) -> None:
    found = diff(with_value(BASE, pointer, before), with_value(BASE, pointer, after))

    assert {change.change_class.value for change in found.changes} == {expected}


def step(identifier: str, *targets: str, label: str = "") -> dict[str, Any]:
    connections = [{"targetStepId": target, **({"label": label} if label else {})} for target in targets]
    return {"id": identifier, "type": "parallel", "connections": connections}


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        # added behind the last step
        ([step("a")], [step("a", "b"), step("b")], {"compatible"}),
        # added between two steps
        ([step("a", "c"), step("c")], [step("a", "b"), step("b", "c"), step("c")], {"breaking"}),
        # added before, at the beginning of a longer new path
        ([step("c")], [step("a", "b"), step("b", "c"), step("c")], {"breaking"}),
        # added beside, with an end of its own
        ([step("a", "b"), step("b")], [step("a", "b", "n"), step("b"), step("n", "o"), step("o")], {"compatible"}),
        ([step("a", "b"), step("b")], [step("a")], {"breaking"}),
        ([step("a", "b"), step("b")], [step("a"), step("b")], {"breaking"}),
        ([step("a", "b"), step("b")], [step("a", "b", label="x"), step("b")], {"cosmetic"}),
        ([step("a", "b", "c"), step("b"), step("c")], [step("a", "c", "b"), step("c"), step("b")], {"cosmetic"}),
        ([step("b"), step("c")], [step("c"), step("b")], set()),
    ],
)
def test_class_of_a_change_of_the_graph(
    before: list[dict[str, Any]], after: list[dict[str, Any]], expected: set[str]
) -> None:
    documents: list[dict[str, Any]] = [{"name": "x", "steps": steps} for steps in (before, after)]
    in_a_body: list[dict[str, Any]] = [
        {"name": "x", "steps": [{"id": "l", "type": "loop", "config": {"iterateOver": "x", "body": steps}}]}
        for steps in (before, after)
    ]

    for pair in (documents, in_a_body):
        found = diff(*pair).changes
        assert {change.change_class.value for change in found if not change.is_order} == expected
        assert all(change.change_class.value == "cosmetic" for change in found if change.is_order)


def test_triggers_come_and_go() -> None:
    more = {**BASE, "triggers": [*BASE["triggers"], {"id": "u", "type": "manual"}]}

    assert [one.change_class.value for one in diff(BASE, more).changes] == ["compatible"]
    assert [one.change_class.value for one in diff(more, BASE).changes] == ["breaking"]


def test_the_page_names_every_rule() -> None:
    page = PAGE.read_text()

    missing = [rule for rule in RULES if f"`{rule}`" not in page and not rule.endswith("/*")]
    assert missing == []
