"""Older documents come out in the present form, unchanged otherwise, and only once."""

import json
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from engine.definitions.catalogue import ActionCatalogue
from engine.definitions.checking import check
from engine.definitions.normaliser import normalise
from engine.jsonvalue import Json

VALID = Path(__file__).parent.parent / "fixtures" / "definitions" / "valid"
IDS = st.sampled_from(["a", "b", "c", "d", "e"])
CONNECTIONS = st.lists(
    st.fixed_dictionaries({"targetStepId": IDS}, optional={"label": st.just("done")}) | st.none(), max_size=3
)
STEPS = st.lists(
    st.fixed_dictionaries(
        {"id": IDS, "type": st.sampled_from(["loop", "action"]), "config": st.just({})},
        optional={"connections": CONNECTIONS},
    )
    | st.integers(),
    max_size=6,
)


def step(identifier: str, *targets: str, kind: str = "action", done: tuple[str, ...] = ()) -> dict[str, Any]:
    connections = [{"targetStepId": target} for target in targets]
    connections += [{"targetStepId": target, "label": "done"} for target in done]
    config = {"actionType": "noop"} if kind == "action" else {"iterateOver": "triggerData.items"}
    return {"id": identifier, "type": kind, "config": config, "connections": connections}


def normalised(*steps: dict[str, Any], **members: Json) -> dict[str, Any]:
    result = normalise({"name": "x", "steps": list(steps), **members}).document
    assert isinstance(result, dict)
    return result


def shape(steps: list[dict[str, Any]]) -> list[Any]:
    """Ids, connections and bodies alone."""
    return [
        (
            one["id"],
            [connection["targetStepId"] for connection in one.get("connections", [])],
            *([shape(one["config"]["body"])] if "body" in one["config"] else []),
        )
        for one in steps
    ]


def test_direct_targets_are_the_body_until_done() -> None:
    document = normalised(
        step("start", "each"),
        step("each", "charge", kind="loop", done=("report",)),
        step("charge", "book"),
        step("book", "each", done=("tidy",)),
        step("report"),
        step("tidy"),
    )

    assert shape(document["steps"]) == [
        ("start", ["each"]),
        ("each", ["tidy", "report"], [("charge", ["book"]), ("book", [])]),
        ("report", []),
        ("tidy", []),
    ]


def test_several_direct_targets_run_one_after_another() -> None:
    document = normalised(step("each", "a", "c", kind="loop"), step("a", "b"), step("b"), step("c"))

    assert shape(document["steps"]) == [("each", [], [("a", ["b"]), ("b", ["c"]), ("c", [])])]


def test_loops_within_loops() -> None:
    document = normalised(
        step("outer", "inner", kind="loop"),
        step("inner", "cell", kind="loop", done=("row",)),
        step("cell"),
        step("row", done=("end",)),
        step("end"),
    )

    assert shape(document["steps"]) == [
        ("outer", ["end"], [("inner", ["row"], [("cell", [])]), ("row", [])]),
        ("end", []),
    ]


def test_loops_of_the_present_form_stay_as_they_are() -> None:
    loop = {**step("each", "after", kind="loop"), "config": {"iterateOver": "triggerData.x", "body": [step("in")]}}

    assert normalised(loop, step("after"))["steps"] == [loop, step("after")]


def test_retry_as_error_handling_gives_three_retries_to_steps_without_their_own() -> None:
    own = {**step("b"), "retryConfig": {"maxRetries": 1}}
    short = {**step("d"), "config": {"actionType": "noop", "timeout": 500}}
    condition = {"id": "c", "type": "condition", "config": {}}

    document = normalised(step("a"), own, condition, short, settings={"errorHandling": "retry", "timeout": 60_000})

    three: Json = {"maxRetries": 3, "retryDelay": 1000, "exponentialBackoff": True}
    assert document["settings"] == {"errorHandling": "stop", "timeout": 60_000}
    assert [one.get("retryConfig") for one in document["steps"]] == [
        three,
        {"maxRetries": 1},
        None,
        {"maxRetries": 3, "retryDelay": 1000, "exponentialBackoff": True, "maxElapsed": 500},
    ]


@pytest.mark.parametrize("kind", [{}, [], None, 7])
def test_retry_as_error_handling_passes_over_steps_whose_type_is_no_text(kind: Json) -> None:
    document: Json = {"name": "x", "settings": {"errorHandling": "retry"}, "steps": [{"id": "a", "type": kind}]}

    faults = check(document, ActionCatalogue.of()).faults

    assert ("value.not_allowed", "/steps/0/type") in {(one.code, one.path) for one in faults}


def test_smaller_things_of_older_documents() -> None:
    document = normalised(
        {
            "id": "a",
            "type": "loop",
            "config": {
                "iterateOver": "{{ triggerData.items }}",
                "body": [],
                "inputMappings": {"x": "{{a.b}}", "y": "c"},
                "condition": {"children": [{"field": "{{d}}"}]},
            },
        },
        version=7,
        triggers=[{"type": "webhook", "config": {"webhookPath": "/hook/"}}],
    )

    assert document["version"] == "7.0.0"
    assert document["steps"][0]["config"] == {
        "iterateOver": "triggerData.items",
        "body": [],
        "inputMappings": {"x": "a.b", "y": "c"},
        "condition": {"children": [{"field": "d"}]},
    }
    assert document["triggers"][0]["config"]["webhookPath"] == "hook"


def test_faults_point_into_the_document_as_sent(catalogue: ActionCatalogue) -> None:
    document: Json = {
        "name": "x",
        "steps": [
            step("end"),
            step("each", "bad", kind="loop", done=("end",)),
            {**step("bad"), "config": {"actionType": "nope", "timeout": -1}},
        ],
    }

    assert sorted((fault.code, fault.path) for fault in check(document, catalogue).faults) == [
        ("action.unknown_type", "/steps/2/config/actionType"),
        ("duration.invalid", "/steps/2/config/timeout"),
    ]


TWICE_THE_SAME_ID = [
    {"id": "a", "type": "action", "config": {}},
    {"id": "a", "type": "action", "config": {}},
    {"id": "b", "type": "loop", "config": {}, "connections": [{"targetStepId": "a"}]},
]
TWO_OLDER_LOOPS_WITH_THE_SAME_ID = [
    {"id": "a", "type": "loop", "config": {}},
    {"id": "a", "type": "loop", "config": {}, "connections": [{"targetStepId": "a"}]},
    {"id": "b", "type": "loop", "config": {}, "connections": [{"targetStepId": "a"}]},
]
A_LOOP_THAT_LEADS_NOWHERE = [
    {"id": "a", "type": "loop", "config": {}},
    {"id": "b", "type": "action", "config": {}},
    {"id": "c", "type": "loop", "config": {}, "connections": [{"targetStepId": "a"}, {"targetStepId": "b"}]},
]
A_STEP_OF_TWO_LOOPS = [
    {"id": "a", "type": "action", "config": {}},
    {"id": "b", "type": "loop", "config": {}, "connections": [{"targetStepId": "a"}]},
    {"id": "c", "type": "loop", "config": {}, "connections": [{"targetStepId": "b"}, {"targetStepId": "a"}]},
]


@given(STEPS, st.sampled_from([None, "retry", "stop", 3]))
@example(TWICE_THE_SAME_ID, None)
@example(TWO_OLDER_LOOPS_WITH_THE_SAME_ID, None)
@example(A_LOOP_THAT_LEADS_NOWHERE, None)
@example(A_STEP_OF_TWO_LOOPS, None)
def test_normalising_twice_is_normalising_once_and_loses_no_step(steps: list[Any], handling: Json) -> None:
    document: Json = {"steps": steps, "settings": {"errorHandling": handling}, "version": 2}
    before = deepcopy(document)

    once = normalise(document)

    assert document == before
    assert normalise(once.document).document == once.document
    assert isinstance(once.document, dict)
    assert sorted(ids_in(once.document["steps"])) == sorted(ids_in(steps))


def ids_in(steps: Any) -> list[str]:
    found: list[str] = []
    for one in steps:
        if isinstance(one, dict):
            found.append(one["id"])
            found.extend(ids_in(one["config"].get("body", [])))
    return found


@given(STEPS)
@example(TWICE_THE_SAME_ID)
def test_origins_lead_every_step_back_to_where_it_stood(steps: list[Any]) -> None:
    result = normalise({"steps": steps})

    assert isinstance(result.document, dict)
    for pointer, identifier in pointers_in(result.document["steps"], "/steps"):
        original = result.original(pointer)
        assert steps[int(original.split("/")[2])]["id"] == identifier
        assert result.original(f"{pointer}/config/x") == f"{original}/config/x"


def pointers_in(steps: Any, base: str) -> list[tuple[str, str]]:
    found: list[tuple[str, str]] = []
    for index, one in enumerate(steps):
        if isinstance(one, dict):
            found.append((f"{base}/{index}", one["id"]))
            found.extend(pointers_in(one["config"].get("body", []), f"{base}/{index}/config/body"))
    return found


@given(
    st.recursive(
        st.none() | st.integers() | st.text(max_size=3) | st.sampled_from(["loop", "retry", "{{a}}"]),
        lambda children: (
            st.lists(children, max_size=4)
            | st.dictionaries(
                st.sampled_from(["steps", "settings", "errorHandling", "config", "type", "id", "connections", "body"]),
                children,
                max_size=5,
            )
        ),
        max_leaves=25,
    )
)
@example({"settings": 2**64})
def test_no_shape_breaks_the_check(document: Json) -> None:
    normalise(document)
    checked = check(document, ActionCatalogue.of())
    assert checked.definition is None
    assert checked.faults


@pytest.mark.parametrize("name", ["older-loop", "older-nested-loops"])
def test_older_documents_compile(name: str, catalogue: ActionCatalogue) -> None:
    document = json.loads((VALID / f"{name}.json").read_text())

    checked = check(document, catalogue)

    assert checked.faults == ()
    assert check(checked.normalised, catalogue) == checked
