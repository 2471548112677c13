"""Paths, conditions and templates."""

import json
import string
from typing import Any

import pytest
import rfc8785
from hypothesis import given
from hypothesis import strategies as st

from engine.definitions.conditions import Operator, evaluate, holds, parse_condition, same
from engine.definitions.interpolation import (
    MissingPathError,
    TemplateError,
    compile_template,
    render,
    scan,
)
from engine.definitions.paths import MISSING, Path, PathError, lookup, parse_path
from engine.jsonvalue import Json

CONTEXT: dict[str, Json] = {
    "triggerData": {"items": [{"name": "a"}, {"name": "b"}], "none": None, "0": "zero", "total": 10, "flag": False},
    "steps": {"step.1": {"output": {"id": 7}}, "fetch": {"output": {"text": "say hi", "list": [1, 1.5, "1", False]}}},
}
NAMES = st.text(string.ascii_letters + string.digits + "_-é ", min_size=1).filter(lambda text: text.strip() == text)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-1000, 1000) | st.floats(-1e3, 1e3) | st.text(),
    lambda children: st.lists(children, max_size=4) | st.dictionaries(st.text(), children, max_size=4),
    max_leaves=12,
)


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("triggerData.items.0.name", "a"),
        (" triggerData.items.1.name ", "b"),
        ("triggerData.none", None),
        ("triggerData.0", "zero"),
        ("steps.step.1.output.id", 7),
        ("triggerData.items.2", MISSING),
        ("triggerData.items.-1", MISSING),
        ("triggerData.items.name", MISSING),
        ("triggerData.items.\u0660", MISSING),
        ("triggerData.total.x", MISSING),
        ("triggerData.none.x", MISSING),
        ("nothing", MISSING),
        ("steps.step.2.output", MISSING),
    ],
)
def test_lookup(path: str, value: Json) -> None:
    assert lookup(parse_path(path), CONTEXT) == value


@pytest.mark.parametrize("text", ["", "  ", ".", "a.", ".a", "a..b", "a[0]", "{a}", "a\n.b", "a\0", "x" * 1001])
def test_what_is_no_path(text: str) -> None:
    with pytest.raises(PathError):
        parse_path(text)


@given(st.lists(NAMES, min_size=1, max_size=6))
def test_a_path_reads_back_as_its_segments_and_finds_what_they_lead_to(segments: list[str]) -> None:
    value: Json = "found"
    for segment in reversed(segments):
        value = {segment: value}

    path = parse_path(".".join(segments))

    assert path == Path(tuple(segments))
    assert parse_path(str(path)) == path
    assert isinstance(value, dict)
    assert lookup(path, value) == "found"


@pytest.mark.parametrize(
    ("found", "operator", "value", "answer"),
    [
        (1, "eq", 1.0, True),
        (False, "eq", 0, False),
        (True, "eq", 1, False),
        ("1", "eq", 1, False),
        (None, "eq", None, True),
        ([1, {"a": True}], "eq", [1.0, {"a": True}], True),
        ([True], "eq", [1], False),
        ({"a": 1, "b": 2}, "eq", {"b": 2, "a": 1}, True),
        (1, "ne", 1.0, False),
        (0, "ne", False, True),
        (2, "gt", 1, True),
        (2, "gte", 2.0, True),
        ("b", "gt", "a", True),
        ("10", "lt", 9, False),
        (True, "gt", False, False),
        (None, "lt", 1, False),
        ([2], "gt", [1], False),
        ("team", "contains", "ea", True),
        ("team", "contains", 1, False),
        ([1, "x"], "contains", 1.0, True),
        ([1], "contains", True, False),
        ({"a": 1}, "contains", "a", False),
        ("a", "in", ["a", "b"], True),
        (False, "in", [0], False),
        ("a", "in", "abc", False),
        (None, "exists", True, True),
        (None, "exists", None, True),
        (0, "exists", False, False),
        (MISSING, "exists", False, True),
        (MISSING, "exists", True, False),
        (MISSING, "ne", 1, True),
        *((MISSING, operator, None, False) for operator in ("eq", "gt", "gte", "lt", "lte", "contains", "in")),
    ],
)
def test_operators_are_strict_about_types(found: Json, operator: str, value: Json, *, answer: bool) -> None:
    assert holds(found, Operator(operator), value) is answer


@given(JSON, JSON)
def test_sameness_is_equality_of_canonical_text(left: Json, right: Json) -> None:
    def text(value: Json) -> bytes:
        return rfc8785.dumps(json.loads(json.dumps(value)))

    assert same(left, left)
    try:
        expected = text(left) == text(right)
    except UnicodeEncodeError:
        return
    assert same(left, right) is expected


@given(JSON, JSON, st.sampled_from(list(Operator)))
def test_no_comparison_ever_raises_and_each_has_its_opposite(found: Json, value: Json, operator: Operator) -> None:
    answer = holds(found, operator, value)

    assert isinstance(answer, bool)
    assert holds(found, Operator.EQ, value) is not holds(found, Operator.NE, value)
    if holds(found, Operator.LT, value):
        assert not holds(found, Operator.GTE, value)
    if operator in {Operator.LTE, Operator.GTE} and answer:
        strict = Operator.LT if operator is Operator.LTE else Operator.GT
        assert holds(found, strict, value) or holds(found, Operator.EQ, value)


@pytest.mark.parametrize(
    ("expression", "answer"),
    [
        ({"field": "triggerData.total", "operator": "eq", "value": 10}, True),
        ({"children": [{"field": "triggerData.total", "operator": "eq", "value": 10}]}, True),
        (
            {
                "field": "triggerData.total",
                "operator": "eq",
                "value": 10,
                "children": [{"field": "gone", "operator": "eq", "value": 1}],
            },
            False,
        ),
        (
            {
                "logicalOperator": "or",
                "field": "triggerData.total",
                "operator": "eq",
                "value": 11,
                "children": [
                    {"field": "gone", "operator": "exists"},
                    {"children": [{"field": "triggerData.flag", "operator": "eq", "value": False}]},
                ],
            },
            True,
        ),
        (
            {
                "logicalOperator": "or",
                "children": [{"field": "a", "operator": "exists"}, {"field": "b", "operator": "exists"}],
            },
            False,
        ),
    ],
)
def test_field_and_children_are_joined(expression: dict[str, Any], *, answer: bool) -> None:
    assert evaluate(parse_condition(expression), CONTEXT) is answer


@given(
    st.recursive(
        st.booleans(),
        lambda children: st.tuples(st.sampled_from(["and", "or"]), st.lists(children, min_size=1, max_size=4)),
    )
)
def test_nested_conditions_are_nested_truth(tree: Any) -> None:
    def expression(node: Any) -> dict[str, Json]:
        if isinstance(node, bool):
            return {"field": "flag", "operator": "eq", "value": node}
        logical, children = node
        return {"logicalOperator": logical, "children": [expression(child) for child in children]}

    def truth(node: Any) -> bool:
        if isinstance(node, bool):
            return node
        logical, children = node
        return (all if logical == "and" else any)(truth(child) for child in children)

    assert evaluate(parse_condition(expression(tree)), {"flag": True}) is truth(tree)


@pytest.mark.parametrize(
    ("template", "value"),
    [
        ("{{triggerData.total}}", 10),
        ("{{ triggerData.none }}", None),
        ("{{triggerData.items}}", [{"name": "a"}, {"name": "b"}]),
        ("n={{triggerData.total}}", "n=10"),
        ("{{triggerData.none}}!", "null!"),
        ("{{triggerData.flag}} {{steps.fetch.output.text}}", "false say hi"),
        ("{{triggerData.items.0}}/x", '{"name":"a"}/x'),
        ("a }} b", "a }} b"),
        (r"\{{literal}}", "{{literal}}"),
        (r"\{{x}} {{triggerData.total}}", "{{x}} 10"),
        ({"a": ["{{triggerData.total}}", 1], "{{key}}": True}, {"a": [10, 1], "{{key}}": True}),
        ({"a": [r"\{{x}}"]}, {"a": ["{{x}}"]}),
        ([], []),
        ("", ""),
    ],
)
def test_rendering_keeps_types(template: Json, value: Json) -> None:
    assert render(compile_template(template), CONTEXT) == value


def test_a_missing_path_is_an_error_that_names_it() -> None:
    templates: list[Json] = ["{{triggerData.gone}}", "x{{triggerData.gone}}", {"a": ["{{triggerData.gone}}"]}]
    for template in templates:
        with pytest.raises(MissingPathError) as missing:
            render(compile_template(template), CONTEXT)
        assert missing.value.path == "triggerData.gone"


@pytest.mark.parametrize("text", ["{{", "{{a", "{{}}", "{{ }}", "{{a..b}}", "{{a}} {{", "{{{a}}}", "{{a[0]}}"])
def test_what_is_no_template(text: str) -> None:
    with pytest.raises(TemplateError):
        compile_template({"deep": [text]})

    ((segments, found),) = [one for one in scan({"deep": [text]}) if isinstance(one[1], TemplateError)]
    assert segments == ("deep", 0)
    assert str(found)


@given(JSON.filter(lambda value: "{{" not in json.dumps(value)))
def test_values_without_templates_render_to_themselves(value: Json) -> None:
    assert render(compile_template(value), {}) == value
    assert list(scan(value)) == []


@given(JSON, st.text().filter(lambda text: "{" not in text and "\\" not in text))
def test_a_lone_reference_gives_the_very_value_and_text_around_it_is_kept(value: Json, text: str) -> None:
    context: dict[str, Json] = {"x": value, "s": text}

    assert render(compile_template(["{{x}}"]), context) == [value]
    assert render(compile_template(f"<{text}{{{{s}}}}>"), context) == f"<{text}{text}>"
