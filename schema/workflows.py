"""Workflows and their published versions."""

from datetime import datetime
from typing import TYPE_CHECKING, Annotated, TypeAlias
from uuid import UUID

import strawberry

from schema.context import Info
from schema.enums import ExplainedEnum, enum
from schema.fields import field
from schema.identifiers import as_uuid
from schema.paging import After, Before, Connection, First, Last
from schema.scalars import JSON, SemVer
from schema.selections import page_of

if TYPE_CHECKING:
    from schema.executions import Execution

LazyExecution = Annotated["Execution", strawberry.lazy("schema.executions")]


@enum("Where a workflow stands.")
class WorkflowStatus(ExplainedEnum):
    draft = "draft", "Never published."
    published = "published", "Published at least once; its draft may be ahead."
    archived = "archived", "Taken out of use: nothing starts it any more."


@enum("Whether the ledger has a version's manifest.")
class ProvenanceStatus(ExplainedEnum):
    pending = "pending", "Not in the log yet."
    registered = "registered", "In the log, with a proof."


@strawberry.type(description="What the ledger knows of a version.")
class Provenance:
    status: ProvenanceStatus = strawberry.field(description="`pending` until the ledger has the manifest.")
    log_index: int | None = strawberry.field(description="Position of the manifest in the log.")
    leaf_hash: str | None = strawberry.field(description="Hash of the leaf, in hex.")
    proof: str | None = strawberry.field(description="Proof of inclusion (c2sp.org/tlog-proof), as text.")


@strawberry.type(description="A published version: an immutable snapshot of a workflow.")
class WorkflowVersion:
    workflow_id: strawberry.ID = strawberry.field(description="Of the workflow.")
    version: SemVer = strawberry.field(description="Its number.")
    content_hash: str = strawberry.field(description="`sha256:` and the hash of the canonical `definition`.")
    definition: JSON = strawberry.field(description="The document as it was published.")
    change_summary: str = strawberry.field(description="What changed, for people.")
    created_by: str = strawberry.field(description="Who published it.")
    created_at: datetime = strawberry.field(description="When it was published.")
    provenance: Provenance = strawberry.field(description="What the ledger knows of it.")


WorkflowVersionConnection: TypeAlias = Connection[WorkflowVersion]


@strawberry.type(description="One slot of a workflow that is taken; it is free again when its execution ends.")
class WorkflowSlot:
    """One slot that is taken."""

    slot: int = strawberry.field(description="Its number, from 1.")
    execution_id: strawberry.ID = strawberry.field(description="Of the execution that holds it.")
    taken_at: datetime = strawberry.field(description="Since when.")

    @field("The execution that holds it; null where it cannot be seen.")
    async def execution(self, info: Info) -> LazyExecution | None:
        return await info.context.reads.execution(UUID(self.execution_id))


@strawberry.federation.type(
    keys=["id"], description="A workflow: a draft that is edited, and published versions that run."
)
class Workflow:
    id: strawberry.ID = strawberry.field(description="Set by the server.")
    name: str = strawberry.field(description="Name of the workflow.")
    description: str = strawberry.field(description="What it is for.")
    status: WorkflowStatus = strawberry.field(description="`draft` until the first publish.")
    is_active: bool = strawberry.field(description="Whether its triggers start executions.")
    version: SemVer = strawberry.field(description="The latest published version, `0.0.0` before the first.")
    published_version: SemVer | None = strawberry.field(description="The latest published version.")
    revision: int = strawberry.field(description="Counts edits of the draft; send it as `expectedRevision`.")
    definition: JSON = strawberry.field(description="The draft.")
    created_by: str = strawberry.field(description="Who created it.")
    created_at: datetime = strawberry.field(description="When it was created.")
    updated_at: datetime = strawberry.field(description="When the draft last changed.")

    @classmethod
    async def resolve_reference(cls, info: Info, id: strawberry.ID) -> "Workflow | None":
        """The workflow that another subgraph refers to; None where the caller cannot see one."""
        key = as_uuid(id)
        return None if key is None else await info.context.reads.workflow(key)

    @field("The latest published version as a snapshot.")
    async def latest_version(self, info: Info) -> WorkflowVersion | None:
        if self.published_version is None:
            return None
        return await info.context.reads.version(UUID(self.id), self.published_version)

    @field("Published versions, newest first.")
    async def versions(
        self, info: Info, first: First = None, after: After = None, last: Last = None, before: Before = None
    ) -> Connection[WorkflowVersion]:
        page = page_of(info, first, after, last, before)
        return await info.context.reads.versions(UUID(self.id), page)

    @field("Executions of any of its versions, newest first.")
    async def executions(
        self, info: Info, first: First = None, after: After = None, last: Last = None, before: Before = None
    ) -> Connection[LazyExecution]:
        page = page_of(info, first, after, last, before)
        return await info.context.reads.executions(UUID(self.id), page)

    @field("Slots that are taken, where `settings.concurrency` limits how many executions run at once.")
    async def slots(self, info: Info) -> list[WorkflowSlot]:
        return list(await info.context.reads.slots(UUID(self.id)))


WorkflowConnection: TypeAlias = Connection[Workflow]
