"""Queries of schedules."""

from typing import Annotated

import strawberry

from engine.errors import NotFound
from resolvers import schedule_shapes, shapes
from resolvers.info import Info, identifier
from resolvers.paging import page_request
from schema.fields import field
from schema.identifiers import as_uuid
from schema.paging import After, Before, Connection, First, Last, PageArguments
from schema.schedules import Schedule
from schema.selections import asks_for_total

OfWorkflow = Annotated[strawberry.ID | None, strawberry.argument(description="Only those of this workflow.")]


@strawberry.type
class ScheduleQueries:
    """Queries of schedules."""

    @field("One schedule; null where the caller's tenant has none with this id.")
    async def schedule(self, info: Info, id: strawberry.ID) -> Schedule | None:  # noqa: A002 - the key's name
        """One schedule."""
        key = as_uuid(id)
        if key is None:
            return None
        try:
            return schedule_shapes.schedule(await info.context.services.schedules.get(info.context.actor, key))
        except NotFound:
            return None

    @field("Schedules of published, active workflows.")
    async def schedules(
        self,
        info: Info,
        first: First = None,
        after: After = None,
        last: Last = None,
        before: Before = None,
        workflow_id: OfWorkflow = None,
    ) -> Connection[Schedule]:
        """Schedules."""
        page = page_request(PageArguments(first, after, last, before, asks_for_total(info.selected_fields)))
        workflow = None if workflow_id is None else identifier("workflow", workflow_id)
        found = await info.context.services.schedules.list(info.context.actor, workflow, page)
        return shapes.connection(found, schedule_shapes.schedule)
