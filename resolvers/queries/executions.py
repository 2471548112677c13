"""Queries of executions."""

from typing import Annotated

import strawberry

from engine.runtime.states import ExecutionStatus as Status
from engine.services.values import ExecutionFilter
from resolvers import shapes
from resolvers.arguments import OfWorkflow
from resolvers.info import Info, identifier_or_none
from resolvers.paging import page_request
from schema.executions import Execution, ExecutionStatus
from schema.fields import field
from schema.identifiers import as_uuid
from schema.paging import After, Before, Connection, First, Last
from schema.scalars import SemVer
from schema.selections import page_of

OfStatus = Annotated[ExecutionStatus | None, strawberry.argument(description="Only those of this status.")]
OfVersion = Annotated[SemVer | None, strawberry.argument(description="Only those pinned to this version.")]


@strawberry.type
class ExecutionQueries:
    """Queries of executions."""

    @field("One execution; null where the caller's tenant has none with this id.")
    async def execution(self, info: Info, id: strawberry.ID) -> Execution | None:
        key = as_uuid(id)
        return None if key is None else await info.context.reads.execution(key)

    @field("Executions, newest first.")
    async def executions(  # noqa: PLR0913, PLR0917 - the arguments of a connection and of its filter
        self,
        info: Info,
        first: First = None,
        after: After = None,
        last: Last = None,
        before: Before = None,
        workflow_id: OfWorkflow = None,
        status: OfStatus = None,
        version: OfVersion = None,
    ) -> Connection[Execution]:
        page = page_request(page_of(info, first, after, last, before))
        workflow = identifier_or_none("workflow", workflow_id)
        wanted = ExecutionFilter(workflow, None if status is None else Status(status), version)
        found = await info.context.services.executions.list(info.context.actor, wanted, page)
        return shapes.connection(found, shapes.execution)
