"""The JSON Schema of the document and the project's own keywords."""

import json
from collections.abc import Iterator
from copy import deepcopy
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from engine.definitions.keywords import DURATION, RETRY_BUDGET, FaultMaker, duration_fault, in_words, retry_budget_fault
from engine.definitions.normaliser import normalise
from engine.definitions.schemas import SchemaError, ValueSchema
from engine.definitions.shape import DEFINITION_SCHEMA, shape_faults
from engine.jsonvalue import Json

VALID = sorted((Path(__file__).parent.parent / "fixtures" / "definitions" / "valid").glob("*.json"))
DOCUMENTS = [normalise(json.loads(path.read_text())).document for path in VALID]


def test_the_schema_is_a_schema_of_2020_12() -> None:
    assert DEFINITION_SCHEMA["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    Draft202012Validator.check_schema(DEFINITION_SCHEMA)


def test_a_reader_with_the_schema_alone_accepts_what_older_documents_say_of_errors() -> None:
    document = {"name": "x", "steps": [], "settings": {"errorHandling": "retry"}}
    assert Draft202012Validator(DEFINITION_SCHEMA).is_valid(document)


def schemas_in(value: Json) -> Iterator[dict[str, Any]]:
    if isinstance(value, dict):
        yield value
        for member in value.values():
            yield from schemas_in(member)
    elif isinstance(value, list):
        for item in value:
            yield from schemas_in(item)


def test_readers_without_our_keywords_accept_the_same_durations() -> None:
    durations = [schema for schema in schemas_in(DEFINITION_SCHEMA) if DURATION in schema]

    assert durations
    for schema in durations:
        assert schema["type"] == "integer"
        assert {"minimum": schema["minimum"], "maximum": schema["maximum"]} == {
            name: schema[DURATION][name] for name in ("minimum", "maximum")
        }


@given(st.none() | st.booleans() | st.integers(-10, 200) | st.floats(-10, 200) | st.text())
def test_the_duration_keyword_says_what_the_standard_ones_say(value: Json) -> None:
    limits: dict[str, Json] = {"unit": "ms", "minimum": 1, "maximum": 100}
    standard = Draft202012Validator({"type": "integer", "minimum": 1, "maximum": 100})
    ours = FaultMaker({DURATION: limits, "type": "integer", "minimum": 1, "maximum": 100})

    refused = duration_fault(limits, value) is not None

    assert refused is not standard.is_valid(value)
    assert [error.validator for error in ours.iter_errors(value)] == ([DURATION] if refused else [])


@pytest.mark.parametrize(
    ("retry", "message"),
    [
        ({}, None),
        ({"maxRetries": 3}, "may wait 7 seconds between its attempts"),
        ({"maxRetries": 10, "retryDelay": 100, "maxDelay": 100, "exponentialBackoff": False}, None),
        ({"maxRetries": 11, "retryDelay": 100, "maxDelay": 100}, "may wait 1.1 seconds between its attempts"),
        ({"maxRetries": 11, "retryDelay": 100, "maxDelay": 100, "maxElapsed": 500}, None),
        ({"maxRetries": 4, "retryDelay": 100, "maxDelay": 1000}, "may wait 1.5 seconds between its attempts"),
        ({"retryDelay": 10, "maxDelay": 5}, "has a maxDelay of 5 milliseconds, shorter than its retryDelay"),
        ({"maxRetries": "3", "retryDelay": None}, None),
        (7, None),
    ],
)
def test_the_retry_budget_keyword(retry: Json, message: str | None) -> None:
    limits: dict[str, Json] = {"maximum": 1_000}
    found = retry_budget_fault(limits, retry)

    assert (found is None) if message is None else (found is not None and message in found)
    fault_maker = FaultMaker({RETRY_BUDGET: limits})
    assert fault_maker.is_valid(retry) is (message is None)


@pytest.mark.parametrize(
    ("milliseconds", "words"),
    [(0, "0"), (1, "1 millisecond"), (1500, "1.5 seconds"), (60_000, "1 minute"), (86_400_000 * 3, "3 days")],
)
def test_lengths_of_time_in_words(milliseconds: int, words: str) -> None:
    assert in_words(milliseconds) == words


def places_in(value: Json, place: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:
    yield place
    if isinstance(value, dict):
        for name, member in value.items():
            yield from places_in(member, (*place, name))
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from places_in(item, (*place, index))


@given(st.data())
def test_both_validators_agree_on_documents_with_something_wrong(data: st.DataObject) -> None:
    document: Any = deepcopy(data.draw(st.sampled_from(DOCUMENTS)))
    place = data.draw(st.sampled_from(list(places_in(document))[1:]))
    parent = document
    for segment in place[:-1]:
        parent = parent[segment]
    value: Json = data.draw(
        st.none() | st.booleans() | st.integers(-2, 2) | st.text(max_size=3) | st.just({}) | st.just([])
    )
    if isinstance(parent, dict) and data.draw(st.booleans()):
        parent[data.draw(st.sampled_from(["id", "name", "type", "nmae", "timeout"]))] = value
    else:
        parent[place[-1]] = value

    faults = shape_faults(document)

    assert bool(faults) is not FaultMaker(DEFINITION_SCHEMA).is_valid(document)
    assert all("is not accepted here" not in fault.message for fault in faults)


def test_an_unknown_member_is_answered_with_what_was_probably_meant() -> None:
    (fault,) = shape_faults({"name": "x", "steps": [{"id": "a", "type": "parallel", "retryConfg": {}}]})

    assert (fault.code, fault.path) == ("member.unknown", "/steps/0/retryConfg")
    assert fault.message == "Step 'a' has no member called \"retryConfg\"."
    assert fault.hint == "Did you mean `retryConfig`?"


def test_faults_are_bounded() -> None:
    assert len(shape_faults({"name": "x", "steps": [{"id": 1}] * 3_000})) == 1_000


@pytest.mark.parametrize(
    "schema",
    [
        {"$ref": "https://example.com/x"},
        {"properties": {"a": {"$ref": "file:///etc/passwd"}}},
        {"$dynamicRef": "http://127.0.0.1/x"},
    ],
)
def test_schemas_of_documents_fetch_nothing(schema: dict[str, Json]) -> None:
    with pytest.raises(SchemaError):
        ValueSchema.compile(schema)


@pytest.mark.parametrize("schema", [{"type": 1}, {"pattern": "("}, {"$ref": "#/$defs/gone"}, {"required": "a"}])
def test_what_is_no_schema(schema: dict[str, Json]) -> None:
    with pytest.raises(SchemaError) as refused:
        ValueSchema.compile(schema)
    assert not refused.value.remote


def test_values_are_told_all_their_faults_below_a_place() -> None:
    schema = ValueSchema.compile(
        {"required": ["a"], "properties": {"a": True, "b": {"type": "integer"}}, "additionalProperties": False}
    )

    assert schema.faults({"a": 1, "b": 2}) == ()
    assert sorted((fault.code, fault.path) for fault in schema.faults({"b": "x", "c": 1}, "/triggerData")) == [
        ("member.missing", "/triggerData"),
        ("member.unknown", "/triggerData"),
        ("value.wrong_type", "/triggerData/b"),
    ]


def test_a_pattern_that_would_backtrack_for_ever_answers_at_once() -> None:
    schema = ValueSchema.compile({"type": "string", "pattern": "^(a+)+$"})

    assert schema.faults("a" * 50_000 + "b")[0].code == "value.wrong_format"


def test_the_published_schema_needs_nothing_but_itself() -> None:
    jsonschema_rs.Draft202012Validator(DEFINITION_SCHEMA, offline=True)
