"""Condition expressions: compiled once, evaluated against a context with strict JSON types."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from engine.definitions.paths import MISSING, Missing, Path, lookup, parse_path
from engine.jsonvalue import Json, JsonObject


class Operator(StrEnum):
    """How the value at `field` is compared with `value`."""

    EQ = "eq"
    NE = "ne"
    GT = "gt"
    GTE = "gte"
    LT = "lt"
    LTE = "lte"
    CONTAINS = "contains"
    IN = "in"
    EXISTS = "exists"


class Logical(StrEnum):
    """How a field test and the children of an expression are joined."""

    AND = "and"
    OR = "or"


@dataclass(frozen=True, slots=True)
class FieldTest:
    """One comparison."""

    field: Path
    operator: Operator
    value: Json


@dataclass(frozen=True, slots=True)
class Condition:
    """A field test, children, or both, joined by `logical`; never neither."""

    test: FieldTest | None
    logical: Logical
    children: tuple["Condition", ...] = ()


def parse_condition(expression: JsonObject) -> Condition:
    """Condition of an expression that the JSON Schema has accepted.

    Raises:
        PathError: a `field` is not a path.
    """
    field = expression.get("field")
    test = None
    if isinstance(field, str):
        test = FieldTest(parse_path(field), Operator(str(expression["operator"])), expression.get("value"))
    children = expression.get("children")
    return Condition(
        test,
        Logical(str(expression.get("logicalOperator", "and"))),
        tuple(parse_condition(child) for child in children if isinstance(child, dict))
        if isinstance(children, list)
        else (),
    )


def evaluate(condition: Condition, context: Mapping[str, Json]) -> bool:
    """Truth of the condition in a context; never raises, a missing path is an answer (see `holds`)."""
    any_suffices = condition.logical is Logical.OR
    if condition.test is not None and _test(condition.test, context) is any_suffices:
        return any_suffices
    for child in condition.children:
        if evaluate(child, context) is any_suffices:
            return any_suffices
    return not any_suffices


def _test(test: FieldTest, context: Mapping[str, Json]) -> bool:
    return holds(lookup(test.field, context), test.operator, test.value)


def holds(found: Json | Missing, operator: Operator, value: Json) -> bool:  # noqa: PLR0911 - one per operator
    """One comparison. A missing value makes every operator false but `ne` and `exists` with `value: false`."""
    if operator is Operator.EXISTS:
        return (found is MISSING) is (value is False)
    if found is MISSING:
        return operator is Operator.NE
    match operator:
        case Operator.EQ:
            return same(found, value)
        case Operator.NE:
            return not same(found, value)
        case Operator.CONTAINS:
            return _contains(found, value)
        case Operator.IN:
            return isinstance(value, list) and any(same(found, item) for item in value)
        case _:
            return _ordered(found, operator, value)


def same(left: Json, right: Json) -> bool:
    """Equality of JSON values: `false` is not `0`, `"1"` is not `1`, `1` is `1.0`; members in any order."""
    if isinstance(left, bool) or isinstance(right, bool):
        return left is right
    if isinstance(left, list):
        return (
            isinstance(right, list)
            and len(left) == len(right)
            and all(same(one, other) for one, other in zip(left, right, strict=True))
        )
    if isinstance(left, dict):
        return (
            isinstance(right, dict)
            and left.keys() == right.keys()
            and all(same(value, right[name]) for name, value in left.items())
        )
    return left == right


def _contains(found: Json, value: Json) -> bool:
    if isinstance(found, str):
        return isinstance(value, str) and value in found
    return isinstance(found, list) and any(same(item, value) for item in found)


def _ordered(found: Json, operator: Operator, value: Json) -> bool:
    if _is_number(found) and _is_number(value):
        return _compare(found, operator, value)  # type: ignore[arg-type]  # both are numbers
    if isinstance(found, str) and isinstance(value, str):
        # By code point, as JSON and PostgreSQL's C collation have it: no locale decides where a workflow goes.
        return _compare(found, operator, value)
    return False


def _is_number(value: Json) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _compare(left: float | str, operator: Operator, right: float | str) -> bool:
    if operator is Operator.GT:
        return left > right  # type: ignore[operator]  # the caller passes two numbers or two strings
    if operator is Operator.GTE:
        return left >= right  # type: ignore[operator]
    if operator is Operator.LT:
        return left < right  # type: ignore[operator]
    return left <= right  # type: ignore[operator]
