"""Queries of dead letters."""

from typing import Annotated

import strawberry

from engine.errors import NotFound
from engine.services.dead_letter_values import DeadLetterFilter, DeadLetterKind, DeadLetterStatus
from resolvers import dead_letter_shapes as shapes
from resolvers.info import Info, identifier_or_none
from resolvers.paging import page_request
from resolvers.shapes import connection
from schema import dead_letters as graph
from schema.fields import field
from schema.identifiers import as_uuid
from schema.paging import After, Before, Connection, First, Last
from schema.selections import page_of

OfStatus = Annotated[
    graph.DeadLetterStatus | None, strawberry.argument(description="Only those that wait, or that were put back.")
]
OfKind = Annotated[graph.DeadLetterKind | None, strawberry.argument(description="Only those of this kind.")]
OfExecution = Annotated[strawberry.ID | None, strawberry.argument(description="Only those about this execution.")]


@strawberry.type
class DeadLetterQueries:
    """Queries of dead letters."""

    @field("One dead letter; null where the caller's tenant has none with this id.")
    async def dead_letter(self, info: Info, id: strawberry.ID) -> graph.DeadLetter | None:
        key = as_uuid(id)
        if key is None:
            return None
        try:
            return shapes.dead_letter(await info.context.services.dead_letters.get(info.context.actor, key))
        except NotFound:
            return None

    @field("Work that was given up, newest first.")
    async def dead_letters(  # noqa: PLR0913, PLR0917 - the arguments of a connection and of its filter
        self,
        info: Info,
        first: First = None,
        after: After = None,
        last: Last = None,
        before: Before = None,
        status: OfStatus = None,
        kind: OfKind = None,
        execution_id: OfExecution = None,
    ) -> Connection[graph.DeadLetter]:
        page = page_request(page_of(info, first, after, last, before))
        wanted = DeadLetterFilter(
            None if status is None else DeadLetterStatus(status),
            None if kind is None else DeadLetterKind(kind),
            identifier_or_none("execution", execution_id),
        )
        found = await info.context.services.dead_letters.list(info.context.actor, wanted, page)
        return connection(found, shapes.dead_letter)
