"""The structural diff: it says everything, in linear time, and classes what it says."""

import json
import time
from collections.abc import Callable
from copy import deepcopy
from pathlib import Path
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from engine.definitions.changes import ChangeClass
from engine.definitions.conditions import same
from engine.definitions.diff import comparable, config_hash, diff
from engine.definitions.hashing import content_hash
from engine.definitions.semver import Bump
from tests.definitions.patching import apply_changes

VALUES = st.none() | st.booleans() | st.integers(0, 2) | st.sampled_from([1.0, "a", [], {}, [1, 2], [{"id": "0"}]])
IDS = st.sampled_from(["a", "b", "0", "1", "x/y", "~"])
SCHEMAS: st.SearchStrategy[Any] = st.recursive(
    st.fixed_dictionaries(
        {},
        optional={
            "type": st.sampled_from(["string", "number", ["string", "null"]]),
            "minimum": st.integers(0, 3),
            "enum": st.lists(st.integers(0, 2), max_size=2),
            "title": st.just("t"),
        },
    ),
    lambda children: st.fixed_dictionaries(
        {},
        optional={
            "properties": st.dictionaries(st.sampled_from(["a", "b", "0"]), children, max_size=2),
            "required": st.lists(st.sampled_from(["a", "b"]), max_size=2),
            "items": children,
            "additionalProperties": st.booleans() | children,
        },
    ),
    max_leaves=4,
)


def steps_of(bodies: st.SearchStrategy[Any], prefix: str = "") -> st.SearchStrategy[Any]:
    ids = IDS.map(lambda one: prefix + one)
    config = st.fixed_dictionaries(
        {},
        optional={
            "timeout": st.integers(1, 3),
            "actionConfig": st.dictionaries(st.sampled_from(["u", "0"]), VALUES, max_size=2),
            "formConfig": st.fixed_dictionaries({"fields": st.lists(st.fixed_dictionaries({"id": IDS}), max_size=2)}),
            "body": bodies,
        },
    )
    connection = st.fixed_dictionaries(
        {"targetStepId": ids},
        optional={
            "label": st.just("l"),
            "condition": st.sampled_from(["success", "failure"]),
            "customCondition": st.fixed_dictionaries({"field": st.sampled_from(["p", "q"])}),
        },
    )
    step: st.SearchStrategy[dict[str, Any]] = st.fixed_dictionaries(
        {"id": ids, "type": st.sampled_from(["action", "human"])},
        optional={
            "name": st.sampled_from(["n", "m"]),
            "config": config,
            "connections": st.lists(connection, max_size=2),
            "position": st.fixed_dictionaries({"x": st.integers(0, 1)}),
            "isEnabled": st.booleans(),
            "join": st.sampled_from(["any", "all"]),
            "retryConfig": st.fixed_dictionaries({"maxRetries": st.integers(0, 1)}),
        },
    )
    return st.lists(step, max_size=4, unique_by=lambda one: str(one["id"]))


TRIGGER: st.SearchStrategy[dict[str, Any]] = st.fixed_dictionaries(
    {"id": IDS, "type": st.just("manual")},
    optional={"config": st.dictionaries(st.sampled_from(["payload", "schedule"]), VALUES, max_size=2)},
)
TRIGGERS = st.lists(TRIGGER, max_size=3, unique_by=lambda one: str(one["id"]))
DOCUMENTS = st.fixed_dictionaries(
    {"name": st.sampled_from(["n", "m"]), "steps": steps_of(steps_of(st.nothing(), "in "))},
    optional={
        "triggers": TRIGGERS,
        "settings": st.dictionaries(st.sampled_from(["timeout", "variables"]), VALUES, max_size=2),
        "inputSchema": SCHEMAS,
        "labels": st.lists(st.sampled_from(["a", "b"]), max_size=2),
        "version": st.just("9.9.9"),
    },
).map(lambda document: with_unique_ids(document))  # noqa: PLW0108 - it is defined below


def with_unique_ids(document: dict[str, Any]) -> dict[str, Any]:
    """The document with the ids of body steps made unique, as in every valid one."""
    for step in document["steps"]:
        for inner in step.get("config", {}).get("body", []):
            inner["id"] = f"{step['id']} {inner['id']}"
    return document


@given(DOCUMENTS, DOCUMENTS)
def test_the_diff_applied_to_one_document_gives_the_other(before: dict[str, Any], after: dict[str, Any]) -> None:
    originals = deepcopy((before, after))

    found = diff(before, after)

    result = apply_changes(before, found.changes)
    assert same(result, comparable(after))
    assert content_hash(result) == content_hash(comparable(after))
    assert (before, after) == originals
    assert (not found.changes) is (content_hash(comparable(before)) == content_hash(comparable(after)))
    assert (found.suggested_bump is None) is (not found.changes)


def shuffled(value: Any, draw: Callable[[st.SearchStrategy[Any]], Any]) -> Any:
    if isinstance(value, dict):
        names = draw(st.permutations(list(value)))
        return {name: shuffled(value[name], draw) for name in names}
    return [shuffled(item, draw) for item in value] if isinstance(value, list) else value


@given(st.data(), DOCUMENTS)
def test_a_document_does_not_differ_from_itself_in_another_order(data: st.DataObject, document: dict[str, Any]) -> None:
    found = diff(document, shuffled(document, data.draw))

    assert (found.changes, found.added, found.removed, found.changed) == ((), (), (), ())
    assert (found.connections_added, found.connections_removed, found.suggested_bump) == ((), (), None)


@given(DOCUMENTS, DOCUMENTS)
def test_each_step_and_connection_is_listed_where_it_belongs(before: dict[str, Any], after: dict[str, Any]) -> None:
    found = diff(before, after)

    old, new = flat(comparable(before)["steps"]), flat(comparable(after)["steps"])
    assert sorted(old.keys() - new.keys()) == sorted(one.step_id for one in found.removed)
    assert sorted(new.keys() - old.keys()) == sorted(one.step_id for one in found.added)
    for one in found.changed:
        assert (one.hash_before, one.hash_after) == (config_hash(old[one.step_id]), config_hash(new[one.step_id]))
    hashed = {key for key in old.keys() & new.keys() if config_hash(old[key]) != config_hash(new[key])}
    assert hashed <= {one.step_id for one in found.changed}


def flat(steps: Any) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for one in steps:
        found[one["id"]] = one
        found.update(flat(one.get("config", {}).get("body", [])))
    return found


def test_names_of_the_contract() -> None:
    before = chain("a", "b", "c")
    after = chain("a", "b", "d")
    after["steps"][0]["config"]["actionConfig"] = {"url": "x"}
    after["steps"][1]["name"] = "renamed"

    answer = diff(before, after).as_json()

    def digest(document: Any, index: int) -> str:
        return config_hash(document["steps"][index])

    assert answer["steps"] == {
        "added": [{"stepId": "d", "configHash": digest(after, 2), "paths": ["/steps/d"]}],
        "removed": [{"stepId": "c", "configHash": digest(before, 2), "paths": ["/steps/c"]}],
        "changed": [
            {
                "stepId": "a",
                "configHash": {"from": digest(before, 0), "to": digest(after, 0)},
                "paths": ["/steps/a/config/actionConfig"],
            }
        ],
    }
    assert answer["connections"] == {
        "added": [{"from": "b", "to": "d", "condition": "success"}],
        "removed": [{"from": "b", "to": "c", "condition": "success"}],
    }
    assert answer["suggestedBump"] == "major"
    assert (answer["triggers"], answer["settings"], answer["inputSchema"]) == ([], [], [])
    changes = answer["changes"]
    assert isinstance(changes, list)
    assert {"path": "/steps/b/name", "before": "b", "after": "renamed", "class": "cosmetic"} in changes
    assert set(answer) == {"steps", "connections", "triggers", "settings", "inputSchema", "changes", "suggestedBump"}


def chain(*ids: str) -> dict[str, Any]:
    return {
        "name": "x",
        "steps": [
            {
                "id": one,
                "name": one,
                "type": "action",
                "config": {"actionType": "noop"},
                "connections": [{"targetStepId": following}] if following else [],
            }
            for one, following in zip(ids, [*ids[1:], ""], strict=True)
        ],
    }


def test_older_and_present_form_of_one_document_do_not_differ() -> None:
    older = json.loads(
        (Path(__file__).parent.parent / "fixtures" / "definitions" / "valid" / "older-loop.json").read_text()
    )

    assert diff(older, comparable(older)).changes == ()


def large(count: int) -> dict[str, Any]:
    document = chain(*(f"step-{index}" for index in range(count)))
    for step in document["steps"]:
        step["config"]["actionConfig"] = {"url": f"https://example.com/{step['id']}", "headers": {"a": "b"}}
        step["position"] = {"x": 1, "y": 2}
        step["retryConfig"] = {"maxRetries": 3, "retryDelay": 100}
    return document


def best_of(rounds: int, before: dict[str, Any], after: dict[str, Any]) -> float:
    times = []
    for _ in range(rounds):
        started = time.process_time()
        diff(before, after)
        times.append(time.process_time() - started)
    return min(times)


def test_two_hundred_steps_take_few_milliseconds_and_more_take_linearly_longer() -> None:
    def changed(count: int, every: int) -> dict[str, Any]:
        document = large(count)
        for step in document["steps"][::every]:
            step["config"]["actionConfig"]["url"] = "https://example.org"
        return document

    assert best_of(5, large(200), changed(200, 10)) < 0.010
    small = best_of(5, large(200), changed(200, 1))
    assert best_of(5, large(2_000), changed(2_000, 1)) < 25 * small


def test_classes_order_bumps() -> None:
    assert [one.bump for one in ChangeClass] == [Bump.MAJOR, Bump.MINOR, Bump.PATCH]
