"""Connections after the Relay specification."""

from dataclasses import dataclass
from typing import Annotated, Generic, TypeVar

import strawberry
from strawberry.federation.schema_directives import Shareable

from schema.scalars import Cursor

Node = TypeVar("Node")

DEFAULT_FIRST = 20

First = Annotated[int | None, strawberry.argument(description="How many from the start, 1 to 200; 20 by default.")]
After = Annotated[Cursor | None, strawberry.argument(description="Only what follows this position.")]
Last = Annotated[int | None, strawberry.argument(description="How many from the end, 1 to 200; not with `first`.")]
Before = Annotated[Cursor | None, strawberry.argument(description="Only what stands before this position.")]


@dataclass(frozen=True, slots=True)
class PageArguments:
    """The four arguments of a connection, as they were given.

    Attributes:
        counted: whether `totalCount` is asked for.
    """

    first: int | None
    after: Cursor | None
    last: int | None
    before: Cursor | None
    counted: bool


@strawberry.type(description="Where a page stands in its connection.", directives=[Shareable()])
class PageInfo:
    has_next_page: bool = strawberry.field(description="Whether more follows in the order of the connection.")
    has_previous_page: bool = strawberry.field(description="Whether something stands before this page.")
    start_cursor: Cursor | None = strawberry.field(description="Position of the first edge.")
    end_cursor: Cursor | None = strawberry.field(description="Position of the last edge.")


@strawberry.type(description="One item and its position.")
class Edge(Generic[Node]):
    cursor: Cursor = strawberry.field(description="Position of the item.")
    node: Node = strawberry.field(description="The item.")


@strawberry.type(description="One page of a list.")
class Connection(Generic[Node]):
    edges: list[Edge[Node]] = strawberry.field(description="Items in order.")
    page_info: PageInfo = strawberry.field(description="Where this page stands.")
    total_count: int = strawberry.field(description="How many there are, counted to 10,000 and then capped.")
