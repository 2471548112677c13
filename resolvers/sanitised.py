"""Documents of GraphQL as spans may show them: their shape, without the values that somebody wrote into them."""

from functools import lru_cache
from typing import Any, Final

from graphql import (
    BooleanValueNode,
    EnumValueNode,
    FloatValueNode,
    GraphQLError,
    IntValueNode,
    NullValueNode,
    StringValueNode,
    Visitor,
    parse,
    print_ast,
    visit,
)

LONGEST: Final = 4_096
_KEPT: Final = 256


@lru_cache(maxsize=_KEPT)
def sanitised(text: str) -> str:
    """The document with every literal replaced; empty where it cannot be read. Variables never stand in it."""
    try:
        document = parse(text, no_location=True)
    except GraphQLError:
        return ""
    return print_ast(visit(document, _WithoutValues()))[:LONGEST]


class _WithoutValues(Visitor):
    def enter_string_value(self, _node: StringValueNode, *_where: Any) -> StringValueNode:
        return StringValueNode(value="*", block=False)

    def enter_int_value(self, _node: IntValueNode, *_where: Any) -> IntValueNode:
        return IntValueNode(value="0")

    def enter_float_value(self, _node: FloatValueNode, *_where: Any) -> FloatValueNode:
        return FloatValueNode(value="0")

    def enter_boolean_value(self, _node: BooleanValueNode, *_where: Any) -> NullValueNode:
        return NullValueNode()

    def enter_enum_value(self, _node: EnumValueNode, *_where: Any) -> NullValueNode:
        return NullValueNode()
