"""Hostile JSON text ends in a fault or in `MalformedRequest`, in bounded time."""

import json
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.definitions.catalogue import ActionCatalogue
from engine.definitions.checking import check
from engine.definitions.limits import MAX_DEPTH, MAX_ITEMS, survey
from engine.definitions.reading import read_document, read_payload
from engine.errors import MalformedRequest, ValidationFailed
from engine.jsonvalue import Json

TEXT = st.text(st.characters(codec="utf-8", exclude_characters="\0"))
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53) + 1, 2**53 - 1) | st.floats(-1e15, 1e15) | TEXT,
    lambda children: st.lists(children) | st.dictionaries(TEXT, children),
    max_leaves=30,
)


def codes_of(text: bytes) -> list[tuple[str, str]]:
    with pytest.raises(ValidationFailed) as refused:
        read_document(text)
    return [(fault.code, fault.path) for fault in refused.value.faults]


@given(value=VALUES, ascii_only=st.booleans(), indent=st.sampled_from([None, 2]))
def test_ordinary_json_reads_as_the_standard_library_reads_it(
    value: Json, indent: int | None, *, ascii_only: bool
) -> None:
    text = json.dumps(value, ensure_ascii=ascii_only, indent=indent)

    assert read_document(text.encode()) == json.loads(text)


@pytest.mark.parametrize(
    ("text", "code", "path"),
    [
        (b"[" * 10_000 + b"]" * 10_000, "document.too_deep", ""),
        (b'{"a":' * 10_000 + b"1" + b"}" * 10_000, "document.too_deep", ""),
        (b"[" + b"1," * 999_999 + b"1]", "document.too_large", ""),
        (b'{"steps":[' + b"{}," * 999_999 + b"{}]}", "document.too_large", "/steps"),
        (b'{"a":{"b":1,"c":[{"d":1,"d":2}],"b":2}}', "document.duplicate_member", "/a/c/0/d"),
        (b'{"a/b":{"x~":1,"\\u0078~":2}}', "document.duplicate_member", "/a~1b/x~0"),
        (b'["\\ud83d"]', "document.lone_surrogate", "/0"),
        (b'["\\udc00 and more"]', "document.lone_surrogate", "/0"),
        (b'["a\\u0000b"]', "document.nul_character", "/0"),
        (b'{"a\\u0000b":1}', "document.nul_character", "/a\0b"),
        (b"[9007199254740992]", "document.number_out_of_range", "/0"),
        (b"[-9007199254740992.0]", "document.number_out_of_range", "/0"),
        (b"[1e300]", "document.number_out_of_range", "/0"),
        (b"[1e400]", "document.number_out_of_range", "/0"),
        (b"[123456789012345678901234567890]", "document.number_out_of_range", "/0"),
    ],
)
def test_hostile_json_is_a_fault_at_its_place_and_fast(text: bytes, code: str, path: str) -> None:
    started = time.process_time()

    assert (code, path) in codes_of(text)

    assert time.process_time() - started < 1


def test_all_faults_of_a_text_come_at_once() -> None:
    text = b'{"a":1,"a":2,"b":"\\u0000","c":"\\ud800","d":1e99}'

    assert set(codes_of(text)) == {
        ("document.duplicate_member", "/a"),
        ("document.nul_character", "/b"),
        ("document.lone_surrogate", "/c"),
        ("document.number_out_of_range", "/d"),
    }


@pytest.mark.parametrize(
    "text", [b"", b"{", b"nul", b"NaN", b"[Infinity]", b"\xff", b"\xef\xbb\xbf{}", b"{}{}", b"[01]"]
)
def test_what_is_not_json_is_malformed(text: bytes) -> None:
    with pytest.raises(MalformedRequest, match="not JSON"):
        read_document(text)


@pytest.mark.parametrize("text", [b"[9007199254740993]", b"[-9223372036854775808, 18446744073709551615]", b"[1e300]"])
def test_payloads_keep_integers_of_64_bits_and_doubles_as_they_came(text: bytes) -> None:
    assert read_payload(text) == json.loads(text)
    assert json.dumps(read_payload(text)) == json.dumps(json.loads(text))


@pytest.mark.parametrize(
    "text", [b"[18446744073709551616]", b"[-9223372036854775809]", b"[1e400]", b"[%s]" % (b"9" * 30)]
)
def test_payloads_hold_no_number_that_would_be_rounded(text: bytes) -> None:
    with pytest.raises(ValidationFailed) as refused:
        read_payload(text)
    assert [(one.code, one.path) for one in refused.value.faults] == [("document.number_out_of_range", "/0")]


def test_payloads_have_all_other_limits_of_documents() -> None:
    with pytest.raises(ValidationFailed) as refused:
        read_payload(b'{"n": 9007199254740993, "a": 1, "a": 2, "nul": "\\u0000"}')
    assert {one.code for one in refused.value.faults} == {"document.duplicate_member", "document.nul_character"}
    with pytest.raises(MalformedRequest):
        read_payload(b"[%s]" % (b"9" * 5_000))


def test_the_largest_safe_numbers_and_depth_and_length_are_accepted() -> None:
    nested: Json = 2**53 - 1
    for _ in range(MAX_DEPTH):
        nested = [nested]

    assert survey(nested).faults == ()
    assert survey([-(2**53) + 1] * MAX_ITEMS).faults == ()
    assert survey([nested]).faults[0].code == "document.too_deep"


def test_values_that_never_were_text_are_surveyed_too(catalogue: ActionCatalogue) -> None:
    document: Json = {"name": "\ud800", "steps": [{"id": "a\0", "type": "parallel"}], "description": float("nan")}

    codes = {fault.code for fault in check(document, catalogue).faults}

    assert {"document.lone_surrogate", "document.nul_character", "document.number_out_of_range"} <= codes


def test_the_quick_survey_does_not_overlook_what_the_walk_finds() -> None:
    suspicious: list[Json] = ["\\u0000", "e5:[1e5", "}}}}{{{{", '"', "null", "1234567890123456789"]

    assert survey(suspicious).faults == ()
    assert survey([*suspicious, 2**53]).faults[0].path == "/6"
    assert survey([*suspicious, float("inf")]).faults[0].path == "/6"


def test_a_step_nested_to_the_limit_is_checked_without_overflowing(catalogue: ActionCatalogue) -> None:
    step: Json = {"id": "leaf", "type": "action", "config": {"actionType": "nope"}}
    for level in range(15):
        step = {"id": f"l{level}", "type": "loop", "config": {"iterateOver": "item", "body": [step], "timeout": "x"}}

    faults = check({"name": "x", "steps": [step]}, catalogue).faults

    assert sum(fault.code == "duration.invalid" for fault in faults) == 15
    assert sum(fault.code == "action.unknown_type" for fault in faults) == 1
