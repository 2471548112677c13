"""Queries of human tasks."""

from datetime import datetime
from typing import Annotated

import strawberry

from engine.services.task_values import TaskFilter
from engine.tasks.states import TaskStatus
from resolvers import shapes, task_shapes
from resolvers.arguments import OfWorkflow
from resolvers.info import Info, identifier_or_none
from resolvers.paging import page_request
from schema.fields import field
from schema.human_tasks import HumanTask, HumanTaskStatus
from schema.identifiers import as_uuid
from schema.paging import After, Before, Connection, First, Last
from schema.selections import page_of

OfStatus = Annotated[HumanTaskStatus | None, strawberry.argument(description="Only those of this status.")]
OfAssignee = Annotated[str | None, strawberry.argument(description="Only those that they own or may claim.")]
OfGroup = Annotated[str | None, strawberry.argument(description="Only those of this group.")]
OfExecution = Annotated[strawberry.ID | None, strawberry.argument(description="Only those of this execution.")]
OfStep = Annotated[str | None, strawberry.argument(description="Only those of this step.")]
DueBefore = Annotated[datetime | None, strawberry.argument(description="Only those that are due before it.")]


@strawberry.type
class HumanTaskQueries:
    """Queries of human tasks."""

    @field("One task; null where the caller's tenant has none with this id.")
    async def human_task(self, info: Info, id: strawberry.ID) -> HumanTask | None:
        key = as_uuid(id)
        return None if key is None else await info.context.reads.human_task(key)

    @field("Tasks, newest first.")
    async def human_tasks(  # noqa: PLR0913, PLR0917 - the arguments of a connection and of its filter
        self,
        info: Info,
        first: First = None,
        after: After = None,
        last: Last = None,
        before: Before = None,
        status: OfStatus = None,
        assignee: OfAssignee = None,
        candidate_group: OfGroup = None,
        execution_id: OfExecution = None,
        workflow_id: OfWorkflow = None,
        step_id: OfStep = None,
        due_before: DueBefore = None,
    ) -> Connection[HumanTask]:
        page = page_request(page_of(info, first, after, last, before))
        execution, workflow = identifier_or_none("execution", execution_id), identifier_or_none("workflow", workflow_id)
        wanted_status = None if status is None else TaskStatus(status)
        wanted = TaskFilter(wanted_status, assignee, candidate_group, execution, workflow, step_id, due_before)
        found = await info.context.services.human_tasks.list(info.context.actor, wanted, page)
        return shapes.connection(found, task_shapes.human_task)
