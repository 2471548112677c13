"""Subscriptions: what changes, as it changes."""

from collections.abc import AsyncGenerator
from typing import Annotated

import strawberry

from engine.errors import MalformedRequest, NotFound
from engine.identity.expiry import until
from engine.services.task_values import TaskWatch
from resolvers import shapes, task_shapes
from resolvers.info import Info, identifier
from schema.executions import ExecutionUpdate
from schema.fields import subscription
from schema.human_tasks import HumanTaskUpdate

LastEventId = Annotated[
    strawberry.ID | None,
    strawberry.argument(description="Go on after this `eventId`; from the start without it."),
]

LastTaskEventId = Annotated[
    strawberry.ID | None, strawberry.argument(description="Go on after this `eventId`; from now on without it.")
]
OfAssignee = Annotated[str | None, strawberry.argument(description="Tasks that this person owns or may claim.")]
OfGroup = Annotated[str | None, strawberry.argument(description="Tasks of this group.")]


@strawberry.type(description="What can be watched.")
class Subscription:
    """Root of subscriptions."""

    @subscription("Each recorded transition of an execution, in order and without gaps; ends with the execution.")
    async def execution_updated(
        self,
        info: Info,
        id: strawberry.ID,
        last_event_id: LastEventId = None,
    ) -> AsyncGenerator[ExecutionUpdate, None]:
        key = identifier("execution", id)
        services, actor = info.context.services, info.context.actor
        if await info.context.reads.execution(key) is None:
            raise NotFound("execution", id)
        after = _sequence(last_event_id or info.context.last_event_id)
        async for event in until(services.executions.events(actor, key, after), info.context.ends_at):
            info.context.event_id = str(event.seq)
            yield shapes.update(event)

    @subscription("Each step of the tasks of a person or a group; of the caller and their groups where none is named.")
    async def human_task_updated(
        self,
        info: Info,
        assignee: OfAssignee = None,
        candidate_group: OfGroup = None,
        last_event_id: LastTaskEventId = None,
    ) -> AsyncGenerator[HumanTaskUpdate, None]:
        tasks, watch = info.context.services.human_tasks, TaskWatch(assignee, candidate_group)
        after = last_event_id or info.context.last_event_id
        async for event in until(tasks.events(info.context.actor, watch, after), info.context.ends_at):
            info.context.event_id = event.id
            yield task_shapes.task_update(event)


def _sequence(event_id: str | None) -> int:
    if not event_id:
        return 0
    if not (event_id.isascii() and event_id.isdigit() and len(event_id) < 19):
        raise MalformedRequest("`lastEventId` is not the id of an event.", code="BAD_USER_INPUT")
    return int(event_id)
