"""Queries of schedules."""

import strawberry

from engine.errors import NotFound
from resolvers import schedule_shapes, shapes
from resolvers.arguments import OfWorkflow
from resolvers.info import Info, identifier_or_none
from resolvers.paging import page_request
from schema.fields import field
from schema.identifiers import as_uuid
from schema.paging import After, Before, Connection, First, Last
from schema.schedules import Schedule
from schema.selections import page_of


@strawberry.type
class ScheduleQueries:
    """Queries of schedules."""

    @field("One schedule; null where the caller's tenant has none with this id.")
    async def schedule(self, info: Info, id: strawberry.ID) -> Schedule | None:
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
        page = page_request(page_of(info, first, after, last, before))
        workflow = identifier_or_none("workflow", workflow_id)
        found = await info.context.services.schedules.list(info.context.actor, workflow, page)
        return shapes.connection(found, schedule_shapes.schedule)
