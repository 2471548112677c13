"""Queries of workflows."""

from typing import Annotated

import strawberry

from engine.errors import NotFound
from engine.services.slices import slice_of
from engine.services.values import WorkflowFilter
from engine.services.values import WorkflowStatus as Status
from resolvers import shapes
from resolvers.diff_shapes import diff
from resolvers.info import Info
from resolvers.paging import page_request
from schema.diffs import WorkflowVersionDiff
from schema.fields import field
from schema.identifiers import as_uuid
from schema.paging import After, Before, Connection, First, Last
from schema.scalars import SemVer
from schema.selections import page_of
from schema.templates import WorkflowTemplate
from schema.workflows import Workflow, WorkflowStatus, WorkflowVersion

Search = Annotated[str | None, strawberry.argument(description="Text in name or description.")]
IsActive = Annotated[bool | None, strawberry.argument(description="Only active, or only inactive ones.")]
OfStatus = Annotated[WorkflowStatus | None, strawberry.argument(description="Only those of this status.")]
From = Annotated[str | None, strawberry.argument(name="from", description="The older side: a version, or `draft`.")]
To = Annotated[str | None, strawberry.argument(description="The newer side: a version, or `draft`.")]
OfOne = Annotated[strawberry.ID, strawberry.argument(description="Whose versions.")]
Version = Annotated[SemVer, strawberry.argument(description="Of the version.")]
Category = Annotated[str | None, strawberry.argument(description="Only those of this category.")]


@strawberry.type
class WorkflowQueries:
    """Queries of workflows."""

    @field("One workflow; null where the caller's tenant has none with this id.")
    async def workflow(self, info: Info, id: strawberry.ID) -> Workflow | None:
        key = as_uuid(id)
        return None if key is None else await info.context.reads.workflow(key)

    @field("Workflows, newest first; archived ones only where `status` asks for them.")
    async def workflows(  # noqa: PLR0913, PLR0917 - the arguments of a connection and of its filter
        self,
        info: Info,
        first: First = None,
        after: After = None,
        last: Last = None,
        before: Before = None,
        search: Search = None,
        is_active: IsActive = None,
        status: OfStatus = None,
    ) -> Connection[Workflow]:
        page = page_request(page_of(info, first, after, last, before))
        wanted = WorkflowFilter(search, is_active, None if status is None else Status(status))
        found = await info.context.services.workflows.list(info.context.actor, wanted, page)
        return shapes.connection(found, shapes.workflow)

    @field("One published version; null where there is none.")
    async def workflow_version(self, info: Info, workflow_id: OfOne, version: Version) -> WorkflowVersion | None:
        key = as_uuid(workflow_id)
        return None if key is None else await info.context.reads.version(key, version)

    @field("What changed between two versions; without both names the two newest, null where there are fewer.")
    async def workflow_version_diff(
        self, info: Info, workflow_id: OfOne, from_: From = None, to: To = None
    ) -> WorkflowVersionDiff | None:
        key = as_uuid(workflow_id)
        if key is None:
            return None
        try:
            found = await info.context.services.workflows.diff(info.context.actor, key, from_, to)
        except NotFound:
            return None
        return None if found is None else diff(found)

    @field("Ready-made definitions to start from.")
    async def workflow_templates(
        self,
        info: Info,
        first: First = None,
        after: After = None,
        last: Last = None,
        before: Before = None,
        category: Category = None,
    ) -> Connection[WorkflowTemplate]:
        page = page_request(page_of(info, first, after, last, before))
        found = await info.context.services.templates.list(info.context.actor, category)
        return shapes.connection(slice_of(found, page, lambda template: template.id), shapes.template)
