"""The graph explains itself: what an author of a UI reads in an explorer or at a generated type."""

from collections.abc import Iterator

from graphql import (
    EnumTypeDefinitionNode,
    InputObjectTypeDefinitionNode,
    ObjectTypeDefinitionNode,
    TypeDefinitionNode,
    parse,
)

from federation.export import SDL

NEEDS_NONE = {"id", "input"}
"""Arguments that say it all: the key of what is asked for, and the one input of a mutation."""


def undescribed(node: TypeDefinitionNode) -> Iterator[str]:
    """Names, below a type, of what nobody explains."""
    name = node.name.value
    if node.description is None:
        yield name
    if isinstance(node, EnumTypeDefinitionNode):
        yield from (f"{name}.{value.name.value}" for value in node.values or () if value.description is None)
    if isinstance(node, ObjectTypeDefinitionNode | InputObjectTypeDefinitionNode):
        yield from (f"{name}.{field.name.value}" for field in node.fields or () if field.description is None)
    if isinstance(node, ObjectTypeDefinitionNode):
        for field in node.fields or ():
            for argument in field.arguments or ():
                if argument.description is None and argument.name.value not in NEEDS_NONE:
                    yield f"{name}.{field.name.value}.{argument.name.value}"


def test_types_fields_arguments_and_values_say_what_they_mean() -> None:
    types = [node for node in parse(SDL.read_text()).definitions if isinstance(node, TypeDefinitionNode)]
    assert len(types) > 100
    assert [name for node in types for name in undescribed(node)] == []
