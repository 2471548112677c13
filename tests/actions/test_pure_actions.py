import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.actions.expressions import MAX_WORK, ExpressionError, compile_expression
from engine.actions.interface import Effect, Failed, InlineAction, Result, Succeeded
from engine.actions.json_schemas import UnusableSchemaError, compile_schema
from engine.actions.noop import Noop
from engine.actions.transform import Transform
from engine.actions.validation import Validation
from engine.jsonvalue import Json, JsonObject, dumps
from tests.actions.connected import context_of

JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.floats(-1e300, 1e300) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=20,
)  # fmt: skip


def output(result: Result) -> Json:
    assert isinstance(result, Succeeded), result
    return result.output


def code(result: Result) -> str:
    assert isinstance(result, Failed), result
    assert not result.retryable
    return result.code


def test_noop_answers_an_empty_object_and_is_declared_a_write() -> None:
    assert output(Noop().compute(context_of({}))) == {}
    assert Noop().effect is Effect.WRITE


@pytest.mark.parametrize(
    ("config", "given_input", "expected"),
    [
        ({"expression": "items[?p > `10`].name"}, {"items": [{"name": "a", "p": 9}, {"name": "b", "p": 11}]}, ["b"]),
        ({"expression": "sum([].n)", "input": [{"n": 1}, {"n": 2.5}]}, None, 3.5),
        ({"expression": "missing"}, {}, None),
        ({"expression": "{id: id, tags: join(', ', tags)}"}, {"id": 7, "tags": ["x", "y"]}, {"id": 7, "tags": "x, y"}),
        ({"template": {"a": [1, "two"]}}, None, {"a": [1, "two"]}),
        ({"template": None}, None, None),
    ],
)  # fmt: skip
def test_transform_makes_values(config: JsonObject, given_input: Json, expected: Json) -> None:
    assert output(Transform().compute(context_of(config, given=given_input))) == expected


@pytest.mark.parametrize("config", [{}, {"expression": 7}, {"input": 1}])
def test_transform_without_expression_or_template_is_refused(config: JsonObject) -> None:
    assert code(Transform().compute(context_of(config))) == "action.config_invalid"


@pytest.mark.parametrize(
    ("expression", "data"),
    [
        ("a.[", {}),
        ("nope(@)", {}),
        ("sum(@)", "text"),
        ("length(`1`)", {}),
        ("&a", {}),
        ("`1e999`", {}),
        ("to_number('nan')", {}),
        ("to_number('1" + "0" * 30 + "')", {}),
        ("sum(@)", [1e308, 1e308]),
        ("(" * 2000 + "a" + ")" * 2000, {}),
        ("[" * 150 + "@" + "]" * 150, {}),
        ("a" * 5000, {}),
        ("!", {}),
        ("`{", {}),
    ],
)
def test_expressions_that_cannot_be_evaluated_fail_the_step(expression: str, data: Json) -> None:
    assert code(Transform().compute(context_of({"expression": expression}, given=data))) == "transform.failed"


@pytest.mark.parametrize(
    ("expression", "data"),
    [
        ("|".join(["[@,@]"] * 60), "x" * 100),
        ("|".join(["[@,@]"] * 60) + "|to_string(@)", 1),
        ("|".join(["[@,@][]"] * 60), [1]),
        ("|".join(["{a:@,b:@}"] * 60), 1),
        ("join(@[0], @)", ["x" * 100_000] * 1000),
        ("[*].[@,@,@,@,@,@,@,@]|[*][*].[@,@,@,@,@,@,@,@]", list(range(50_000))),
        ("[?contains(@, 'y')]", [["x"] * 1000] * 1000),
        ("|".join(["[@,@]"] * 30) + " == " + "|".join(["[@,@]"] * 30), 1),
        ("|".join(["to_string([@])"] * 200), '"'),
    ],
)
def test_expressions_that_multiply_are_stopped_soon(expression: str, data: Json) -> None:
    began = time.process_time()
    assert code(Transform().compute(context_of({"expression": expression}, given=data))) == "transform.failed"
    assert time.process_time() - began < 2


def test_the_limit_of_work_is_reached_by_data_alone_and_always_at_the_same_place() -> None:
    evaluate = compile_expression("[*].a")
    fits: Json = [{"a": n} for n in range(MAX_WORK // 4)]
    assert evaluate(fits) == list(range(MAX_WORK // 4))
    for _ in range(2):
        with pytest.raises(ExpressionError, match="units of work"):
            evaluate([{"a": 1}] * MAX_WORK)


@given(JSON)
def test_the_identity_expression_changes_nothing(value: Json) -> None:
    assert compile_expression("@")(value) == value


@given(
    JSON, st.sampled_from(["[@,@]", "to_string(@)", "{a: @}", "to_array(@)", "keys(@)", "*", "[]", "@[0]", "type(@)"])
)
def test_results_can_always_be_stored(value: Json, expression: str) -> None:
    try:
        dumps(compile_expression(expression)(value))
    except ExpressionError:
        assert expression == "keys(@)"
        assert not isinstance(value, dict)


def test_validation_lets_pass_what_is_valid() -> None:
    config: JsonObject = {"schema": {"type": "object", "required": ["a"]}}
    assert output(Validation().compute(context_of(config, given={"a": 1}))) == {"valid": True}
    assert output(Validation().compute(context_of({**config, "value": {"a": 1}}, given=None))) == {"valid": True}
    assert output(Validation().compute(context_of({"schema": True}, given=1))) == {"valid": True}


def test_validation_fails_with_all_faults() -> None:
    schema: JsonObject = {"properties": {"a": {"type": "integer"}, "b": {"maxLength": 1}}, "required": ["c"]}
    result = Validation().compute(context_of({"schema": schema}, given={"a": "x", "b": "yy"}))
    assert code(result) == "validation.failed"
    assert isinstance(result, Failed)
    assert result.details is not None
    faults = result.details["faults"]
    assert isinstance(faults, list)
    found = [(fault["code"], fault["path"]) for fault in faults if isinstance(fault, dict)]
    assert sorted(map(str, found)) == [
        "('schema.maxLength', '/b')",
        "('schema.required', '')",
        "('schema.type', '/a')",
    ]


def doubling(levels: int) -> JsonObject:
    definitions: JsonObject = {
        f"a{n}": {"allOf": [{"$ref": f"#/$defs/a{n + 1}"}, {"$ref": f"#/$defs/a{n + 1}"}]} for n in range(levels)
    }
    definitions[f"a{levels}"] = {"type": "integer"}
    return {"$ref": "#/$defs/a0", "$defs": definitions}


@pytest.mark.parametrize(
    "schema",
    [
        7,
        {"type": "no such type"},
        {"$ref": "https://example.org/schema"},
        {"$ref": "file:///etc/passwd"},
        {"$ref": "#/$defs/missing"},
        {"pattern": "("},
        {"description": "x" * 300_000},
        doubling(40),
    ],
)
def test_schemas_that_cannot_be_used_are_refused(schema: Json) -> None:
    assert code(Validation().compute(context_of({"schema": schema}, given=1))) == "action.config_invalid"
    with pytest.raises(UnusableSchemaError):
        compile_schema(schema)


def test_recursion_that_branches_is_bounded_by_the_values_depth() -> None:
    schema = compile_schema({"items": {"allOf": [{"$ref": "#"}, {"$ref": "#"}]}})
    shallow: Json = [[[[]]]]
    deep: Json = []
    for _ in range(60):
        deep = [deep]
    assert schema.faults(shallow) == ()
    assert [fault.code for fault in schema.faults(deep)] == ["schema.too_costly"]


def test_trees_of_any_usual_shape_are_judged() -> None:
    tree = compile_schema(
        {
            "type": "object",
            "properties": {"value": {"type": "integer"}, "left": {"$ref": "#"}, "right": {"$ref": "#"}},
            "additionalProperties": False,
        }
    )
    node: Json = {"value": 0}
    for n in range(50):
        node = {"value": n, "left": node, "right": {"value": n}}
    assert tree.faults(node) == ()
    assert [fault.path for fault in tree.faults({"left": {"right": {"value": "x"}}})] == ["/left/right/value"]


@pytest.mark.parametrize(
    ("pattern", "text"), [("^(a+)+$", "a" * 50 + "!"), ("(x*)*y", "x" * 10_000), ("^(([a-z])+.)+[A-Z]$", "a" * 200)]
)
def test_patterns_run_in_linear_time(pattern: str, text: str) -> None:
    began = time.process_time()
    assert compile_schema({"pattern": pattern}).faults(text)
    assert time.process_time() - began < 0.5


@pytest.mark.parametrize(
    ("action", "config", "limit_us"),
    [
        (Noop(), {}, 20),
        (Transform(), {"template": {"a": 1}}, 20),
        (Transform(), {"expression": "items[?v > `1`].n"}, 500),
        (Validation(), {"schema": {"type": "object", "required": ["items"]}}, 100),
    ],
)
def test_inline_actions_cost_microseconds(action: InlineAction, config: JsonObject, limit_us: int) -> None:
    context = context_of(config, given={"items": [{"v": 1, "n": "a"}, {"v": 2, "n": "b"}]})
    action.compute(context)
    rounds = []
    for _ in range(5):
        began = time.process_time()
        for _ in range(200):
            action.compute(context)
        rounds.append((time.process_time() - began) / 200 * 1e6)
    assert min(rounds) < limit_us
