"""Bounds on what one GraphQL document may ask for.

Everything is measured in one pass that remembers fragments, so that a document whose fragments multiply costs no more
to refuse than to read. What does not depend on variables is checked with validation (and cached with it); cost does,
and is checked for each request.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLError,
    GraphQLField,
    GraphQLInterfaceType,
    GraphQLObjectType,
    GraphQLSchema,
    InlineFragmentNode,
    IntValueNode,
    ListValueNode,
    OperationDefinitionNode,
    SelectionSetNode,
    ValidationContext,
    ValidationRule,
    ValueNode,
    VariableNode,
    get_named_type,
    get_nullable_type,
    is_list_type,
    is_object_type,
)

DEFAULT_PAGE = 20
DEFAULT_NESTED_LIST = 10
MAX_PAGE = 200


@dataclass(frozen=True, slots=True)
class Bounds:
    """Largest accepted measures of one document."""

    depth: int = 10
    aliases: int = 15
    directives: int = 50
    root_fields: int = 20
    cost: int = 5_000
    references: int = 500


@dataclass(frozen=True, slots=True)
class Measures:
    """What a selection adds up to, fragments included as often as they are spread."""

    depth: int = 0
    aliases: int = 0
    directives: int = 0
    fields: int = 0

    def beside(self, other: "Measures") -> "Measures":
        """Both in one selection."""
        return Measures(
            max(self.depth, other.depth),
            self.aliases + other.aliases,
            self.directives + other.directives,
            self.fields + other.fields,
        )


@dataclass(slots=True)
class Measurer:
    """Measures selections of one document, each fragment once."""

    fragments: Mapping[str, FragmentDefinitionNode]
    known: dict[str, Measures] = field(default_factory=dict)

    def selection(self, node: SelectionSetNode | None) -> Measures:
        """Measures of a selection; `fields` counts those at its top."""
        total = Measures()
        for child in () if node is None else node.selections:
            total = total.beside(self._child(child))
        return total

    def _child(self, node: object) -> Measures:
        if isinstance(node, FieldNode):
            return self._field(node)
        if isinstance(node, FragmentSpreadNode):
            return Measures(directives=len(node.directives or ())).beside(self._fragment(node.name.value))
        if isinstance(node, InlineFragmentNode):
            return Measures(directives=len(node.directives or ())).beside(self.selection(node.selection_set))
        return Measures()

    def _field(self, node: FieldNode) -> Measures:
        below = self.selection(node.selection_set)
        is_introspection = node.name.value.startswith("__")
        return Measures(
            depth=0 if is_introspection else 1 + below.depth,
            aliases=below.aliases + (node.alias is not None),
            directives=below.directives + len(node.directives or ()),
            fields=1,
        )

    def _fragment(self, name: str) -> Measures:
        if name not in self.known:
            self.known[name] = Measures()  # a cycle adds nothing; validation refuses it by itself
            fragment = self.fragments.get(name)
            if fragment is not None:
                self.known[name] = self.selection(fragment.selection_set)
        return self.known[name]


def fragments_of(document: DocumentNode) -> dict[str, FragmentDefinitionNode]:
    """Fragments of a document by name."""
    return {node.name.value: node for node in document.definitions if isinstance(node, FragmentDefinitionNode)}


def limit_rule(bounds: Bounds) -> type[ValidationRule]:
    """Validation rule with these bounds; made once, since the validation cache knows rules by their class."""

    class LimitRule(ValidationRule):
        """Refuses documents over the bounds, and more than one operation."""

        def __init__(self, context: ValidationContext) -> None:
            super().__init__(context)
            operations = [node for node in context.document.definitions if isinstance(node, OperationDefinitionNode)]
            if len(operations) > 1:
                context.report_error(_over("operations", len(operations), 1))
            measurer = Measurer(fragments_of(context.document))
            for operation in operations:
                for error in _excesses(measurer.selection(operation.selection_set), operation, bounds):
                    context.report_error(error)

    return LimitRule


def _excesses(found: Measures, operation: OperationDefinitionNode, bounds: Bounds) -> list[GraphQLError]:
    measured = {
        "depth": (found.depth, bounds.depth),
        "aliases": (found.aliases, bounds.aliases),
        "directives": (found.directives + len(operation.directives or ()), bounds.directives),
        "root fields": (found.fields, bounds.root_fields),
    }
    return [_over(what, value, limit) for what, (value, limit) in measured.items() if value > limit]


def _over(what: str, value: int, limit: int) -> GraphQLError:
    shown = str(value) if value < 1_000_000 else "far more"
    return GraphQLError(
        f"The document has {shown} for {what}; the limit is {limit}.",
        extensions={"code": "GRAPHQL_LIMIT_EXCEEDED", "limit": what, "maximum": limit},
    )


@dataclass(slots=True)
class Coster:
    """Cost of one operation with its variables: each field 1, a list its page size times what is under it."""

    schema: GraphQLSchema
    fragments: Mapping[str, FragmentDefinitionNode]
    variables: Mapping[str, Any]
    known: dict[str, int] = field(default_factory=dict)
    references: int = 0

    def selection(self, node: SelectionSetNode | None, parent: object, items: int | None = None) -> int:
        """Cost of a selection on a type; `items`: page size of the connection that the selection is directly in."""
        total = 0
        for child in () if node is None else node.selections:
            if isinstance(child, FieldNode):
                total += self._field(child, parent, items)
            elif isinstance(child, FragmentSpreadNode):
                total += self._fragment(child.name.value, items)
            elif isinstance(child, InlineFragmentNode):
                condition = child.type_condition
                inner = parent if condition is None else self.schema.get_type(condition.name.value)
                total += self.selection(child.selection_set, inner, items)
        return total

    def _field(self, node: FieldNode, parent: object, items: int | None) -> int:
        definition = _definition(parent, node.name.value)
        if definition is None:
            return 0 if node.name.value.startswith("__") else 1
        kind = get_named_type(definition.type)
        if items is not None and node.name.value == "edges":
            return items * (1 + self.selection(node.selection_set, kind))
        if is_object_type(kind) and "edges" in kind.fields:
            return 1 + self.selection(node.selection_set, kind, self._page_size(node, DEFAULT_PAGE))
        below = self.selection(node.selection_set, kind)
        if is_list_type(get_nullable_type(definition.type)) and node.selection_set is not None:
            return 1 + self._page_size(node, DEFAULT_NESTED_LIST) * below
        return 1 + below

    def _fragment(self, name: str, items: int | None) -> int:
        key = f"{name} {items}"
        if key not in self.known:
            self.known[key] = 0
            fragment = self.fragments[name]
            parent = self.schema.get_type(fragment.type_condition.name.value)
            self.known[key] = self.selection(fragment.selection_set, parent, items)
        return self.known[key]

    def _page_size(self, node: FieldNode, default: int) -> int:
        for argument in node.arguments or ():
            if argument.name.value in {"first", "last"}:
                return _bounded(self._value(argument.value), default)
            if argument.name.value == "representations":
                given = self._value(argument.value)
                count = len(given) if isinstance(given, list) else 0
                self.references += count
                return count
        return default

    def _value(self, node: ValueNode) -> object:
        if isinstance(node, VariableNode):
            return self.variables.get(node.name.value)
        if isinstance(node, ListValueNode):
            return list(node.values)
        return int(node.value) if isinstance(node, IntValueNode) else None


def _bounded(value: object, default: int) -> int:
    if isinstance(value, bool) or not isinstance(value, int):
        return default
    return min(max(value, 1), MAX_PAGE)


def _definition(parent: object, name: str) -> GraphQLField | None:
    if isinstance(parent, GraphQLObjectType | GraphQLInterfaceType):
        found: GraphQLField | None = parent.fields.get(name)
        return found
    return None


@dataclass(frozen=True, slots=True)
class Weight:
    """What a valid operation asks for, with its variables."""

    cost: int
    references: int

    def excesses(self, bounds: Bounds) -> list[GraphQLError]:
        """What is too much of it."""
        measured = {"cost": (self.cost, bounds.cost), "references": (self.references, bounds.references)}
        return [_over(what, value, limit) for what, (value, limit) in measured.items() if value > limit]


def weigh(
    schema: GraphQLSchema, document: DocumentNode, operation: OperationDefinitionNode, variables: Mapping[str, Any]
) -> Weight:
    """What a valid operation asks for; variables that are not given have their defaults."""
    defaults = {
        node.variable.name.value: int(node.default_value.value)
        for node in operation.variable_definitions or ()
        if isinstance(node.default_value, IntValueNode)
    }
    coster = Coster(schema, fragments_of(document), {**defaults, **variables})
    cost = coster.selection(operation.selection_set, schema.get_root_type(operation.operation))
    return Weight(cost, coster.references)


def root_fields(document: DocumentNode, operation: OperationDefinitionNode) -> set[str]:
    """Names of the fields at the top of an operation, those of its fragments too, as far as there are such."""
    fragments, seen = fragments_of(document), set[str]()

    def names(selection: SelectionSetNode) -> set[str]:
        found: set[str] = set()
        for node in selection.selections:
            if isinstance(node, FieldNode):
                found.add(node.name.value)
            elif isinstance(node, InlineFragmentNode):
                found |= names(node.selection_set)
            elif isinstance(node, FragmentSpreadNode) and node.name.value not in seen:
                seen.add(node.name.value)
                fragment = fragments.get(node.name.value)
                found |= set() if fragment is None else names(fragment.selection_set)
        return found

    return names(operation.selection_set)
